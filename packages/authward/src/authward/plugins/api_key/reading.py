"""How keys are looked at and deleted: `get`, `list`, `delete`."""

from collections.abc import Sequence
from typing import Any

from authward.codes import Code
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.api_key.cleaning import ExpiredKeys
from authward.plugins.api_key.codes import ApiKeyCode
from authward.plugins.api_key.fields import to_number
from authward.plugins.api_key.keys import kind_of, shown
from authward.plugins.api_key.options import ApiKeyOptions, is_default, same_kind
from authward.plugins.api_key.owners import find_own, require_in_organization
from authward.plugins.api_key.stores import store_of
from authward.plugins.api_key.tables import MODEL
from authward.storage.adapter import Page, Row


class Reading:
    """The endpoints, with the kinds of keys."""

    def __init__(self, kinds: Sequence[ApiKeyOptions], expired: ExpiredKeys) -> None:
        self._kinds = kinds
        self._expired = expired

    async def get(self, ctx: EndpointContext) -> dict[str, Any]:
        """Return a key of the current user, without the key itself."""
        row, _ = await find_own(ctx, self._kinds, ctx.session.user.id, "read")
        self._expired.remove_after(ctx)
        return shown(ctx.auth.adapter, row)

    async def delete(self, ctx: EndpointContext) -> dict[str, bool]:
        """Delete a key of the current user."""
        if ctx.session.user.fields.get("banned"):
            raise APIError(ApiKeyCode.USER_BANNED)
        row, options = await find_own(ctx, self._kinds, ctx.session.user.id, "delete")
        await store_of(ctx.auth, options).delete(row)
        self._expired.remove_after(ctx)
        return {"success": True}

    async def list(self, ctx: EndpointContext) -> dict[str, Any]:
        """List the current user's keys, or an organization's, at most a hundred."""
        query = ctx.query
        if organization_id := query.get("organizationId"):
            user_id = ctx.session.user.id
            await require_in_organization(ctx, user_id, organization_id, "read")
        owner = organization_id or ctx.session.user.id
        rows = await _rows(ctx, self._kinds, owner)
        references = "organization" if organization_id else "user"
        meant = [row for row in rows if self._is_meant(row, references, query.get("configId"))]
        limit, offset = (_number(query.get(name)) for name in ("limit", "offset"))
        part = meant[offset:][:limit]
        self._expired.remove_after(ctx)
        given = {"limit": limit, "offset": offset}
        return {
            "apiKeys": [shown(ctx.auth.adapter, row) for row in part],
            "total": len(meant),
            **{name: value for name, value in given.items() if value is not None},
        }

    def _is_meant(self, row: Row, references: str, config_id: str | None) -> bool:
        kind = next((each for each in self._kinds if _is_kind(row["configId"], each)), None)
        if (kind.references if kind else "user") != references:
            return False
        return not config_id or same_kind(row["configId"], config_id)


async def _rows(ctx: EndpointContext, kinds: Sequence[ApiKeyOptions], owner: str) -> list[Row]:
    """Return the keys of a kind, or of all; where several are in one place it is asked once."""
    config_id, places = ctx.query.get("configId"), dict[tuple[object, ...], ApiKeyOptions]()
    for kind in [kind_of(kinds, config_id)] if config_id else kinds:
        places.setdefault(_place(kind), kind)
    rows: dict[str, Row] = {}
    for kind in places.values():
        for row in await store_of(ctx.auth, kind).of_owner(owner, _page(ctx, kind)):
            if row["referenceId"] == owner:
                rows.setdefault(row["id"], row)
    return [*rows.values()]


def _is_kind(config_id: str | None, kind: ApiKeyOptions) -> bool:
    if is_default(config_id):
        return is_default(kind.config_id)
    return kind.config_id == config_id


def _place(kind: ApiKeyOptions) -> tuple[object, ...]:
    if kind.storage == "database":
        return ("database",)
    if kind.custom_storage is not None:
        return "custom", kind.name
    return kind.storage, kind.fallback_to_database


def _number(text: Any) -> int | None:
    return None if text is None else int(to_number(text))


def _page(ctx: EndpointContext, kind: ApiKeyOptions) -> Page:
    """Return the order; without such a field a table has none, and the original breaks."""
    name = ctx.query.get("sortBy")
    if not name:
        return Page()
    if name != "id" and name not in ctx.auth.schema.tables[MODEL].fields:
        if kind.storage != "database":
            return Page()
        raise APIError(Code.VALIDATION_ERROR, message="[query.sortBy] is no property of keys")
    return Page(sort_by=name, descending=ctx.query.get("sortDirection") == "desc")
