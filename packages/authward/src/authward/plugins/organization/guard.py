"""Who asks, of which organization they are a member, and what they may do in it."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from authward.codes import ErrorCode
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.access import Role
from authward.plugins.organization import store
from authward.plugins.organization.codes import OrganizationCode
from authward.plugins.organization.options import (
    OrganizationEvent,
    OrganizationOptions,
    TeamLimit,
    TeamLimitEvent,
    parse_roles,
)
from authward.schema.fields import DBField
from authward.storage.adapter import Row
from authward.storage.rows import AuthSession
from authward.validation import Field

ORGANIZATION_ID = Field(
    "string", required=False, description="By default the active organization's id"
)
_KINDS: Mapping[str, Any] = {"number": "number", "boolean": "boolean"}
Permissions = Mapping[str, Sequence[str]]


class Guard:
    """The plugin's options, and the questions that all of its endpoints ask."""

    def __init__(self, options: OrganizationOptions) -> None:
        self.options = options

    async def hook(self, name: str, **data: Any) -> Mapping[str, Any]:
        """Run a hook, if there is one; return the values that it wants to have instead."""
        hook = getattr(self.options.organization_hooks, name)
        return {} if hook is None else (await hook(OrganizationEvent(**data))) or {}

    async def allows(
        self, ctx: EndpointContext, member: Row, permissions: Mapping[str, Any]
    ) -> bool:
        """Whether any of a member's roles may do all of this."""
        known = await self.roles_of(ctx, member["organizationId"])
        roles = (known[name] for name in parse_roles(member["role"] or "") if name in known)
        return any(role.authorize(permissions).success for role in roles)

    async def require(
        self,
        ctx: EndpointContext,
        member: Row,
        permissions: Permissions,
        refusal: ErrorCode,
        status: int | None = None,
    ) -> None:
        """Refuse a member who may not do this."""
        if not await self.allows(ctx, member, permissions):
            raise APIError(refusal, status=status)

    async def roles_of(self, ctx: EndpointContext, organization_id: str) -> Mapping[str, Role]:
        """Return what each role may do in an organization, those that it has made too."""
        roles = dict(self.options.permission_roles)
        if not self.options.dynamic_access_control.enabled:
            return roles
        for row in await store.find_many(ctx, "organizationRole", organizationId=organization_id):
            found = stored_permission(row["permission"])
            known = roles[row["role"]].statements if row["role"] in roles else {}
            merged = {name: [*known.get(name, ()), *actions] for name, actions in found.items()}
            roles[row["role"]] = Role({**known, **merged})
        return roles

    async def member(
        self, ctx: EndpointContext, organization_id: str, refusal: ErrorCode, **more: Any
    ) -> Row:
        """Return the current user's membership.

        Raises:
            APIError: the refusal.
        """
        found = await store.find_member(ctx, organization_id, ctx.session.user.id)
        if found is None:
            raise APIError(refusal, **more)
        return found

    def may_see_all(self, member: Row) -> bool:
        """Whether the member has the role that only those who have it may give."""
        return self.options.is_creator(member["role"])

    async def check_roles(
        self, ctx: EndpointContext, organization_id: str, roles: Sequence[str]
    ) -> list[str]:
        """Return which of these roles there are not."""
        unknown = [role for role in roles if role not in self.options.role_names]
        if not unknown or not self.options.dynamic_access_control.enabled:
            return unknown
        rows = await store.find_many(ctx, "organizationRole", organizationId=organization_id)
        made = {row["role"] for row in rows}
        return [role for role in unknown if role not in made]

    async def membership_limit(self, user: Any, organization: Row) -> int:
        """Return how many members the organization may have."""
        limit = self.options.membership_limit
        if callable(limit):
            return await limit(OrganizationEvent(user=user, organization=organization))
        return limit or 100

    def additional(self, model: str, *, partial: bool = False) -> dict[str, Field]:
        """Return the properties of a body for the application's own fields."""
        given = self.options.schema.get(model)
        fields = given.additional_fields if given else {}
        return {
            name: _property(each, partial=partial) for name, each in fields.items() if each.input
        }


async def team_limit(
    ctx: EndpointContext, limit: TeamLimit, organization_id: str, team_id: str | None = None
) -> int | None:
    """Return a limit of teams or of their members, None for none."""
    if not callable(limit):
        return limit
    session: AuthSession | None = None if ctx.from_server else ctx.session.session
    user = None if ctx.from_server else ctx.session.user
    event = TeamLimitEvent(
        organization_id=organization_id, team_id=team_id, user=user, session=session
    )
    return await limit(event)


def stored_permission(text: str) -> dict[str, list[str]]:
    """Return what a stored role may do; what is no such thing allows nothing."""
    try:
        found = orjson.loads(text)
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        name: [each for each in actions if isinstance(each, str)]
        for name, actions in found.items()
        if isinstance(actions, list)
    }


def chosen_organization(ctx: EndpointContext, refusal: ErrorCode, **more: Any) -> str:
    """Return the id in the body or the query, or the active organization's.

    Raises:
        APIError: the refusal, there is neither.
    """
    given = ctx.body if isinstance(ctx.body, dict) else ctx.query
    active = ctx.session.session.fields["activeOrganizationId"]
    chosen = given.get("organizationId") or active
    if not chosen:
        raise APIError(refusal, **more)
    return str(chosen)


async def organization_or_refuse(ctx: EndpointContext, organization_id: str) -> Row:
    """Return an organization.

    Raises:
        APIError: 400.
    """
    found = await store.find_one(ctx, "organization", id=organization_id)
    if found is None:
        raise APIError(OrganizationCode.ORGANIZATION_NOT_FOUND)
    return found


def _property(field: DBField, *, partial: bool) -> Field:
    required = field.required and not partial and field.default_value is None
    return Field(_KINDS.get(str(field.type), "string"), required=required)
