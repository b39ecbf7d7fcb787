"""`/list-accounts`, `/unlink-account`."""

from collections.abc import Mapping
from typing import Any

from authward.codes import Code
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.oauth import account_store
from authward.schema import responses as schemas
from authward.storage.adapter import Page
from authward.storage.users import LOCK_USER
from authward.validation import Field, Schema

_UNLINK = {"accountId": Field("string", description="The `id` that `/list-accounts` gives")}


async def list_accounts(ctx: EndpointContext) -> list[dict[str, Any]]:
    """List the ways in which the current user can sign in."""
    auth, user_id = ctx.auth, ctx.session.user.id
    page = Page(sort_by="createdAt")
    rows = await auth.adapter.find_many(auth.pool, "account", {"userId": user_id}, page)
    return [_account_json(auth.adapter.to_json("account", row)) for row in rows]


async def unlink_account(ctx: EndpointContext) -> dict[str, bool]:
    """Remove one of the ways in which the current user can sign in, but not the last."""
    auth, user_id = ctx.auth, ctx.session.user.id
    async with ctx.transaction() as connection:
        await LOCK_USER.fetch(connection, user_id=user_id)
        found = await account_store.LIST.fetch(connection, user_id=user_id)
        if len(found) == 1 and not auth.options.account.account_linking.allow_unlinking_all:
            raise APIError(Code.FAILED_TO_UNLINK_LAST_ACCOUNT)
        wanted = ctx.body["accountId"]
        if wanted not in {account["id"] for account in found}:
            raise APIError(Code.ACCOUNT_NOT_FOUND)
        async with ctx.deleting("account", id=wanted):
            await account_store.DELETE.fetch(connection, account_row_id=wanted)
    return {"status": True}


def _account_json(row: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in row.items() if name != "scope"}
    return {**shown, "scopes": account_store.scopes_of(row["scope"])}


ENDPOINTS = (
    Endpoint(
        path="/list-accounts",
        methods=("GET",),
        handler=list_accounts,
        session="required",
        response_model=list[schemas.Account],
        errors=(401, 429),
    ),
    Endpoint(
        path="/unlink-account",
        handler=unlink_account,
        body=Schema(_UNLINK),
        session="fresh",
        response_model=schemas.Status,
        errors=(400, 401, 403, 415, 429),
    ),
)
