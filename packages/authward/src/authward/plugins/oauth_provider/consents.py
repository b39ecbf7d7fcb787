"""What a user has allowed to whom; taking it back disconnects the client."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, delete, select

from authward.endpoint_context import EndpointContext
from authward.plugins.oauth_provider.clients import find_client
from authward.plugins.oauth_provider.errors import OAuthError, not_found, unauthorized
from authward.plugins.oauth_provider.provider import provider_of
from authward.plugins.oauth_provider.rows import ACCESS_TOKENS, CONSENTS, REFRESH_TOKENS, Row
from authward.storage.statements import Executor, Statement
from authward.timestamps import now, to_json
from authward.validation import UNDEFINED

_REFRESH, _ACCESS = REFRESH_TOKENS.table, ACCESS_TOKENS.table
_OF_BOTH = (
    _REFRESH.c.clientId == bindparam("client_id"),
    _REFRESH.c.userId == bindparam("user_id"),
)
_FAMILY = select(_REFRESH.c.id).where(*_OF_BOTH)
DELETE_ACCESS_TOKENS = Statement(delete(_ACCESS).where(_ACCESS.c.refreshId.in_(_FAMILY)))
DELETE_REFRESH_TOKENS = Statement(delete(_REFRESH).where(*_OF_BOTH).returning(_REFRESH.c.id))
DELETE_ALL_ACCESS_TOKENS = Statement(
    delete(_ACCESS).where(
        _ACCESS.c.clientId == bindparam("client_id"), _ACCESS.c.userId == bindparam("user_id")
    )
)
DELETE_ACCESS_TOKENS_OF_CODE = Statement(
    delete(_ACCESS).where(_ACCESS.c.authorizationCodeId == bindparam("code_id"))
)
DELETE_REFRESH_TOKENS_OF_CODE = Statement(
    delete(_REFRESH)
    .where(_REFRESH.c.authorizationCodeId == bindparam("code_id"))
    .returning(_REFRESH.c.id)
)


async def end_refresh_tokens(database: Executor, client_id: str, user_id: str) -> None:
    """Delete all refresh tokens of a client and a user, and the access tokens made by them."""
    whose = {"client_id": client_id, "user_id": user_id}
    await _end_family(database, DELETE_ACCESS_TOKENS, DELETE_REFRESH_TOKENS, whose)


async def end_tokens_of_code(database: Executor, code_id: str) -> None:
    """Delete the tokens that a code was exchanged for, and those that they were refreshed to."""
    statements = DELETE_ACCESS_TOKENS_OF_CODE, DELETE_REFRESH_TOKENS_OF_CODE
    await _end_family(database, *statements, {"code_id": code_id})


async def _end_family(
    database: Executor, access: Statement, refresh: Statement, whose: Mapping[str, str]
) -> None:
    """Delete tokens until none is left.

    A refresh under way holds the row of its token: the deletion waits for it, but does not see
    the token that it has made meanwhile.
    """
    is_one_gone = True
    while is_one_gone:
        await access.fetch(database, **whose)
        is_one_gone = bool(await refresh.fetch(database, **whose))


async def get_consent(ctx: EndpointContext) -> dict[str, Any]:
    """Return one of the user's consents."""
    return _shown(await _own_consent(ctx, ctx.query["id"]))


async def get_consents(ctx: EndpointContext) -> list[dict[str, Any]]:
    """Return the user's consents."""
    return [
        _shown(row) for row in await CONSENTS.find_all(ctx.database, userId=ctx.session.user.id)
    ]


async def update_consent(ctx: EndpointContext) -> dict[str, Any]:
    """Change what a client is allowed; tokens that it has already stay as they are."""
    consent = await _own_consent(ctx, ctx.body["id"])
    client = await find_client(ctx, consent["clientId"])
    if client is None:
        raise not_found("client not found")
    scopes = ctx.body["update"]["scopes"]
    allowed = client["scopes"] or provider_of(ctx).options.scopes
    if any(scope not in allowed for scope in scopes):
        owner = client["referenceId"] or client["userId"] or "null"
        raise OAuthError("invalid_request", f"unable to provide scopes to {owner}")
    values = {"scopes": scopes, "updatedAt": now().replace(microsecond=0)}
    updated = await CONSENTS.update(ctx.database, values, id=consent["id"])
    if updated is None:
        raise not_found("no consent")
    return _shown(updated)


async def delete_consent(ctx: EndpointContext) -> Any:
    """Disconnect a client: its consent goes, and every token with which it could go on."""
    consent = await _own_consent(ctx, ctx.body["id"])
    client_id, user_id = consent["clientId"], consent["userId"]
    async with ctx.transaction() as connection:
        await CONSENTS.delete(connection, id=consent["id"])
        await DELETE_ALL_ACCESS_TOKENS.fetch(connection, client_id=client_id, user_id=user_id)
        await end_refresh_tokens(connection, client_id, user_id)
    return UNDEFINED


async def _own_consent(ctx: EndpointContext, consent_id: str) -> Row:
    if not consent_id:
        raise not_found("missing id parameter")
    consent = await CONSENTS.find(ctx.database, id=consent_id)
    if consent is None:
        raise not_found("no consent")
    if consent["userId"] != ctx.session.user.id:
        raise unauthorized()
    return consent


def _shown(consent: Mapping[str, Any]) -> dict[str, Any]:
    times = {name: to_json(consent[name]) for name in ("createdAt", "updatedAt")}
    last = {"id": consent["id"]}
    return {**{k: v for k, v in consent.items() if k != "id"}, **times, **last}
