"""The members: `list-members`, `add-member`, `remove-member`, `update-member-role`, `leave`, …"""

from typing import Any

from asyncpg import DataError

from authward.codes import Code
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.listing import QUERY, NoSuchRowsError, conditions, page_of
from authward.plugins.organization import store
from authward.plugins.organization.codes import OrganizationCode
from authward.plugins.organization.guard import (
    ORGANIZATION_ID,
    Guard,
    chosen_organization,
    team_limit,
)
from authward.plugins.organization.options import parse_roles
from authward.plugins.organization.responses import (
    Member,
    MemberRole,
    Members,
    MemberWithUser,
    OneMember,
)
from authward.storage.adapter import MAX_ROWS, Row
from authward.storage.rows import AuthUser
from authward.storage.where import Where
from authward.timestamps import now
from authward.validation import Field, Schema
from authward.validation_kinds import AnyAsText, OneOrMoreTexts, js_text

_ERRORS = (400, 401, 403, 415, 429)
_ROLE = OneOrMoreTexts(description="One role or several")
_SLUG = Field("string", required=False, description="Its slug instead of its id")
_WHERE = {"organizationId": ORGANIZATION_ID, "organizationSlug": _SLUG}


class MembersOf:
    """The endpoints, with the plugin's options."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def add(self, ctx: EndpointContext) -> dict[str, Any]:
        """Make somebody a member: for the application, which asks nobody."""
        body, found = ctx.body, await ctx.load_session()
        active = found.session.fields["activeOrganizationId"] if found else None
        organization_id = body.get("organizationId") or active
        if not organization_id:
            raise APIError(OrganizationCode.NO_ACTIVE_ORGANIZATION)
        team_id, teams = body.get("teamId"), self._guard.options.teams
        if team_id and not teams.enabled:
            raise APIError(400, message="Teams are not enabled")
        user_id = store.known(js_text(body["userId"]))
        user = await ctx.auth.users.find(ctx.auth.pool, user_id)
        if user is None:
            raise APIError(Code.USER_NOT_FOUND)
        given = {n: v for n, v in body.items() if n not in {"role", "userId", "organizationId"}}
        values = {
            "userId": user.id,
            "organizationId": organization_id,
            "role": ",".join(parse_roles(body["role"])),
            **given,
        }
        async with ctx.transaction():
            organization = await store.lock_organization(ctx, organization_id)
            await check_not_a_member(ctx, organization_id, user.id)
            if team_id and not await store.find_one(
                ctx, "team", id=team_id, organizationId=organization_id
            ):
                raise APIError(OrganizationCode.TEAM_NOT_FOUND)
            await check_membership_limit(ctx, self._guard, user, organization)
            about = {"user": user, "organization": organization}
            values |= await self._guard.hook("before_add_member", member=values, **about)
            member = await store.create(ctx, "member", {"createdAt": now(), **values})
            if team_id:
                limit = teams.maximum_members_per_team
                maximum = await team_limit(ctx, limit, organization_id, team_id)
                await store.add_to_team(ctx, team_id, user.id, maximum)
        await self._guard.hook("after_add_member", member=member, **about)
        return store.shown(ctx, "member", member)

    async def remove(self, ctx: EndpointContext) -> dict[str, Any]:
        """Take a member out of an organization."""
        organization_id = chosen_organization(ctx, OrganizationCode.NO_ACTIVE_ORGANIZATION)
        missing = OrganizationCode.MEMBER_NOT_FOUND
        me = await self._guard.member(ctx, organization_id, missing)
        whom, is_email = ctx.body["memberIdOrEmail"], "@" in ctx.body["memberIdOrEmail"]
        async with ctx.transaction():
            organization = await store.lock_organization(ctx, organization_id)
            found = (
                await store.find_member_by_email(ctx, organization_id, whom)
                if is_email
                else await store.find_one(ctx, "member", id=whom)
            )
            if found is None:
                raise APIError(missing)
            refusal = OrganizationCode.YOU_CANNOT_LEAVE_THE_ORGANIZATION_AS_THE_ONLY_OWNER
            if self._guard.may_see_all(found):
                if not self._guard.may_see_all(me):
                    raise APIError(refusal)
                await self._check_another_owner(ctx, organization_id, refusal)
            refusal = OrganizationCode.YOU_ARE_NOT_ALLOWED_TO_DELETE_THIS_MEMBER
            await self._guard.require(ctx, me, {"member": ["delete"]}, refusal, 401)
            if found["organizationId"] != organization_id:
                raise APIError(missing)
            user = await self._user_of(ctx, found)
            about = {"member": found, "user": user, "organization": organization}
            await self._guard.hook("before_remove_member", **about)
            shown = store.shown(ctx, "member", found)
            shown = await store.with_user(ctx, found) if is_email else shown
            await self._remove(ctx, found)
        await self._forget_active(ctx, found)
        await self._guard.hook("after_remove_member", **about)
        return {"member": shown}

    async def update_role(self, ctx: EndpointContext) -> dict[str, Any]:
        """Give a member one role or several."""
        if not ctx.body["role"] and ctx.body["role"] != []:
            raise APIError(400)
        organization_id = chosen_organization(ctx, OrganizationCode.NO_ACTIVE_ORGANIZATION)
        roles = parse_roles(ctx.body["role"])
        if not roles:
            raise APIError(400)
        missing = OrganizationCode.MEMBER_NOT_FOUND
        me = await self._guard.member(ctx, organization_id, missing)
        async with ctx.transaction():
            found = await store.find_one(ctx, "member", id=ctx.body["memberId"])
            if found is None:
                raise APIError(missing)
            organization = await store.lock_organization(ctx, organization_id)
            await self._check_new_roles(ctx, me, found, roles)
            user = await self._user_of(ctx, found)
            about = {"user": user, "organization": organization}
            role, previous = ",".join(roles), found["role"]
            changed = await self._guard.hook(
                "before_update_member_role", member=found, new_role=role, **about
            )
            values = {"role": changed.get("role") or role}
            updated = await store.update(ctx, "member", {"id": found["id"]}, values)
            if updated is None:
                raise APIError(missing)
        await self._guard.hook(
            "after_update_member_role", member=updated, previous_role=previous, **about
        )
        return store.shown(ctx, "member", updated)

    async def get_active(self, ctx: EndpointContext) -> dict[str, Any]:
        """Return the current user's membership of the active organization."""
        organization_id = ctx.session.session.fields["activeOrganizationId"]
        if not organization_id:
            raise APIError(OrganizationCode.NO_ACTIVE_ORGANIZATION)
        me = await self._guard.member(ctx, organization_id, OrganizationCode.MEMBER_NOT_FOUND)
        return await store.with_user(ctx, me)

    async def leave(self, ctx: EndpointContext) -> dict[str, Any]:
        """Leave an organization."""
        organization_id = ctx.body["organizationId"]
        me = await self._guard.member(ctx, organization_id, OrganizationCode.MEMBER_NOT_FOUND)
        shown = await store.with_user(ctx, me)
        async with ctx.transaction():
            await store.lock_organization(ctx, organization_id)
            refusal = OrganizationCode.YOU_CANNOT_LEAVE_THE_ORGANIZATION_AS_THE_ONLY_OWNER
            if self._guard.may_see_all(me):
                await self._check_another_owner(ctx, organization_id, refusal)
            await self._remove(ctx, me)
        await self._forget_active(ctx, me)
        return shown

    async def list_members(self, ctx: EndpointContext) -> dict[str, Any]:
        """List members: those who match, sorted, a page of them."""
        organization_id = await self._listed_organization(ctx)
        fields, query = ctx.auth.schema.tables["member"].fields, ctx.query
        limit = self._guard.options.membership_limit
        default = MAX_ROWS if callable(limit) or not limit else limit
        where = [Where("organizationId", organization_id)]
        try:
            if name := query.get("filterField"):
                operator = query.get("filterOperator", "eq")
                where += conditions(fields, name, operator, query.get("filterValue", ""))
            page = page_of(fields, query, default_limit=default)
            rows = await ctx.auth.adapter.find_many(ctx.auth.pool, "member", where, page)
        except (NoSuchRowsError, DataError):
            message = "There is no such field, order or page"
            raise APIError(Code.VALIDATION_ERROR, message=message) from None
        total = await ctx.auth.adapter.count(ctx.auth.pool, "member", where)
        return {"members": await store.with_users(ctx, rows), "total": total}

    async def get_role(self, ctx: EndpointContext) -> dict[str, Any]:
        """Return a member's role, by default the current user's."""
        organization_id = await self._listed_organization(ctx)
        wanted = ctx.query.get("userId") or ctx.session.user.id
        found = await store.find_member(ctx, organization_id, wanted)
        if found is None:
            raise APIError(OrganizationCode.YOU_ARE_NOT_A_MEMBER_OF_THIS_ORGANIZATION)
        return {"role": found["role"]}

    async def _listed_organization(self, ctx: EndpointContext) -> str:
        if slug := ctx.query.get("organizationSlug"):
            found = await store.find_one(ctx, "organization", slug=slug)
            if found is None:
                raise APIError(OrganizationCode.ORGANIZATION_NOT_FOUND)
            organization_id = str(found["id"])
        else:
            organization_id = chosen_organization(ctx, OrganizationCode.NO_ACTIVE_ORGANIZATION)
        refusal = OrganizationCode.YOU_ARE_NOT_A_MEMBER_OF_THIS_ORGANIZATION
        await self._guard.member(ctx, organization_id, refusal)
        return organization_id

    async def _check_another_owner(
        self, ctx: EndpointContext, organization_id: str, refusal: OrganizationCode
    ) -> None:
        """Refuse what would leave an organization, whose row is locked, without an owner."""
        members = await store.find_many(ctx, "member", limit=None, organizationId=organization_id)
        if sum(map(self._guard.may_see_all, members)) <= 1:
            raise APIError(refusal)

    async def _check_new_roles(
        self, ctx: EndpointContext, me: Row, found: Row, roles: list[str]
    ) -> None:
        refusal = APIError(OrganizationCode.YOU_ARE_NOT_ALLOWED_TO_UPDATE_THIS_MEMBER)
        if found["organizationId"] != me["organizationId"]:
            raise refusal
        creator = self._guard.options.creator_role
        am_creator, makes_creator = self._guard.may_see_all(me), creator in roles
        if (self._guard.may_see_all(found) or makes_creator) and not am_creator:
            raise refusal
        if am_creator and me["id"] == found["id"] and not makes_creator:
            await self._check_another_owner(
                ctx,
                me["organizationId"],
                OrganizationCode.YOU_CANNOT_LEAVE_THE_ORGANIZATION_WITHOUT_AN_OWNER,
            )
        if not am_creator and not await self._guard.allows(ctx, me, {"member": ["update"]}):
            raise refusal
        if unknown := await self._guard.check_roles(ctx, me["organizationId"], roles):
            message = f"ROLE_NOT_FOUND: {', '.join(unknown)}"
            raise APIError(OrganizationCode.ROLE_NOT_FOUND, message=message)

    @staticmethod
    async def _user_of(ctx: EndpointContext, member: Row) -> AuthUser:
        user = await ctx.auth.users.find(ctx.database, member["userId"])
        if user is None:
            raise APIError(400, message="User not found")
        return user

    async def _remove(self, ctx: EndpointContext, member: Row) -> None:
        await store.delete(ctx, "member", id=member["id"])
        if self._guard.options.teams.enabled:
            of = {"organizationId": member["organizationId"]}
            teams = await store.find_many(ctx, "team", limit=None, **of)
            await store.remove_from_teams(ctx, member["userId"], [team["id"] for team in teams])

    @staticmethod
    async def _forget_active(ctx: EndpointContext, member: Row) -> None:
        session = ctx.session
        active = session.session.fields["activeOrganizationId"]
        if member["userId"] == session.user.id and member["organizationId"] == active:
            await store.set_active(ctx, "activeOrganizationId", None)

    def endpoints(self) -> list[Endpoint]:
        """Return them."""
        add = {
            "userId": AnyAsText(description="Who becomes a member"),
            "role": _ROLE,
            "organizationId": ORGANIZATION_ID,
            "teamId": Field("string", required=False, description="A team to be in as well"),
            **self._guard.additional("member"),
        }
        remove = {
            "memberIdOrEmail": Field("string", description="The member's id or address"),
            "organizationId": ORGANIZATION_ID,
        }
        role = {"role": _ROLE, "memberId": Field("string"), "organizationId": ORGANIZATION_ID}
        of_user = Field("string", required=False, description="Whose, by default one's own")
        return [
            Endpoint(
                path="/organization/add-member",
                handler=self.add,
                body=Schema(add),
                response_model=Member,
                server_only=True,
            ),
            Endpoint(
                path="/organization/remove-member",
                handler=self.remove,
                body=Schema(remove),
                session="required",
                response_model=OneMember,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/organization/update-member-role",
                handler=self.update_role,
                body=Schema(role),
                session="required",
                response_model=Member,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/organization/get-active-member",
                methods=("GET",),
                handler=self.get_active,
                session="required",
                response_model=MemberWithUser,
                errors=(400, 401, 403, 429),
            ),
            Endpoint(
                path="/organization/leave",
                handler=self.leave,
                body=Schema({"organizationId": Field("string", description="Its id")}),
                session="required",
                response_model=MemberWithUser,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/organization/list-members",
                methods=("GET",),
                handler=self.list_members,
                query=Schema({**QUERY, **_WHERE}),
                session="required",
                response_model=Members,
                errors=(400, 401, 403, 429),
            ),
            Endpoint(
                path="/organization/get-active-member-role",
                methods=("GET",),
                handler=self.get_role,
                query=Schema({"userId": of_user, **_WHERE}),
                session="required",
                response_model=MemberRole,
                errors=(400, 401, 403, 429),
            ),
        ]


async def check_not_a_member(ctx: EndpointContext, organization_id: str, user_id: str) -> None:
    """Refuse whoever is a member already."""
    if await store.find_member(ctx, organization_id, user_id):
        raise APIError(OrganizationCode.USER_IS_ALREADY_A_MEMBER_OF_THIS_ORGANIZATION)


async def check_membership_limit(
    ctx: EndpointContext, guard: Guard, user: AuthUser, organization: Row
) -> None:
    """Refuse one member too many in an organization whose row is locked."""
    limit = await guard.membership_limit(user, organization)
    if await store.count(ctx, "member", organizationId=organization["id"]) >= limit:
        raise APIError(OrganizationCode.ORGANIZATION_MEMBERSHIP_LIMIT_REACHED)
