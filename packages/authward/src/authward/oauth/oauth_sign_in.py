"""OAuth sign-in: which user an account at a provider belongs to, by Better Auth's rules."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from asyncpg import IntegrityConstraintViolationError

from authward.callbacks import UserInfo
from authward.core.password_auth import IMAGE_MAX_LENGTH, NAME_MAX_LENGTH
from authward.core.user_changes import (
    before_create,
    update_user,
    validate_user_info,
    with_defaults,
)
from authward.endpoint_context import EndpointContext
from authward.oauth.account_cookie import remember_account
from authward.oauth.account_store import (
    DuplicateAccountError,
    Identity,
    create_account,
    find_account,
    update_tokens,
)
from authward.oauth.errors import OAuthFlowError
from authward.oauth.provider import Profile
from authward.oauth.redirects import redirect_to_error
from authward.options import AccountLinking
from authward.schema.values import InvalidFieldError
from authward.storage.rows import AuthSession, AuthUser, values_of
from authward.storage.statements import Executor
from authward.storage.users import ConstraintError, NewUser

_EMAIL_MAX_LENGTH = 1024

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session and its user."""

    session: AuthSession
    user: AuthUser
    is_new: bool


async def sign_in(
    ctx: EndpointContext, identity: Identity, *, allow_sign_up: bool, override_user_info: bool
) -> SignedIn:
    """Find or create the user and create a session.

    Args:
        ctx: the request whose client gets the session.
        identity: the account at the provider, with an e-mail address.
        allow_sign_up: whether an unknown person becomes a user.
        override_user_info: whether the provider's data replaces that of a known user.

    Raises:
        OAuthFlowError: sign-in is not allowed.
        BannedUserError: the user is banned.
    """

    async def attempt(connection: Executor) -> SignedIn:
        user = await _find_user(ctx, connection, identity)
        is_new = user is None
        if user is None:
            user = await _create_user(ctx, connection, identity, allow_sign_up=allow_sign_up)
        elif override_user_info:
            user = await _override_user_info(ctx, connection, user, identity) or user
        session = await ctx.create_session(user.id)
        if session is None:
            raise OAuthFlowError("unable to create session")
        return SignedIn(session, user, is_new)

    signed_in = await retry_in_transaction(ctx, attempt)
    if ctx.auth.options.account.store_account_cookie:
        await remember_account(ctx, identity)
    return signed_in


async def retry_in_transaction(
    ctx: EndpointContext, attempt: Callable[[Executor], Awaitable[_Result]]
) -> _Result:
    """Run `attempt` in a transaction; retry once after a conflict with a concurrent one.

    Raises:
        OAuthFlowError: a second conflict.
        APIError: 302, the account exists twice.
    """
    for _ in range(2):
        try:
            async with ctx.transaction() as connection:
                return await attempt(connection)
        except (IntegrityConstraintViolationError, ConstraintError):
            continue
        except DuplicateAccountError:
            redirect_to_error(ctx, None, "internal_server_error")
    raise OAuthFlowError("unable to create user")


async def update_user_info(ctx: EndpointContext, user_id: str, profile: Profile) -> AuthUser | None:
    """Update name and image from a newly linked account, if `update_user_info_on_link` is set."""
    if not ctx.auth.options.account.account_linking.update_user_info_on_link:
        return None
    given = {"name": _name(profile) or None, "image": _image(profile)}
    values = {name: value for name, value in given.items() if value is not None}
    return await update_user(ctx, user_id, values)


async def validate_identity(
    ctx: EndpointContext, user_id: str, identity: Identity, action: str
) -> None:
    """Ask the application whether it wants this account of a known user.

    Raises:
        APIError: 403 with the application's code.
    """
    profile = identity.profile
    user = {
        "id": user_id,
        "name": profile.name,
        "email": identity.email,
        "image": profile.image,
        "emailVerified": profile.email_verified,
        **profile.fields,
    }
    info = UserInfo(user, action, "oauth", identity.provider_id, profile.data)
    await validate_user_info(ctx, info)


