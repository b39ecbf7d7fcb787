"""Who asks, what they may do, and whom they mean."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from authward.codes import Code, ErrorCode
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.admin.codes import AdminCode
from authward.plugins.admin.options import AdminOptions
from authward.storage.rows import AuthUser
from authward.text import is_storable
from authward.timestamps import now
from authward.validation_kinds import AnyAsText, js_text

USER_ID = AnyAsText(description="The user's id")
BAN_FIELDS = ("banned", "banReason", "banExpires")


class Guard:
    """The plugin's options, and the questions that all of its endpoints ask."""

    def __init__(self, options: AdminOptions) -> None:
        self.options = options

    async def require(
        self, ctx: EndpointContext, resource: str, action: str, refusal: ErrorCode
    ) -> AuthUser:
        """Return who asks, if they may do this.

        Raises:
            APIError: 401 without a session, else 403.
        """
        user = await self.session_user(ctx)
        self.check(user, resource, action, refusal)
        return user

    def check(self, user: AuthUser, resource: str, action: str, refusal: ErrorCode) -> None:
        """Refuse a user who may not do this."""
        if not self.options.allows(user.id, user.fields["role"], {resource: [action]}):
            raise APIError(refusal)

    @staticmethod
    async def session_user(ctx: EndpointContext) -> AuthUser:
        """Return who asks.

        Raises:
            APIError: 401 without a word, as the original.
        """
        found = await ctx.load_session()
        if found is None:
            raise APIError(401)
        del ctx.set_cookies[:-1]  # as the original, where a middleware's last cookie wins
        return found.user

    def check_roles(self, roles: Any) -> str:
        """Return one role or several as the column has them.

        Raises:
            APIError: 400 for other types, and for roles that there are not.
        """
        given = roles if isinstance(roles, list) else [roles]
        for role in given:
            if not isinstance(role, str):
                raise APIError(AdminCode.INVALID_ROLE_TYPE)
            if self.options.roles is not None and role not in self.options.roles:
                raise APIError(AdminCode.YOU_ARE_NOT_ALLOWED_TO_SET_NON_EXISTENT_VALUE)
        return ",".join(given)


async def find_user(ctx: EndpointContext) -> AuthUser:
    """Return the user whom the body means.

    Raises:
        APIError: 404.
    """
    user_id = meant_id(ctx)
    user = await ctx.auth.users.find(ctx.database, user_id) if is_storable(user_id) else None
    if user is None:
        raise no_such_user()
    return user


def meant_id(ctx: EndpointContext) -> str:
    """Return the id in the body, whatever type it has there."""
    return js_text(ctx.body["userId"])


def no_such_user() -> APIError:
    """Return the error: there is no such user."""
    return APIError(Code.USER_NOT_FOUND, status=404)


def after_seconds(seconds: float) -> datetime:
    """Return the time that many seconds from now.

    Raises:
        APIError: 400, there is no such time.
    """
    try:
        moment = now() + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        raise APIError(Code.VALIDATION_ERROR, message="there is no such time") from None
    return moment


def has_any(values: Any, names: Sequence[str]) -> bool:
    """Whether an object has one of these properties, whatever their values are."""
    return any(name in values for name in names)
