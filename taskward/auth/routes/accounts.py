"""`/list-accounts`, `/unlink-account`."""

from typing import Any

from asyncpg import Record

from taskward.auth import schemas
from taskward.auth.endpoint import Endpoint
from taskward.auth.errors import APIError
from taskward.auth.exchange import Exchange
from taskward.auth.social import account_store
from taskward.auth.validation import Field, Schema
from taskward.timestamps import to_json

_UNLINK = {"accountId": Field("string", description="The `id` that `/list-accounts` gives")}


async def list_accounts(exchange: Exchange) -> list[dict[str, Any]]:
    """List the ways in which the current user can sign in."""
    user_id = exchange.session["user.id"]
    return [
        _account_json(r)
        for r in await account_store.LIST.fetch(exchange.auth.pool, user_id=user_id)
    ]


async def unlink_account(exchange: Exchange) -> dict[str, bool]:
    """Remove one of the ways in which the current user can sign in, but not the last."""
    auth, user_id = exchange.auth, exchange.session["user.id"]
    async with auth.transaction() as connection:
        await account_store.LOCK_USER.fetch(connection, user_id=user_id)
        found = await account_store.LIST.fetch(connection, user_id=user_id)
        if len(found) == 1 and not auth.options.account_linking.allow_unlinking_all:
            raise APIError(400, "FAILED_TO_UNLINK_LAST_ACCOUNT")
        wanted = exchange.body["accountId"]
        if wanted not in {account["id"] for account in found}:
            raise APIError(400, "ACCOUNT_NOT_FOUND")
        await account_store.DELETE.fetch(connection, account_row_id=wanted)
    return {"status": True}


def _account_json(row: Record) -> dict[str, Any]:
    return {
        "accountId": row["accountId"],
        "providerId": row["providerId"],
        "userId": row["userId"],
        "createdAt": to_json(row["createdAt"]),
        "updatedAt": to_json(row["updatedAt"]),
        "id": row["id"],
        "scopes": account_store.scopes_of(row["scope"]),
    }


ENDPOINTS = (
    Endpoint(
        path="/list-accounts",
        methods=("GET",),
        handler=list_accounts,
        session="required",
        answer=list[schemas.Account],
        errors=(401, 429),
    ),
    Endpoint(
        path="/unlink-account",
        handler=unlink_account,
        body=Schema(_UNLINK),
        session="fresh",
        answer=schemas.Status,
        errors=(400, 401, 403, 415, 429),
    ),
)
