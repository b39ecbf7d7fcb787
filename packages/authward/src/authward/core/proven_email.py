"""Users who have shown to have an e-mail address: by a link or a code that was sent there."""

from asyncpg import IntegrityConstraintViolationError

from authward.core.user_changes import before_create, update_user, with_defaults
from authward.endpoint_context import EndpointContext
from authward.storage.rows import AuthUser, values_of
from authward.storage.users import NewUser


async def create_user(ctx: EndpointContext, user: NewUser, method: str) -> AuthUser:
    """Create a user without a password, or return the one whom another request has just created.

    Raises:
        APIError: whatever hooks raise.
    """
    new = await before_create(ctx, with_defaults(ctx, user), method=method)
    try:
        created = await ctx.auth.users.create_without_password(ctx.database, new)
    except IntegrityConstraintViolationError:
        found = await ctx.auth.users.find_by_email(ctx.auth.pool, new.email)
        if found is None:
            raise
        return found
    ctx.after_write("user", "create", values_of(created), created.id)
    return created


async def take_over(ctx: EndpointContext, user: AuthUser) -> AuthUser | None:
    """Note that the user has the address; None if the user is not there any more.

    Whoever signed up with an address that they could not read keeps nothing of it: passwords,
    accounts at providers and sessions of the time before end here.
    """
    if user.email_verified:
        return user
    async with ctx.transaction() as connection:
        locked = await ctx.auth.users.lock(connection, user.id)
        if locked is None or locked.email_verified:
            return locked
        async with ctx.deleting("account", userId=user.id):
            await ctx.auth.adapter.delete(connection, "account", {"userId": user.id})
        await ctx.delete_sessions(user.id)
        return await update_user(ctx, user.id, {"emailVerified": True})
