"""Whose session it becomes when somebody comes back from a provider: Better Auth's rules.

An account that is known signs its user in. An unknown one with a known e-mail address becomes the
user's only if the address is verified on both sides. Otherwise it makes a new user. All of that
happens in one transaction, and callbacks for one account wait for each other.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from asyncpg import ForeignKeyViolationError, Record, UniqueViolationError

from taskward.auth import store
from taskward.auth.exchange import Exchange
from taskward.auth.options import AccountLinking
from taskward.auth.registration import IMAGE_MAX_LENGTH, NAME_MAX_LENGTH
from taskward.auth.social.account_store import (
    CREATE_USER,
    FIND_USER,
    FIND_USER_BY_EMAIL,
    DuplicateAccountError,
    Identity,
    create_account,
    find_account,
    update_tokens,
    update_user,
)
from taskward.auth.social.provider import Profile
from taskward.auth.social.redirects import RefusedError, redirect_to_error
from taskward.statements import Executor
from taskward.timestamps import now

_EMAIL_MAX_LENGTH = 1024

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session and its user, who may be new as well."""

    session: Record
    user: Record
    is_new: bool


async def sign_in(
    exchange: Exchange, identity: Identity, *, may_sign_up: bool, overrides: bool
) -> SignedIn:
    """Find or make the user and start a session.

    Args:
        exchange: whose session it will be.
        identity: who came back, with an e-mail address.
        may_sign_up: whether somebody new becomes a user.
        overrides: whether the provider's data replaces a known user's.

    Raises:
        RefusedError: the rules forbid it.
    """

    async def attempt(connection: Executor) -> SignedIn:
        linking = exchange.auth.options.account_linking
        user = await _find_user(connection, linking, identity)
        is_new = user is None
        if user is None:
            user = await _create_user(connection, identity, may_sign_up=may_sign_up)
        elif overrides:
            user = await _override(connection, user, identity) or user
        session = await store.create_session(connection, exchange.new_session(user["id"]))
        if session is None:
            raise RefusedError("unable to create session")
        return SignedIn(session, user, is_new)

    return await in_transaction(exchange, attempt)


async def in_transaction(
    exchange: Exchange, attempt: Callable[[Executor], Awaitable[_Result]]
) -> _Result:
    """Run `attempt` whole or not at all; once more if somebody else was faster.

    Raises:
        RefusedError: somebody was faster again.
        APIError: 302, for an account that is there twice.
    """
    for _ in range(2):
        try:
            async with exchange.auth.transaction() as connection:
                return await attempt(connection)
        except (UniqueViolationError, ForeignKeyViolationError):
            continue
        except DuplicateAccountError:
            redirect_to_error(exchange, None, "internal_server_error")
    raise RefusedError("unable to create user")


async def apply_profile(
    connection: Executor, linking: AccountLinking, user_id: str, profile: Profile
) -> Record | None:
    """Let name and image follow a newly linked account, where the options say so."""
    if not linking.update_user_info_on_link:
        return None
    name = _name(profile) or None
    return await update_user(connection, user_id, name=name, image=_image(profile))


def trusts(linking: AccountLinking, identity: Identity) -> bool:
    """Whether the address at the provider is verified, or the provider trusted to verify."""
    trusted = identity.provider_id in linking.trusted_providers
    return linking.enabled and (trusted or identity.profile.email_verified)


async def _find_user(
    connection: Executor, linking: AccountLinking, identity: Identity
) -> Record | None:
    account = await find_account(connection, identity)
    if account is None:
        user = await FIND_USER_BY_EMAIL.fetchrow(connection, email=identity.email)
        return user and await _link(connection, linking, user, identity)
    user = await FIND_USER.fetchrow(connection, user_id=account["user_id"])
    if user is None:
        raise RefusedError("unable to link account")
    await update_tokens(connection, account, identity.tokens, merge_scopes=False)
    await _verify(connection, user, identity)
    return user


async def _link(
    connection: Executor, linking: AccountLinking, user: Record, identity: Identity
) -> Record:
    verified_here = user["emailVerified"] or not linking.require_local_email_verified
    if not trusts(linking, identity) or not verified_here or linking.disable_implicit_linking:
        raise RefusedError("account not linked")
    await create_account(connection, user["id"], identity)
    await _verify(connection, user, identity)
    return await apply_profile(connection, linking, user["id"], identity.profile) or user


async def _create_user(connection: Executor, identity: Identity, *, may_sign_up: bool) -> Record:
    if not may_sign_up:
        raise RefusedError("signup disabled")
    if len(identity.email) > _EMAIL_MAX_LENGTH:
        raise RefusedError("unable to create user")
    user = await CREATE_USER.fetchrow(
        connection,
        user_id=store.generate_id(),
        name=_name(identity.profile),
        email=identity.email,
        email_verified=identity.profile.email_verified,
        image=_image(identity.profile),
        now=now(),
    )
    if user is None:
        raise RefusedError("unable to create user")
    await create_account(connection, user["id"], identity)
    return user


async def _verify(connection: Executor, user: Record, identity: Identity) -> None:
    """A verified address at the provider verifies the same address here."""
    verified = identity.profile.email_verified and identity.email == user["email"]
    if verified and not user["emailVerified"]:
        await update_user(connection, user["id"], email_verified=True)


async def _override(connection: Executor, user: Record, identity: Identity) -> Record | None:
    verified = identity.profile.email_verified
    if identity.email == user["email"]:
        verified = verified or user["emailVerified"]
    return await update_user(
        connection,
        user["id"],
        name=_name(identity.profile),
        image=_image(identity.profile),
        email=identity.email,
        email_verified=verified,
    )


def _name(profile: Profile) -> str:
    return profile.name[:NAME_MAX_LENGTH]


def _image(profile: Profile) -> str | None:
    fits = profile.image is not None and len(profile.image) <= IMAGE_MAX_LENGTH
    return profile.image if fits else None
