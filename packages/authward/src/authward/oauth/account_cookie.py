"""`account.store_account_cookie`: the account of a sign-in, encrypted in the browser."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from authward.endpoint_context import EndpointContext
from authward.oauth.account_store import FIND_ROW_BY_KEY, Identity
from authward.timestamps import to_json

_PURPOSE = "better-auth-account"
_MAX_AGE = 300
_MAX_COOKIE_BYTES = 4_050
_MAX_CHUNKS = 100
_MAX_TOKEN_LENGTH = 65_536


async def remember_account(ctx: EndpointContext, identity: Identity) -> None:
    """Set the cookie for the account that somebody has signed in with."""
    key = {"provider_id": identity.provider_id, "account_id": identity.profile.account_id}
    row = await FIND_ROW_BY_KEY.fetchrow(ctx.database, **key)
    if row is not None:
        set_account_cookie(ctx, account_json(dict(row)))


def account_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as the original has it in the cookie; tokens as they are in the table."""
    return {
        name: to_json(value) if isinstance(value, datetime) else value
        for name, value in row.items()
    }


def set_account_cookie(ctx: EndpointContext, account: Mapping[str, Any]) -> None:
    """Set the cookie, in parts where it is too long for one."""
    from authward.security.encrypted_jwt import encode_encrypted  # noqa: PLC0415

    secret, cookies = ctx.auth.options.secret, ctx.auth.cookies
    name = cookies.account_data
    token = encode_encrypted(secret, _PURPOSE, account, _MAX_AGE)
    size = _MAX_COOKIE_BYTES - len(cookies.set_cookie(f"{name}.99", "", _MAX_AGE))
    parts = [token[start : start + size] for start in range(0, len(token), size)]
    if len(parts) > _MAX_CHUNKS:
        parts = []
    named = {name: token} if len(parts) == 1 else {f"{name}.{i}": p for i, p in enumerate(parts)}
    old = [chunk for chunk in ctx.chunks_of(name) if chunk not in named][:_MAX_CHUNKS]
    ctx.set_cookies += [cookies.set_cookie(chunk, "", 0) for chunk in old]
    ctx.set_cookies += [cookies.set_cookie(n, part, _MAX_AGE) for n, part in named.items()]


def read_account_cookie(ctx: EndpointContext) -> dict[str, Any] | None:
    """Return the account in the cookie; None without a valid one."""
    from authward.security.encrypted_jwt import decode_encrypted  # noqa: PLC0415

    name = ctx.auth.cookies.account_data
    token = ctx.cookies.get(name) or "".join(
        ctx.cookies[chunk] for chunk in sorted(ctx.chunks_of(name), key=_position)
    )
    if not token or len(token) > _MAX_TOKEN_LENGTH:
        return None
    options = ctx.auth.options
    return decode_encrypted((options.secret, *options.old_secrets), _PURPOSE, token)


def _position(chunk: str) -> int:
    number = chunk.rpartition(".")[2]
    return int(number) if number.isdigit() else -1
