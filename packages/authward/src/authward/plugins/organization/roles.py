"""Roles of an organization's own: `create-role`, `update-…`, `delete-…`, `get-…`, `list-…`."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.organization import store
from authward.plugins.organization.codes import OrganizationCode
from authward.plugins.organization.guard import (
    ORGANIZATION_ID,
    Guard,
    chosen_organization,
    stored_permission,
)
from authward.plugins.organization.options import parse_roles
from authward.plugins.organization.responses import ChangedRole, NewRole, Role
from authward.plugins.permission_body import PERMISSIONS
from authward.schema import responses as schemas
from authward.storage.adapter import Row
from authward.text import to_well_formed
from authward.timestamps import now
from authward.validation import Field, Schema
from authward.validation_kinds import Nested, Record

_ERRORS = (400, 401, 403, 415, 429)
_NAMES = ("roleName", "roleId")
_WHICH = {
    "organizationId": ORGANIZATION_ID,
    "roleName": Field("string", nonempty=True, required=False, description="The role's name"),
    "roleId": Field("string", nonempty=True, required=False, description="Or its id"),
}
_NAME = Field("string", description="The role's name")


@dataclass(frozen=True, slots=True)
class _NameOrId(Schema):
    """A role by its name, or by its id."""

    def problems(self, body: Any, where: str) -> Iterator[str]:
        """Yield zod's messages."""
        others = {name: field for name, field in self.fields.items() if name not in _NAMES}
        yield from Schema(others).problems(body, where)
        given = body if isinstance(body, dict) else {}
        if not any(isinstance(given.get(name), str) and given[name] for name in _NAMES):
            yield f"[{where}] Invalid input"


