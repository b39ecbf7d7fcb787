"""Looking at organizations: `get-organization`, `get-full-organization`, `list`."""

import re
from typing import Any

from authward.codes import Code
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.listing import MAX_LIMIT
from authward.plugins.organization import store
from authward.plugins.organization.codes import OrganizationCode
from authward.plugins.organization.guard import ORGANIZATION_ID, Guard
from authward.plugins.organization.responses import FullOrganization, Organization
from authward.storage.adapter import MAX_ROWS, Row
from authward.validation import Field, Schema
from authward.validation_kinds import OneTextOrNumber

BY_ID_OR_SLUG = {
    "organizationId": ORGANIZATION_ID,
    "organizationSlug": Field("string", required=False, description="Its slug instead of its id"),
}
_FIRST_DIGITS = re.compile(r"\s*([+-]?\d+)")


class Views:
    """The endpoints, with the plugin's options."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def get(self, ctx: EndpointContext) -> dict[str, Any] | None:
        """Return an organization of the current user's, by default the active one."""
        found = await _asked_for(ctx)
        return found and store.shown(ctx, "organization", found)

    async def get_full(self, ctx: EndpointContext) -> dict[str, Any] | None:
        """Return an organization with its members, its teams, and what invitations one may see."""
        limit = _members_limit(ctx.query.get("membersLimit"))
        found = await _asked_for(ctx)
        if found is None:
            return None
        of = {"organizationId": found["id"]}
        members = await store.find_many(ctx, "member", limit=limit, **of)
        me = await store.find_member(ctx, found["id"], ctx.session.user.id)
        teams = self._guard.options.teams.enabled
        return {
            **store.shown(ctx, "organization", found),
            "invitations": await self._invitations(ctx, me) if me else [],
            "members": await store.with_users(ctx, members),
            **({"teams": await _teams(ctx, found["id"])} if teams else {}),
        }

    async def list_organizations(self, ctx: EndpointContext) -> list[dict[str, Any]]:
        """List the current user's organizations."""
        members = await store.find_many(ctx, "member", userId=ctx.session.user.id)
        found = [await store.find_one(ctx, "organization", id=m["organizationId"]) for m in members]
        return [store.shown(ctx, "organization", each) for each in found if each]

    async def _invitations(self, ctx: EndpointContext, me: Row) -> list[Row]:
        if not await self._guard.allows(ctx, me, {"invitation": ["create"]}):
            return []
        found = await _all(ctx, "invitation", me["organizationId"])
        if self._guard.may_see_all(me):
            return found
        return [each for each in found if not self._guard.options.is_creator(each["role"])]

    def endpoints(self) -> list[Endpoint]:
        """Return them."""
        limit = OneTextOrNumber(required=False, description="How many members, by default 100")
        return [
            Endpoint(
                path="/organization/get-organization",
                methods=("GET",),
                handler=self.get,
                query=Schema(BY_ID_OR_SLUG),
                session="required",
                response_model=Organization | None,
                errors=(400, 401, 403, 429),
            ),
            Endpoint(
                path="/organization/get-full-organization",
                methods=("GET",),
                handler=self.get_full,
                query=Schema({**BY_ID_OR_SLUG, "membersLimit": limit}),
                session="required",
                response_model=FullOrganization | None,
                errors=(400, 401, 403, 429),
            ),
            Endpoint(
                path="/organization/list",
                methods=("GET",),
                handler=self.list_organizations,
                session="required",
                response_model=list[Organization],
                errors=(401, 403, 429),
            ),
        ]


async def _asked_for(ctx: EndpointContext) -> Row | None:
    query, active = ctx.query, ctx.session.session.fields["activeOrganizationId"]
    slug, given = query.get("organizationSlug"), query.get("organizationId") or active
    if not slug and not given:
        return None
    return await by_id_or_slug(ctx, None if slug else given, slug)


async def by_id_or_slug(ctx: EndpointContext, given: str | None, slug: str | None) -> Row:
    """Return an organization of the current user's.

    Raises:
        APIError: 400 if there is none, 403 for others', which are not the active one afterwards.
    """
    where = {"id": given} if given else {"slug": slug}
    found = await store.find_one(ctx, "organization", **where)
    if found is None and ctx.path != "/organization/set-active":
        raise APIError(OrganizationCode.ORGANIZATION_NOT_FOUND)
    if found is None and not given:
        raise APIError(OrganizationCode.ORGANIZATION_NOT_FOUND)
    me = found and await store.find_member(ctx, found["id"], ctx.session.user.id)
    if found is None or me is None:
        await store.set_active(ctx, "activeOrganizationId", None)
        refusal = OrganizationCode.USER_IS_NOT_A_MEMBER_OF_THE_ORGANIZATION
        raise APIError(refusal, status=403)
    return found


async def _all(ctx: EndpointContext, model: str, organization_id: str) -> list[Row]:
    rows = await store.find_many(ctx, model, organizationId=organization_id)
    return [store.shown(ctx, model, row) for row in rows]


async def _teams(ctx: EndpointContext, organization_id: str) -> list[Row]:
    """Return the teams with the number of their members, which the original shows here only."""
    rows = await store.find_many(ctx, "team", organizationId=organization_id)
    return [
        {"name": row["name"], "memberCount": row["memberCount"], **store.shown(ctx, "team", row)}
        for row in rows
    ]


def _members_limit(given: Any) -> int:
    """Return a limit as JavaScript's `parseInt` reads it.

    Raises:
        APIError: 400 for too many, and for fewer than none.
    """
    digits = _FIRST_DIGITS.match(str(given)) if given is not None else None
    limit = int(digits[1][:20]) if digits else 0
    if not 0 <= limit <= MAX_LIMIT:
        message = f"[query.membersLimit] expected a number of 1 to {MAX_LIMIT}"
        raise APIError(Code.VALIDATION_ERROR, message=message)
    return limit or MAX_ROWS
