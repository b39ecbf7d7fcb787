"""Linking an account to a user who is signed in: Better Auth's rules for `/link-social`."""

from authward.codes import Code
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.oauth.account_store import Identity, create_account, find_account, update_tokens
from authward.oauth.errors import OAuthFlowError
from authward.oauth.oauth_sign_in import (
    is_trusted,
    retry_in_transaction,
    update_user_info,
    validate_identity,
)
from authward.oauth.state import AccountLink
from authward.security.encryption import decrypt, encrypt
from authward.storage.statements import Executor
from authward.timestamps import now

_PURPOSE = "oauth-link-session-token"


def account_link(ctx: EndpointContext) -> AccountLink:
    """Return the user to link to, for the state; the session must outlive the redirect."""
    session = ctx.session
    encrypted = encrypt(ctx.auth.options.secret, _PURPOSE, session.session.token)
    return AccountLink(session.user.id, session.user.email, encrypted)


async def link_from_callback(ctx: EndpointContext, link: AccountLink, identity: Identity) -> None:
    """Link the account to the user who began the flow.

    Raises:
        OAuthFlowError: linking is not allowed.
    """

    async def attempt(connection: Executor) -> None:
        linking = ctx.auth.options.account.account_linking
        if not await _is_session_live(ctx, connection, link):
            raise OAuthFlowError("unable_to_link_account")
        await validate_identity(ctx, link.user_id, identity, "link-account")
        if not is_trusted(linking, identity):
            raise OAuthFlowError("unable_to_link_account")
        if identity.email != link.email.lower() and not linking.allow_different_emails:
            raise OAuthFlowError("email_does_not_match")
        account = await find_account(connection, identity)
        if account is not None and account["user_id"] != link.user_id:
            raise OAuthFlowError("account_already_linked_to_different_user")
        if account is not None:
            await update_tokens(ctx, account, identity.tokens, merge_scopes=True)
        else:
            await create_account(ctx, link.user_id, identity)
        await update_user_info(ctx, link.user_id, identity.profile)

    await retry_in_transaction(ctx, attempt)


async def link_from_id_token(ctx: EndpointContext, identity: Identity) -> None:
    """Link the account to the user who is signed in.

    Raises:
        APIError: 401 or 409, linking is not allowed.
    """

    async def attempt(connection: Executor) -> None:
        user_id = ctx.session.user.id
        account = await find_account(connection, identity)
        if account is not None and account["user_id"] != user_id:
            raise APIError(Code.SOCIAL_ACCOUNT_ALREADY_LINKED)
        if account is not None:
            await update_tokens(ctx, account, identity.tokens, merge_scopes=False)
        else:
            _require_permission(ctx, identity)
            await create_account(ctx, user_id, identity)
        await update_user_info(ctx, user_id, identity.profile)

    try:
        await retry_in_transaction(ctx, attempt)
    except OAuthFlowError:
        raise APIError(Code.LINKING_FAILED) from None


def _require_permission(ctx: EndpointContext, identity: Identity) -> None:
    linking = ctx.auth.options.account.account_linking
    if not is_trusted(linking, identity):
        raise APIError(Code.LINKING_NOT_ALLOWED)
    same = identity.email == ctx.session.user.email.lower()
    if not same and not linking.allow_different_emails:
        raise APIError(Code.LINKING_DIFFERENT_EMAILS_NOT_ALLOWED)


async def _is_session_live(ctx: EndpointContext, connection: Executor, link: AccountLink) -> bool:
    """A user who signed out meanwhile links nothing."""
    if link.encrypted_session_token is None:
        return True
    options = ctx.auth.options
    secrets = (options.secret, *options.old_secrets)
    token = decrypt(secrets, _PURPOSE, link.encrypted_session_token)
    found = await ctx.auth.sessions.find(connection, token) if token else None
    if not found:
        return False
    return found.user.id == link.user_id and found.session.expires_at > now()