def is_trusted(linking: AccountLinking, identity: Identity) -> bool:
    """Whether the provider has verified the address or is a trusted provider."""
    trusted = identity.provider_id in linking.trusted_providers
    return linking.enabled and (trusted or identity.profile.email_verified)


async def _find_user(
    ctx: EndpointContext, connection: Executor, identity: Identity
) -> AuthUser | None:
    auth = ctx.auth
    account = await find_account(connection, identity)
    if account is None:
        user = await auth.users.find_by_email(connection, identity.email)
        return user and await _link(ctx, user, identity)
    user = await auth.users.find(connection, account["user_id"])
    if user is None:
        raise OAuthFlowError("unable to link account")
    await validate_identity(ctx, user.id, identity, "sign-in")
    await update_tokens(ctx, account, identity.tokens, merge_scopes=False)
    await _mark_email_verified(ctx, user, identity)
    return user


async def _link(ctx: EndpointContext, user: AuthUser, identity: Identity) -> AuthUser:
    linking = ctx.auth.options.account.account_linking
    verified_here = user.email_verified or not linking.require_local_email_verified
    if not is_trusted(linking, identity) or not verified_here or linking.disable_implicit_linking:
        raise OAuthFlowError("account not linked")
    await validate_identity(ctx, user.id, identity, "link-account")
    await create_account(ctx, user.id, identity)
    await _mark_email_verified(ctx, user, identity)
    return await update_user_info(ctx, user.id, identity.profile) or user


async def _create_user(
    ctx: EndpointContext, connection: Executor, identity: Identity, *, allow_sign_up: bool
) -> AuthUser:
    if not allow_sign_up:
        raise OAuthFlowError("signup disabled")
    if len(identity.email) > _EMAIL_MAX_LENGTH:
        raise OAuthFlowError("unable to create user")
    profile = identity.profile
    new = with_defaults(
        ctx,
        NewUser(
            _name(profile),
            identity.email,
            _image(profile),
            email_verified=profile.email_verified,
            fields=_added_fields(ctx, profile),
        ),
    )
    provider_id, data = identity.provider_id, profile.data
    new = await before_create(ctx, new, method="oauth", provider_id=provider_id, profile=data)
    user = await ctx.auth.users.create_without_password(connection, new)
    await create_account(ctx, user.id, identity)
    ctx.after_write("user", "create", values_of(user), user.id)
    return user


async def _mark_email_verified(ctx: EndpointContext, user: AuthUser, identity: Identity) -> None:
    """Mark the user's address as verified if the provider has verified the same address."""
    verified = identity.profile.email_verified and identity.email == user.email
    if verified and not user.email_verified:
        await update_user(ctx, user.id, {"emailVerified": True})


async def _override_user_info(
    ctx: EndpointContext, connection: Executor, user: AuthUser, identity: Identity
) -> AuthUser | None:
    verified = identity.profile.email_verified
    if identity.email == user.email:
        verified = verified or user.email_verified
    else:
        await ctx.auth.verifications.end_links(connection, user.id)
    image = _image(identity.profile)
    return await update_user(
        ctx,
        user.id,
        {
            "name": _name(identity.profile),
            "email": identity.email,
            "emailVerified": verified,
            **({} if image is None else {"image": image}),
        },
    )


def _added_fields(ctx: EndpointContext, profile: Profile) -> dict[str, Any]:
    """Return what the app's mapping says of fields that it has added; others are left out."""
    added = ctx.auth.schema.added["user"]
    given = {name: value for name, value in profile.fields.items() if name in added}
    try:
        return ctx.auth.to_database("user", given)
    except InvalidFieldError:
        raise OAuthFlowError("unable to create user") from None


def _name(profile: Profile) -> str:
    return profile.name[:NAME_MAX_LENGTH]


def _image(profile: Profile) -> str | None:
    fits = profile.image is not None and len(profile.image) <= IMAGE_MAX_LENGTH
    return profile.image if fits else None
