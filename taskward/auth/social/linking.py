"""One more account for a user who is signed in: Better Auth's rules for `/link-social`."""

from taskward.auth import store
from taskward.auth.errors import APIError
from taskward.auth.exchange import Exchange
from taskward.auth.social.account_store import Identity, create_account, find_account, update_tokens
from taskward.auth.social.accounts import apply_profile, in_transaction, trusts
from taskward.auth.social.redirects import RefusedError
from taskward.auth.social.sealing import seal, unseal
from taskward.auth.social.state import Link
from taskward.statements import Executor
from taskward.timestamps import now

_PURPOSE = "oauth-link-session-token"


def remember_link(exchange: Exchange) -> Link:
    """Describe whose account it will be, for the state; the session must still be there then."""
    session = exchange.session
    sealed = seal(exchange.auth.options.secret, _PURPOSE, session["session.token"])
    return Link(session["user.id"], session["user.email"], sealed)


async def link_from_callback(exchange: Exchange, link: Link, identity: Identity) -> None:
    """Give the account to the user who began to link it.

    Raises:
        RefusedError: the code of what forbids it.
    """

    async def attempt(connection: Executor) -> None:
        linking = exchange.auth.options.account_linking
        if not await _is_session_live(exchange, connection, link) or not trusts(linking, identity):
            raise RefusedError("unable_to_link_account")
        if identity.email != link.email.lower() and not linking.allow_different_emails:
            raise RefusedError("email_does_not_match")
        account = await find_account(connection, identity)
        if account is not None and account["user_id"] != link.user_id:
            raise RefusedError("account_already_linked_to_different_user")
        if account is not None:
            await update_tokens(connection, account, identity.tokens, merge_scopes=True)
        else:
            await create_account(connection, link.user_id, identity)
        await apply_profile(connection, linking, link.user_id, identity.profile)

    await in_transaction(exchange, attempt)


async def link_from_id_token(exchange: Exchange, identity: Identity) -> None:
    """Give the account to the user who is signed in.

    Raises:
        APIError: 401 or 409, what forbids it.
    """

    async def attempt(connection: Executor) -> None:
        linking = exchange.auth.options.account_linking
        user_id = exchange.session["user.id"]
        account = await find_account(connection, identity)
        if account is not None and account["user_id"] != user_id:
            raise APIError(409, "SOCIAL_ACCOUNT_ALREADY_LINKED")
        if account is not None:
            await update_tokens(connection, account, identity.tokens, merge_scopes=False)
        else:
            _require_permission(exchange, identity)
            await create_account(connection, user_id, identity)
        await apply_profile(connection, linking, user_id, identity.profile)

    try:
        await in_transaction(exchange, attempt)
    except RefusedError:
        raise APIError(417, "LINKING_FAILED") from None


def _require_permission(exchange: Exchange, identity: Identity) -> None:
    linking = exchange.auth.options.account_linking
    if not trusts(linking, identity):
        raise APIError(401, "LINKING_NOT_ALLOWED")
    same = identity.email == exchange.session["user.email"].lower()
    if not same and not linking.allow_different_emails:
        raise APIError(401, "LINKING_DIFFERENT_EMAILS_NOT_ALLOWED")


async def _is_session_live(exchange: Exchange, connection: Executor, link: Link) -> bool:
    """Whoever signed out meanwhile, or was signed out, links nothing any more."""
    if link.sealed_session_token is None:
        return True
    options = exchange.auth.options
    secrets = (options.secret, *options.old_secrets)
    token = unseal(secrets, _PURPOSE, link.sealed_session_token)
    found = token and await store.FIND_SESSION.fetchrow(connection, token=token)
    if not found:
        return False
    return bool(found["user.id"] == link.user_id and found["session.expiresAt"] > now())
