"""`list-users`: all users by pages, searched, filtered and sorted."""

from collections.abc import Mapping
from typing import Any

from asyncpg import DataError, PostgresSyntaxError

from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.plugins.admin.codes import AdminCode
from authward.plugins.admin.guard import Guard
from authward.plugins.admin.responses import Users
from authward.plugins.listing import (
    QUERY,
    TEXT_OPERATORS,
    NoSuchRowsError,
    conditions,
    js_number,
    page_of,
)
from authward.storage.adapter import MAX_ROWS
from authward.storage.where import Where
from authward.validation import Field, Schema
from authward.validation_kinds import Choice

_QUERY = Schema(
    {
        "searchValue": Field("string", required=False, description="What to search for"),
        "searchField": Choice(required=False, choices=("email", "name")),
        "searchOperator": Choice(required=False, choices=TEXT_OPERATORS),
        **QUERY,
    }
)
_NOBODY: Mapping[str, Any] = {"users": [], "total": 0}


class UserList:
    """The endpoint, with the plugin's options."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def list_users(self, ctx: EndpointContext) -> Mapping[str, Any]:
        """List users: those who match, sorted, a page of them."""
        refusal = AdminCode.YOU_ARE_NOT_ALLOWED_TO_LIST_USERS
        await self._guard.require(ctx, "user", "list", refusal)
        try:
            return await _found(ctx)
        except (NoSuchRowsError, DataError, PostgresSyntaxError):
            return _NOBODY

    def endpoints(self) -> list[Endpoint]:
        """Return it."""
        return [
            Endpoint(
                path="/admin/list-users",
                methods=("GET",),
                handler=self.list_users,
                query=_QUERY,
                response_model=Users,
                errors=(400, 401, 403, 429),
            )
        ]


async def _found(ctx: EndpointContext) -> dict[str, Any]:
    adapter, database, query = ctx.auth.adapter, ctx.auth.pool, ctx.query
    fields = ctx.auth.schema.tables["user"].fields
    where = _conditions(ctx)
    page = page_of(fields, query, default_limit=MAX_ROWS)
    rows = await adapter.find_many(database, "user", where, page)
    shown = {name: js_number(query.get(name)) for name in ("limit", "offset")}
    return {
        "users": [adapter.to_json("user", row) for row in rows],
        "total": await adapter.count(database, "user", where),
        **{name: int(value) for name, value in shown.items() if value},
    }


def _conditions(ctx: EndpointContext) -> list[Where]:
    query, fields = ctx.query, ctx.auth.schema.tables["user"].fields
    where: list[Where] = []
    if value := query.get("searchValue"):
        name, operator = query.get("searchField", "email"), query.get("searchOperator", "contains")
        where += conditions(fields, name, operator, value)
    if "filterValue" in query:
        name, operator = query.get("filterField") or "email", query.get("filterOperator", "eq")
        where += conditions(fields, name, operator, query["filterValue"])
    return where
