"""Around the writing of accounts and verifications: hooks."""

from datetime import timedelta

from authward.endpoint_context import EndpointContext
from authward.storage import credentials
from authward.storage.verification import Kept
from authward.text import is_storable
from authward.timestamps import now


async def before_credential(ctx: EndpointContext, user_id: str, hashed: str) -> str:
    """Return the (hashed) password of a new account as hooks want it."""
    values = {"providerId": "credential", "accountId": user_id, "userId": user_id}
    given = {**values, "password": hashed}
    return str((await ctx.before_write("account", "create", given, user_id))["password"])


def after_credential(ctx: EndpointContext, user_id: str) -> None:
    """Tell the hooks of a new account with a password."""
    values = {"providerId": "credential", "accountId": user_id, "userId": user_id}
    ctx.after_write("account", "create", values, user_id)


async def set_password(ctx: EndpointContext, user_id: str, hashed: str) -> None:
    """Give a user, whose row is locked, a (hashed) password; see `credentials.set_password`.

    The links that were mailed to the user before it, to choose a password or to delete the account,
    end with the old one, and so does a sign-in by it that waits for the second factor.
    """
    database, hooks = ctx.database, ctx.auth.database_hooks
    await ctx.auth.verifications.end_links(database, user_id)
    is_first = hooks.are_around(
        "account", "create"
    ) and not await credentials.FIND_CREDENTIAL.fetchrow(database, user_id=user_id)
    if is_first:
        hashed = await before_credential(ctx, user_id, hashed)
        await credentials.set_password(database, ctx.auth.adapter, user_id, hashed)
        after_credential(ctx, user_id)
        return
    changed = await ctx.before_write("account", "update", {"password": hashed}, user_id)
    await credentials.set_password(database, ctx.auth.adapter, user_id, changed["password"])
    ctx.after_write("account", "update", {}, user_id)


async def keep(ctx: EndpointContext, identifier: str, value: str, lifetime: timedelta) -> None:
    """Keep a value to be found by `identifier`; see `Verifications.create`."""
    verifications = ctx.auth.verifications
    stored = await verifications.stored(identifier)
    given = {"identifier": stored, "value": value, "expiresAt": now() + lifetime}
    changed = await ctx.before_write("verification", "create", given)
    lifetime = changed["expiresAt"] - now() if changed is not given else lifetime
    await verifications.create(ctx.database, changed["identifier"], changed["value"], lifetime)
    ctx.after_write("verification", "create", changed)


async def consume(ctx: EndpointContext, identifier: str) -> str | None:
    """Return a value and remove it; see `Verifications.consume`."""
    found = await take(ctx, identifier)
    return None if found is None else found.value


async def take(ctx: EndpointContext, identifier: str) -> Kept | None:
    """Return a value with its end, and remove it; see `Verifications.consume`."""
    verifications = ctx.auth.verifications
    if not is_storable(identifier):
        return None
    if not verifications.in_database:
        return await verifications.consume(ctx.database, identifier)
    stored = await verifications.stored(identifier)
    async with ctx.deleting("verification", identifier=stored) as rows:
        found = await verifications.consume(ctx.database, identifier)
        if found is None:
            rows.clear()
    return found
