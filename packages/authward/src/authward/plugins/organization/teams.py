"""The teams: `create-team`, `update-team`, `remove-team`, `list-teams`, `set-active-team`."""

from typing import Any

from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.organization import store
from authward.plugins.organization.codes import OrganizationCode
from authward.plugins.organization.guard import (
    ORGANIZATION_ID,
    Guard,
    organization_or_refuse,
    team_limit,
)
from authward.plugins.organization.options import OrganizationEvent
from authward.plugins.organization.responses import Message, Team
from authward.storage.adapter import Row
from authward.storage.rows import AuthUser, SessionAndUser
from authward.timestamps import now
from authward.validation import Field, Schema
from authward.validation_kinds import Nested, TextOrNull

_ERRORS = (400, 401, 403, 415, 429)
_NAME = Field("string", description="Its name")
_TEAM_ID = Field("string", description="The team's id")
_PENDING = "pending"


class Teams:
    """The endpoints, with the plugin's options."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def create(self, ctx: EndpointContext) -> dict[str, Any]:
        """Make a team."""
        found = await ctx.load_session()
        if found is None and not ctx.from_server:
            raise APIError(401)
        organization_id = _chosen(ctx, found)
        if found is not None:
            refusal = OrganizationCode.YOU_ARE_NOT_ALLOWED_TO_INVITE_USERS_TO_THIS_ORGANIZATION
            me = await self._guard.member(ctx, organization_id, refusal)
            refusal = OrganizationCode.YOU_ARE_NOT_ALLOWED_TO_CREATE_TEAMS_IN_THIS_ORGANIZATION
            await self._guard.require(ctx, me, {"team": ["create"]}, refusal)
        user, values = found and found.user, dict(ctx.body)
        values |= {"organizationId": organization_id}
        async with ctx.transaction():
            organization = await store.lock_organization(ctx, organization_id)
            await self._check_limit(ctx, organization_id)
            about = {"user": user, "organization": organization}
            values |= await self._guard.hook("before_create_team", team=values, **about)
            moment = now()
            times = {"createdAt": moment, "updatedAt": moment}
            team = await store.create(ctx, "team", {**times, **values, "memberCount": 0})
        await self._guard.hook("after_create_team", team=team, **about)
        return store.shown(ctx, "team", team)

    async def remove(self, ctx: EndpointContext) -> dict[str, str]:
        """Remove a team, and take it out of invitations."""
        found, team_id = await ctx.load_session(), ctx.body["teamId"]
        organization_id = _chosen(ctx, found)
        if found is None and not ctx.from_server:
            raise APIError(401)
        if found is not None:
            refusal = OrganizationCode.YOU_ARE_NOT_ALLOWED_TO_DELETE_THIS_TEAM
            me = await self._guard.member(ctx, organization_id, refusal)
            if found.session.fields["activeTeamId"] == team_id:
                raise APIError(refusal)
            refusal = OrganizationCode.YOU_ARE_NOT_ALLOWED_TO_DELETE_TEAMS_IN_THIS_ORGANIZATION
            await self._guard.require(ctx, me, {"team": ["delete"]}, refusal)
        async with ctx.transaction():
            team = await team_or_refuse(ctx, team_id, organization_id)
            organization = await store.lock_organization(ctx, organization_id)
            allowed = self._guard.options.teams.allow_removing_all_teams
            of = {"organizationId": organization_id}
            if not allowed and await store.count(ctx, "team", **of) <= 1:
                raise APIError(OrganizationCode.UNABLE_TO_REMOVE_LAST_TEAM)
            about = {"team": team, "user": found and found.user, "organization": organization}
            await self._guard.hook("before_delete_team", **about)
            await store.delete(ctx, "teamMember", teamId=team_id)
            await store.delete(ctx, "team", id=team_id)
            await _leave_out_of_invitations(ctx, organization_id, team_id)
        await self._guard.hook("after_delete_team", **about)
        return {"message": "Team removed successfully."}

    async def update(self, ctx: EndpointContext) -> dict[str, Any]:
        """Change a team."""
        data = {n: v for n, v in ctx.body["data"].items() if n in self._update_fields()}
        active = ctx.session.session.fields["activeOrganizationId"]
        organization_id = data.pop("organizationId", None) or active
        if not organization_id:
            raise APIError(OrganizationCode.NO_ACTIVE_ORGANIZATION)
        refusal = OrganizationCode.YOU_ARE_NOT_ALLOWED_TO_UPDATE_THIS_TEAM
        me = await self._guard.member(ctx, organization_id, refusal)
        await self._guard.require(ctx, me, {"team": ["update"]}, refusal)
        team = await team_or_refuse(ctx, ctx.body["teamId"], organization_id)
        organization = await organization_or_refuse(ctx, organization_id)
        about = {"user": ctx.session.user, "organization": organization}
        data |= await self._guard.hook("before_update_team", team={**team, **data}, **about)
        updated = await store.update(ctx, "team", {"id": team["id"]}, data)
        if updated is None:
            raise APIError(OrganizationCode.TEAM_NOT_FOUND)
        await self._guard.hook("after_update_team", team=updated, **about)
        return store.shown(ctx, "team", updated)

    async def list_teams(self, ctx: EndpointContext) -> list[dict[str, Any]]:
        """List the teams of an organization."""
        organization_id = _chosen(ctx, ctx.session)
        refusal = OrganizationCode.YOU_ARE_NOT_ALLOWED_TO_ACCESS_THIS_ORGANIZATION
        await self._guard.member(ctx, organization_id, refusal)
        found = await store.find_many(ctx, "team", organizationId=organization_id)
        return [store.shown(ctx, "team", team) for team in found]

    async def set_active(self, ctx: EndpointContext) -> dict[str, Any] | None:
        """Make a team the active one of this session, or none with null."""
        session = ctx.session.session
        active = session.fields["activeTeamId"]
        if "teamId" in ctx.body and ctx.body["teamId"] is None:
            if active:
                await store.set_active(ctx, "activeTeamId", None)
                ctx.set_session_cookies(session.token)
            return None
        team_id = ctx.body.get("teamId") or active
        if not team_id:
            return None
        organization_id = session.fields["activeOrganizationId"]
        if not organization_id:
            raise APIError(OrganizationCode.NO_ACTIVE_ORGANIZATION)
        team = await team_or_refuse(ctx, team_id, organization_id)
        if not await store.find_one(ctx, "teamMember", teamId=team_id, userId=ctx.session.user.id):
            refusal = OrganizationCode.USER_IS_NOT_A_MEMBER_OF_THE_TEAM
            raise APIError(refusal, status=403)
        await store.set_active(ctx, "activeTeamId", team["id"])
        ctx.set_session_cookies(session.token)
        return store.shown(ctx, "team", team)

    async def _check_limit(self, ctx: EndpointContext, organization_id: str) -> None:
        limit = self._guard.options.teams.maximum_teams
        maximum = await team_limit(ctx, limit, organization_id)
        if maximum and await store.count(ctx, "team", organizationId=organization_id) >= maximum:
            refusal = OrganizationCode.YOU_HAVE_REACHED_THE_MAXIMUM_NUMBER_OF_TEAMS
            raise APIError(refusal, status=400)

    def _update_fields(self) -> dict[str, Field]:
        name = Field("string", required=False, nonempty=True, description="Its name")
        more = self._guard.additional("team", partial=True)
        return {"name": name, "organizationId": ORGANIZATION_ID, **more}

    def endpoints(self) -> list[Endpoint]:
        """Return them."""
        more = self._guard.additional("team")
        data = Nested(fields=self._update_fields(), description="What changes")
        active = TextOrNull(required=False, description="null for none")
        return [
            Endpoint(
                path="/organization/create-team",
                handler=self.create,
                body=Schema({"name": _NAME, "organizationId": ORGANIZATION_ID, **more}),
                response_model=Team,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/organization/remove-team",
                handler=self.remove,
                body=Schema({"teamId": _TEAM_ID, "organizationId": ORGANIZATION_ID}),
                response_model=Message,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/organization/update-team",
                handler=self.update,
                body=Schema({"teamId": _TEAM_ID, "data": data}),
                session="required",
                response_model=Team,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/organization/list-teams",
                methods=("GET",),
                handler=self.list_teams,
                query=Schema({"organizationId": ORGANIZATION_ID}),
                session="required",
                response_model=list[Team],
                errors=(400, 401, 403, 429),
            ),
            Endpoint(
                path="/organization/set-active-team",
                handler=self.set_active,
                body=Schema({"teamId": active}),
                session="required",
                response_model=Team | None,
                errors=_ERRORS,
            ),
        ]


async def make_default_team(
    ctx: EndpointContext, guard: Guard, user: AuthUser, organization: Row
) -> Row | None:
    """Make the team that a new organization has, with its owner in it, if it has one."""
    teams = guard.options.teams
    if not teams.enabled or not teams.default_team.enabled:
        return None
    about = {"user": user, "organization": organization}
    values = {"organizationId": organization["id"], "name": organization["name"]}
    values |= await guard.hook("before_create_team", team=values, **about)
    custom = teams.default_team.custom_create_default_team
    team = await custom(OrganizationEvent(user=user, organization=organization)) if custom else None
    team = team or await store.create(ctx, "team", {"createdAt": now(), **values})
    await store.add_to_team(ctx, team["id"], user.id, None)
    await guard.hook("after_create_team", team=team, **about)
    return team


async def team_or_refuse(ctx: EndpointContext, team_id: str, organization_id: str) -> Row:
    """Return a team of an organization.

    Raises:
        APIError: 400.
    """
    team = await store.find_one(ctx, "team", id=team_id, organizationId=organization_id)
    if team is None:
        raise APIError(OrganizationCode.TEAM_NOT_FOUND)
    return team


def _chosen(ctx: EndpointContext, found: SessionAndUser | None) -> str:
    given = ctx.body if isinstance(ctx.body, dict) else ctx.query
    active = found.session.fields["activeOrganizationId"] if found else None
    chosen = given.get("organizationId") or active
    if not chosen:
        raise APIError(OrganizationCode.NO_ACTIVE_ORGANIZATION)
    return str(chosen)


async def _leave_out_of_invitations(
    ctx: EndpointContext, organization_id: str, team_id: str
) -> None:
    of = {"organizationId": organization_id, "status": _PENDING}
    for invitation in await store.find_many(ctx, "invitation", limit=None, **of):
        team_ids = (invitation["teamId"] or "").split(",")
        if team_id in team_ids:
            left = ",".join(each for each in team_ids if each != team_id) or None
            await store.update(ctx, "invitation", {"id": invitation["id"]}, {"teamId": left})
