"""Keys in the place of sessions, and of tokens: for endpoints of the server and of the host."""

from datetime import timedelta
from typing import Any, Final

from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.api_key.cleaning import ExpiredKeys
from authward.plugins.api_key.codes import ApiKeyCode
from authward.plugins.api_key.options import ID, ApiKeyOptions, KeyRequest
from authward.plugins.api_key.verifying import Verifier, Wanted
from authward.security.client_ip import client_address
from authward.storage.adapter import Row
from authward.storage.new_sessions import BannedUserError
from authward.storage.rows import AuthSession, AuthUser, SessionAndUser
from authward.timestamps import now, to_json

GET_SESSION: Final = "/get-session"
ONLY_BY_SESSION: Final = frozenset(
    {
        "/change-email",
        "/change-password",
        "/delete-user",
        "/device",
        "/device/approve",
        "/device/deny",
        "/link-social",
        "/list-sessions",
        "/revoke-other-sessions",
        "/revoke-session",
        "/revoke-sessions",
        "/unlink-account",
        "/verify-password",
    }
)
"""Where the original reads the session again, so that no key will do."""


class KeySessions:
    """Finds the user of a key."""

    def __init__(self, verifier: Verifier, expired: ExpiredKeys) -> None:
        self._verifier = verifier
        self._expired = expired

    async def take_key(self, ctx: EndpointContext) -> None:
        """Let a good key stand for a session; a bad one is refused.

        Raises:
            APIError: 401, 403 or 429.
        """
        found = self._find(ctx)
        if found is None:
            return
        key, options = found
        row, user = await self._verified(ctx, key, options)
        if ctx.path not in ONLY_BY_SESSION:
            ctx.use_session(_session(ctx, row, user, key), for_all=True)
        ctx.extensions[ID] = row

    async def user_id(self, ctx: EndpointContext) -> str | None:
        """Return the user whose key the request bears, None where it bears none.

        Raises:
            APIError: 401, 403 or 429.
        """
        found = self._find(ctx, of_the_host=True)
        return None if found is None else (await self._verified(ctx, *found))[1].id

    async def show_session(self, ctx: EndpointContext) -> dict[str, Any] | None:
        """Show the session that a key stands for, in the original's order."""
        if ID not in ctx.extensions or not isinstance(ctx.returned, dict):
            return None
        session, user = ctx.session.session, ctx.session.user
        return {
            "user": ctx.auth.output.user(user),
            "session": {
                "id": session.id,
                "token": session.token,
                "userId": session.user_id,
                "userAgent": session.user_agent,
                "ipAddress": session.ip_address,
                "createdAt": to_json(session.created_at),
                "updatedAt": to_json(session.updated_at),
                "expiresAt": to_json(session.expires_at),
            },
        }

    def _find(
        self, ctx: EndpointContext, *, of_the_host: bool = False
    ) -> tuple[str, ApiKeyOptions] | None:
        for options in self._verifier.kinds:
            stands = options.enable_session_for_api_keys
            is_asked = options.is_good_for_current_user if of_the_host else stands
            key = _key_of(ctx, options) if is_asked else None
            if key:
                return key, options
        return None

    async def _verified(
        self, ctx: EndpointContext, key: str, options: ApiKeyOptions
    ) -> tuple[Row, AuthUser]:
        if not isinstance(key, str):
            raise APIError(ApiKeyCode.INVALID_API_KEY_GETTER_RETURN_TYPE)
        request, validator = KeyRequest(ctx=ctx, key=key), options.custom_api_key_validator
        if len(key) < options.default_key_length:
            raise APIError(ApiKeyCode.INVALID_API_KEY, status=403)
        if validator is not None and not await validator(request):
            raise APIError(ApiKeyCode.INVALID_API_KEY, status=403)
        wanted = Wanted(request=request, lookup=options, config_id=options.config_id)
        row = await self._verifier.verify(wanted)
        self._expired.remove_after(ctx)
        user = await ctx.auth.users.find(ctx.auth.pool, row["referenceId"])
        if user is None:
            raise APIError(ApiKeyCode.INVALID_REFERENCE_ID_FROM_API_KEY)
        if _is_banned(user):
            raise BannedUserError
        return row, user


def _key_of(ctx: EndpointContext, options: ApiKeyOptions) -> str | None:
    if options.custom_api_key_getter is not None:
        return options.custom_api_key_getter(ctx)
    given = (ctx.request.headers.get(name) for name in options.headers)
    return next((value for value in given if value), None)


def _is_banned(user: AuthUser) -> bool:
    ends = user.fields.get("banExpires")
    return bool(user.fields.get("banned")) and (ends is None or ends > now())


def _session(ctx: EndpointContext, row: Row, user: AuthUser, key: str) -> SessionAndUser:
    moment, options = now(), ctx.auth.options
    # The original takes the seconds of a session for milliseconds here.
    lifetime = timedelta(milliseconds=options.session.expires_in)
    session = AuthSession(
        id=row["id"],
        expires_at=row["expiresAt"] or moment + lifetime,
        token=key,
        created_at=moment,
        updated_at=moment,
        ip_address=client_address(ctx.request, options.advanced.trusted_proxy_hops),
        user_agent=ctx.request.headers.get("user-agent"),
        user_id=user.id,
        fields=dict.fromkeys(ctx.auth.schema.added["session"]),
    )
    return SessionAndUser(session, user)
