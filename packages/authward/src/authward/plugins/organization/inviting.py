"""`invite-member`: whoever has an e-mail address is asked to join."""

from datetime import timedelta
from functools import partial
from typing import Any

from authward.codes import Code
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.organization import store
from authward.plugins.organization.codes import OrganizationCode
from authward.plugins.organization.guard import (
    ORGANIZATION_ID,
    Guard,
    chosen_organization,
    team_limit,
)
from authward.plugins.organization.options import (
    InvitationEmail,
    OrganizationEvent,
    parse_roles,
)
from authward.plugins.organization.responses import Invitation
from authward.storage.adapter import Row
from authward.storage.rows import values_of
from authward.storage.where import Where
from authward.timestamps import now
from authward.validation import Field, Schema, is_email
from authward.validation_kinds import OneOrMoreTexts

PENDING = "pending"


class Inviting:
    """The endpoint, with the plugin's options."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def invite(self, ctx: EndpointContext) -> dict[str, Any]:
        """Invite whoever has an e-mail address."""
        body, options = ctx.body, self._guard.options
        organization_id = chosen_organization(ctx, OrganizationCode.ORGANIZATION_NOT_FOUND)
        email = body["email"].lower()
        if not is_email(email):
            raise APIError(Code.INVALID_EMAIL)
        me = await self._guard.member(ctx, organization_id, OrganizationCode.MEMBER_NOT_FOUND)
        refusal = OrganizationCode.YOU_ARE_NOT_ALLOWED_TO_INVITE_USERS_TO_THIS_ORGANIZATION
        await self._guard.require(ctx, me, {"invitation": ["create"]}, refusal)
        roles = await self._roles(ctx, me)
        if await store.find_member_by_email(ctx, organization_id, email):
            raise APIError(OrganizationCode.USER_IS_ALREADY_A_MEMBER_OF_THIS_ORGANIZATION)
        async with ctx.transaction():
            organization = await store.lock_organization(ctx, organization_id)
            waiting = await self._waiting(ctx, organization_id, email)
            replaces = options.cancel_pending_invitations_on_re_invite
            if waiting and not body.get("resend") and not replaces:
                raise APIError(OrganizationCode.USER_IS_ALREADY_INVITED_TO_THIS_ORGANIZATION)
            if waiting and body.get("resend"):
                return await self._resend(ctx, me, organization, waiting[0])
            if waiting:
                await set_status(ctx, waiting[0], "canceled")
            await self._check_limit(ctx, me, organization)
            team_ids = await self._team_ids(ctx, organization_id)
            invitation = await self._create(ctx, organization, email, roles, team_ids)
        self._send(ctx, me, organization, invitation)
        about = {"inviter": ctx.session.user, "organization": organization}
        await self._guard.hook("after_create_invitation", invitation=invitation, **about)
        return store.shown(ctx, "invitation", invitation)

    async def _roles(self, ctx: EndpointContext, me: Row) -> list[str]:
        roles = parse_roles(ctx.body["role"])
        if not roles:
            raise APIError(OrganizationCode.ROLE_NOT_FOUND)
        if unknown := await self._guard.check_roles(ctx, me["organizationId"], roles):
            raise APIError(400, message=f"ROLE_NOT_FOUND: {', '.join(unknown)}")
        self._check_creator(me, ",".join(roles))
        return roles

    def _check_creator(self, me: Row, roles: str) -> None:
        if self._guard.options.is_creator(roles) and not self._guard.may_see_all(me):
            refusal = OrganizationCode.YOU_ARE_NOT_ALLOWED_TO_INVITE_USER_WITH_THIS_ROLE
            raise APIError(refusal)

    async def _waiting(
        self, ctx: EndpointContext, organization_id: str, email: str | None = None
    ) -> list[Row]:
        of = {"organizationId": organization_id, "status": PENDING}
        of |= {"email": email} if email else {}
        found = await store.find_many(ctx, "invitation", limit=None, **of)
        return [each for each in found if each["expiresAt"] > now()]

    async def _resend(
        self, ctx: EndpointContext, me: Row, organization: Row, invitation: Row
    ) -> dict[str, Any]:
        self._check_creator(me, invitation["role"] or "")
        values = {"expiresAt": self._expires_at()}
        updated = await store.update(ctx, "invitation", {"id": invitation["id"]}, values)
        self._send(ctx, me, organization, updated or invitation)
        return store.shown(ctx, "invitation", updated or invitation)

    async def _check_limit(self, ctx: EndpointContext, me: Row, organization: Row) -> None:
        limit = self._guard.options.invitation_limit
        if callable(limit):
            event = OrganizationEvent(user=ctx.session.user, organization=organization, member=me)
            limit = await limit(event)
        waiting = await self._waiting(ctx, organization["id"])
        if len(waiting) >= (100 if limit is None else limit):
            raise APIError(OrganizationCode.INVITATION_LIMIT_REACHED)

    async def _team_ids(self, ctx: EndpointContext, organization_id: str) -> list[str]:
        given, teams = ctx.body.get("teamId"), self._guard.options.teams
        if not teams.enabled or not given:
            return []
        team_ids = [given] if isinstance(given, str) else given
        if any("," in team_id for team_id in team_ids):
            raise APIError(OrganizationCode.INVALID_TEAM_ID)
        for team_id in team_ids:
            if not await store.find_one(ctx, "team", id=team_id, organizationId=organization_id):
                raise APIError(OrganizationCode.TEAM_NOT_FOUND)
        for team_id in team_ids:
            limit = teams.maximum_members_per_team
            maximum = await team_limit(ctx, limit, organization_id, team_id)
            members = await store.count(ctx, "teamMember", teamId=team_id)
            if maximum is not None and members >= maximum:
                raise APIError(OrganizationCode.TEAM_MEMBER_LIMIT_REACHED)
        return [*team_ids]

    async def _create(
        self,
        ctx: EndpointContext,
        organization: Row,
        email: str,
        roles: list[str],
        team_ids: list[str],
    ) -> Row:
        user = ctx.session.user
        added = self._guard.additional("invitation")
        values = {name: value for name, value in ctx.body.items() if name in added}
        values |= {
            "organizationId": organization["id"],
            "email": email,
            "role": ",".join(roles),
            "teamId": ",".join(team_ids) or None,
            "inviterId": user.id,
        }
        about = {"inviter": user, "organization": organization}
        values |= await self._guard.hook("before_create_invitation", invitation=values, **about)
        times = {"expiresAt": self._expires_at(), "createdAt": now(), "status": PENDING}
        return await store.create(ctx, "invitation", times | values)

    def _expires_at(self) -> Any:
        return now() + timedelta(seconds=self._guard.options.invitation_expires_in)

    def _send(self, ctx: EndpointContext, me: Row, organization: Row, invitation: Row) -> None:
        send = self._guard.options.send_invitation_email
        if send is None:
            return
        mail = InvitationEmail(
            id=invitation["id"],
            role=invitation["role"],
            email=invitation["email"].lower(),
            organization=organization,
            inviter={**me, "user": values_of(ctx.session.user)},
            invitation=invitation,
        )
        ctx.run_in_background(partial(send, mail))

    def endpoints(self) -> list[Endpoint]:
        """Return it."""
        invite = {
            "email": Field("string", description="Whom"),
            "role": OneOrMoreTexts(description="One role or several"),
            "organizationId": ORGANIZATION_ID,
            "resend": Field("boolean", required=False, description="Send it once more"),
            "teamId": OneOrMoreTexts(required=False, description="Teams to be in as well"),
            **self._guard.additional("invitation"),
        }
        return [
            Endpoint(
                path="/organization/invite-member",
                handler=self.invite,
                body=Schema(invite),
                session="required",
                response_model=Invitation,
                errors=(400, 401, 403, 415, 429),
            ),
        ]


async def set_status(
    ctx: EndpointContext, invitation: Row, status: str, *, only: str | None = None
) -> Row | None:
    """Change the status of an invitation, where it is `only` this one until then."""
    where = [Where("id", invitation["id"]), *([Where("status", only)] if only else [])]
    return await store.update(ctx, "invitation", where, {"status": status})