class Roles:
    """The endpoints, with the plugin's options."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def create(self, ctx: EndpointContext) -> dict[str, Any]:
        """Make a role, which may do no more than the current user may."""
        body, refusal = ctx.body, OrganizationCode.YOU_ARE_NOT_ALLOWED_TO_CREATE_A_ROLE
        missing = OrganizationCode.YOU_MUST_BE_IN_AN_ORGANIZATION_TO_CREATE_A_ROLE
        organization_id = chosen_organization(ctx, missing, status=400)
        name, permission = body["role"].lower(), body["permission"]
        self._check_name(name)
        me = await self._may(ctx, organization_id, "create", refusal)
        async with ctx.transaction():
            await store.lock_organization(ctx, organization_id)
            await self._check_limit(ctx, organization_id)
            await self._check_permission(ctx, me, permission, refusal)
            await self._check_free(ctx, organization_id, name)
            given, known = body.get("additionalFields") or {}, self._guard.additional(_MODEL)
            more = {name: value for name, value in given.items() if name in known}
            values = {
                "createdAt": now(),
                "organizationId": organization_id,
                "permission": _text(permission),
                "role": name,
                **more,
            }
            row = await store.create(ctx, _MODEL, values)
        data = {**store.shown(ctx, _MODEL, row), "permission": permission}
        return {"success": True, "roleData": data, "statements": permission}

    async def delete(self, ctx: EndpointContext) -> dict[str, bool]:
        """Delete a role that nobody has."""
        organization_id = chosen_organization(ctx, OrganizationCode.NO_ACTIVE_ORGANIZATION)
        refusal = OrganizationCode.YOU_ARE_NOT_ALLOWED_TO_DELETE_A_ROLE
        await self._may(ctx, organization_id, "delete", refusal)
        if ctx.body.get("roleName") in self._guard.options.permission_roles:
            raise APIError(OrganizationCode.CANNOT_DELETE_A_PRE_DEFINED_ROLE)
        async with ctx.transaction():
            await store.lock_organization(ctx, organization_id)
            row = await _found(ctx, organization_id, ctx.body)
            members = await store.find_many(
                ctx, "member", limit=None, organizationId=organization_id
            )
            if any(row["role"] in parse_roles(member["role"] or "") for member in members):
                raise APIError(OrganizationCode.ROLE_IS_ASSIGNED_TO_MEMBERS)
            await store.delete(ctx, _MODEL, id=row["id"])
        return {"success": True}

    async def list_roles(self, ctx: EndpointContext) -> list[dict[str, Any]]:
        """List the roles that an organization has made."""
        organization_id = chosen_organization(ctx, OrganizationCode.NO_ACTIVE_ORGANIZATION)
        refusal = OrganizationCode.YOU_ARE_NOT_ALLOWED_TO_LIST_A_ROLE
        await self._may(ctx, organization_id, "read", refusal)
        rows = await store.find_many(ctx, _MODEL, organizationId=organization_id)
        return [_shown(ctx, row) for row in rows]

    async def get(self, ctx: EndpointContext) -> dict[str, Any]:
        """Return a role that an organization has made."""
        organization_id = chosen_organization(ctx, OrganizationCode.NO_ACTIVE_ORGANIZATION)
        refusal = OrganizationCode.YOU_ARE_NOT_ALLOWED_TO_READ_A_ROLE
        await self._may(ctx, organization_id, "read", refusal)
        return _shown(ctx, await _found(ctx, organization_id, ctx.query))

    async def update(self, ctx: EndpointContext) -> dict[str, Any]:
        """Change a role's name, or what it may do."""
        organization_id = chosen_organization(ctx, OrganizationCode.NO_ACTIVE_ORGANIZATION)
        refusal = OrganizationCode.YOU_ARE_NOT_ALLOWED_TO_UPDATE_A_ROLE
        me = await self._may(ctx, organization_id, "update", refusal)
        async with ctx.transaction():
            await store.lock_organization(ctx, organization_id)
            row = await _found(ctx, organization_id, ctx.body)
            values = await self._changes(ctx, me, ctx.body["data"], refusal)
            if values:
                await store.update(ctx, _MODEL, {"id": row["id"]}, values)
        changed = {**store.shown(ctx, _MODEL, row), **values}
        return {"success": True, "roleData": _read(changed)}

    async def _changes(
        self, ctx: EndpointContext, me: Row, data: Mapping[str, Any], refusal: OrganizationCode
    ) -> dict[str, Any]:
        values = {n: v for n, v in data.items() if n in self._guard.additional(_MODEL)}
        if (permission := data.get("permission")) is not None:
            await self._check_permission(ctx, me, permission, refusal)
            values["permission"] = _text(permission)
        if data.get("roleName"):
            name = data["roleName"].lower()
            self._check_name(name)
            await self._check_free(ctx, me["organizationId"], name)
            values["role"] = name
        return values

    async def _may(
        self, ctx: EndpointContext, organization_id: str, action: str, refusal: OrganizationCode
    ) -> Row:
        missing = OrganizationCode.YOU_ARE_NOT_A_MEMBER_OF_THIS_ORGANIZATION
        me = await self._guard.member(ctx, organization_id, missing)
        await self._guard.require(ctx, me, {"ac": [action]}, refusal)
        return me

    def _check_name(self, name: str) -> None:
        if name in self._guard.options.permission_roles:
            raise APIError(OrganizationCode.ROLE_NAME_IS_ALREADY_TAKEN)

    async def _check_free(self, ctx: EndpointContext, organization_id: str, name: str) -> None:
        if await store.find_one(ctx, _MODEL, organizationId=organization_id, role=name):
            raise APIError(OrganizationCode.ROLE_NAME_IS_ALREADY_TAKEN)

    async def _check_limit(self, ctx: EndpointContext, organization_id: str) -> None:
        limit = self._guard.options.dynamic_access_control.maximum_roles_per_organization
        maximum = await limit(organization_id) if callable(limit) else limit
        made = await store.count(ctx, _MODEL, organizationId=organization_id)
        if maximum is not None and made >= maximum:
            raise APIError(OrganizationCode.TOO_MANY_ROLES)

    async def _check_permission(
        self,
        ctx: EndpointContext,
        me: Row,
        permission: Mapping[str, Any],
        refusal: OrganizationCode,
    ) -> None:
        """Refuse resources that there are not, and what the current user may not do either."""
        ac = self._guard.options.ac
        if ac is None or any(resource not in ac.statements for resource in permission):
            raise APIError(OrganizationCode.INVALID_RESOURCE)
        known = await self._guard.roles_of(ctx, me["organizationId"])
        mine = [known[name] for name in parse_roles(me["role"] or "") if name in known]
        missing = [
            f"{resource}:{action}"
            for resource, actions in permission.items()
            for action in actions
            if not any(role.authorize({resource: [action]}).success for role in mine)
        ]
        if missing:
            raise APIError(refusal, details={"missingPermissions": missing})

    def endpoints(self) -> list[Endpoint]:
        """Return them."""
        more = Nested(required=False, fields=self._guard.additional(_MODEL))
        create = {
            "organizationId": ORGANIZATION_ID,
            "role": _NAME,
            "permission": PERMISSIONS,
            "additionalFields": more,
        }
        data = Nested(
            description="What changes",
            fields={
                "permission": Record(required=False, of_texts=True),
                "roleName": Field("string", required=False, description="The new name"),
                **self._guard.additional(_MODEL, partial=True),
            },
        )
        return [
            Endpoint(
                path="/organization/create-role",
                handler=self.create,
                body=Schema(create),
                session="required",
                response_model=NewRole,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/organization/delete-role",
                handler=self.delete,
                body=_NameOrId(_WHICH),
                session="required",
                response_model=schemas.Success,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/organization/list-roles",
                methods=("GET",),
                handler=self.list_roles,
                query=Schema({"organizationId": ORGANIZATION_ID}),
                session="required",
                response_model=list[Role],
                errors=(400, 401, 403, 429),
            ),
            Endpoint(
                path="/organization/get-role",
                methods=("GET",),
                handler=self.get,
                query=_NameOrId(_WHICH),
                session="required",
                response_model=Role,
                errors=(400, 401, 403, 429),
            ),
            Endpoint(
                path="/organization/update-role",
                handler=self.update,
                body=_NameOrId({**_WHICH, "data": data}),
                session="required",
                response_model=ChangedRole,
                errors=_ERRORS,
            ),
        ]


_MODEL = "organizationRole"


async def _found(ctx: EndpointContext, organization_id: str, given: Mapping[str, Any]) -> Row:
    where = {"role": given["roleName"]} if given.get("roleName") else {"id": given["roleId"]}
    row = await store.find_one(ctx, _MODEL, organizationId=organization_id, **where)
    if row is None:
        raise APIError(OrganizationCode.ROLE_NOT_FOUND)
    return row


def _shown(ctx: EndpointContext, row: Row) -> Row:
    return _read(store.shown(ctx, _MODEL, row))


def _read(row: Row) -> Row:
    return {**row, "permission": stored_permission(row["permission"])}


def _text(permission: Mapping[str, Any]) -> str:
    text = json.dumps(permission, ensure_ascii=False, separators=(",", ":"))
    return to_well_formed(text)
