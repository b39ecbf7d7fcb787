"""Who is in which team: `add-team-member`, `remove-…`, `list-team-members`, `list-user-teams`."""

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
    organization_or_refuse,
    team_limit,
)
from authward.plugins.organization.responses import Message, Team, TeamMember
from authward.plugins.organization.teams import team_or_refuse
from authward.storage.adapter import Row
from authward.storage.rows import AuthUser
from authward.validation import Field, Schema
from authward.validation_kinds import AnyAsText, js_text

_ERRORS = (400, 401, 403, 415, 429)
_NOT_IN_ORGANIZATION = OrganizationCode.USER_IS_NOT_A_MEMBER_OF_THE_ORGANIZATION
_NOT_IN_TEAM = OrganizationCode.USER_IS_NOT_A_MEMBER_OF_THE_TEAM


class TeamMembers:
    """The endpoints, with the plugin's options."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def add(self, ctx: EndpointContext) -> dict[str, Any]:
        """Put a member of the organization into a team."""
        refusal = OrganizationCode.YOU_ARE_NOT_ALLOWED_TO_CREATE_A_NEW_TEAM_MEMBER
        user, team, organization = await self._meant(ctx, "update", refusal)
        given = {"teamId": team["id"], "userId": user.id}
        about = {"user": user, "team": team, "organization": organization}
        await self._guard.hook("before_add_team_member", team_member=given, **about)
        limit = self._guard.options.teams.maximum_members_per_team
        maximum = await team_limit(ctx, limit, organization["id"], team["id"])
        async with ctx.transaction():
            made = await store.add_to_team(ctx, team["id"], user.id, maximum)
        await self._guard.hook("after_add_team_member", team_member=made, **about)
        return store.shown(ctx, "teamMember", made)

    async def remove(self, ctx: EndpointContext) -> dict[str, str]:
        """Take somebody out of a team."""
        refusal = OrganizationCode.YOU_ARE_NOT_ALLOWED_TO_REMOVE_A_TEAM_MEMBER
        user, team, organization = await self._meant(ctx, "delete", refusal)
        found = await store.find_one(ctx, "teamMember", teamId=team["id"], userId=user.id)
        if found is None:
            raise APIError(_NOT_IN_TEAM)
        about = {"user": user, "team": team, "organization": organization, "team_member": found}
        await self._guard.hook("before_remove_team_member", **about)
        async with ctx.transaction():
            await store.remove_from_teams(ctx, user.id, [team["id"]])
        await self._guard.hook("after_remove_team_member", **about)
        return {"message": "Team member removed successfully."}

    async def list_members(self, ctx: EndpointContext) -> list[dict[str, Any]]:
        """List the members of a team that the current user is in, by default the active one."""
        team_id = ctx.query.get("teamId") or ctx.session.session.fields["activeTeamId"]
        if not team_id:
            raise APIError(OrganizationCode.YOU_DO_NOT_HAVE_AN_ACTIVE_TEAM, status=400)
        team = await store.find_one(ctx, "team", id=team_id)
        if team is None:
            raise APIError(OrganizationCode.TEAM_NOT_FOUND)
        await self._guard.member(ctx, team["organizationId"], _NOT_IN_TEAM)
        of = {"teamId": team_id}
        if not await store.find_one(ctx, "teamMember", userId=ctx.session.user.id, **of):
            raise APIError(_NOT_IN_TEAM)
        found = await store.find_many(ctx, "teamMember", **of)
        return [store.shown(ctx, "teamMember", each) for each in found]

    async def list_teams(self, ctx: EndpointContext) -> list[dict[str, Any]]:
        """List the teams that somebody is in, by default the current user."""
        me = ctx.session.user.id
        whom, named = ctx.query.get("userId") or me, ctx.query.get("organizationId")
        active = ctx.session.session.fields["activeOrganizationId"]
        organization_id = named or (active if whom != me else None)
        if whom != me:
            await self._check_may_look(ctx, organization_id, whom)
        elif organization_id:
            refusal = OrganizationCode.YOU_ARE_NOT_A_MEMBER_OF_THIS_ORGANIZATION
            await self._guard.member(ctx, organization_id, refusal)
        teams = await _teams_of(ctx, whom)
        if organization_id:
            teams = [team for team in teams if team["organizationId"] == organization_id]
        else:
            teams = [t for t in teams if await store.find_member(ctx, t["organizationId"], me)]
        return [store.shown(ctx, "team", team) for team in teams]

    async def _check_may_look(
        self, ctx: EndpointContext, organization_id: str | None, whom: str
    ) -> None:
        if not organization_id:
            raise APIError(OrganizationCode.NO_ACTIVE_ORGANIZATION)
        refusal = OrganizationCode.YOU_ARE_NOT_A_MEMBER_OF_THIS_ORGANIZATION
        me = await self._guard.member(ctx, organization_id, refusal)
        refusal = OrganizationCode.YOU_ARE_NOT_ALLOWED_TO_UPDATE_THIS_MEMBER
        await self._guard.require(ctx, me, {"member": ["update"]}, refusal)
        if not await store.find_member(ctx, organization_id, whom):
            raise APIError(_NOT_IN_ORGANIZATION)

    async def _meant(
        self, ctx: EndpointContext, action: str, refusal: OrganizationCode
    ) -> tuple[AuthUser, Row, Row]:
        """Return the user, the team and the organization that the body means."""
        body = ctx.body
        organization_id = chosen_organization(ctx, OrganizationCode.NO_ACTIVE_ORGANIZATION)
        me = await self._guard.member(ctx, organization_id, _NOT_IN_ORGANIZATION)
        await self._guard.require(ctx, me, {"member": [action]}, refusal)
        user_id = js_text(body["userId"])
        if not await store.find_member(ctx, organization_id, user_id):
            raise APIError(_NOT_IN_ORGANIZATION)
        team = await team_or_refuse(ctx, body["teamId"], organization_id)
        organization = await organization_or_refuse(ctx, organization_id)
        user = await ctx.auth.users.find(ctx.auth.pool, user_id)
        if user is None:
            raise APIError(400, message="User not found")
        return user, team, organization

    def endpoints(self) -> list[Endpoint]:
        """Return them."""
        member = {
            "teamId": Field("string", description="The team's id"),
            "userId": AnyAsText(description="The user's id"),
            "organizationId": ORGANIZATION_ID,
        }
        team_id = Field("string", required=False, description="By default the active team's")
        user_id = Field("string", required=False, description="Whose, by default one's own")
        return [
            Endpoint(
                path="/organization/add-team-member",
                handler=self.add,
                body=Schema(member),
                session="required",
                response_model=TeamMember,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/organization/remove-team-member",
                handler=self.remove,
                body=Schema(member),
                session="required",
                response_model=Message,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/organization/list-team-members",
                methods=("GET",),
                handler=self.list_members,
                query=Schema({"teamId": team_id}),
                session="required",
                response_model=list[TeamMember],
                errors=(400, 401, 403, 429),
            ),
            Endpoint(
                path="/organization/list-user-teams",
                methods=("GET",),
                handler=self.list_teams,
                query=Schema({"userId": user_id, "organizationId": ORGANIZATION_ID}),
                session="required",
                response_model=list[Team],
                errors=(400, 401, 403, 429),
            ),
        ]


async def _teams_of(ctx: EndpointContext, user_id: str) -> list[Row]:
    found = await store.find_many(ctx, "teamMember", userId=user_id)
    teams = [await store.find_one(ctx, "team", id=each["teamId"]) for each in found]
    return [team for team in teams if team is not None]
