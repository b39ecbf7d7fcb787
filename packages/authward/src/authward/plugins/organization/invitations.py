"""What becomes of invitations: `accept-…`, `reject-…`, `cancel-…`, `get-…`, `list-…`."""

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
from authward.plugins.organization.inviting import PENDING, set_status
from authward.plugins.organization.members import check_membership_limit
from authward.plugins.organization.options import (
    parse_roles,
)
from authward.plugins.organization.responses import (
    Accepted,
    Invitation,
    InvitationDetails,
    UserInvitation,
)
from authward.storage.adapter import Row
from authward.timestamps import now
from authward.validation import Field, Schema

_ERRORS = (400, 401, 403, 415, 429)
_ID = Field("string", description="The invitation's id")


class Invitations:
    """The endpoints, with the plugin's options."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def accept(self, ctx: EndpointContext) -> dict[str, Any]:
        """Become a member."""
        invitation = await self._mine(ctx, ctx.body["invitationId"], live=True)
        user = ctx.session.user
        about: dict[str, Any]
        async with ctx.transaction():
            organization = await store.lock_organization(ctx, invitation["organizationId"])
            await check_membership_limit(ctx, self._guard, user, organization)
            about = {"user": user, "organization": organization}
            await self._guard.hook("before_accept_invitation", invitation=invitation, **about)
            accepted = await set_status(ctx, invitation, "accepted", only=PENDING)
            if accepted is None:
                raise APIError(OrganizationCode.INVITATION_NOT_FOUND)
            teams = await self._join_teams(ctx, accepted)
            values = {
                "organizationId": organization["id"],
                "userId": user.id,
                "role": ",".join(parse_roles(accepted["role"] or "")),
                "createdAt": now(),
            }
            member = await store.create(ctx, "member", values)
        active = {"activeOrganizationId": organization["id"]}
        active |= {"activeTeamId": teams[0]} if len(teams) == 1 else {}
        await ctx.update_session(ctx.session.session, active)
        if len(teams) == 1:
            ctx.set_session_cookies(ctx.session.session.token)
        await self._guard.hook(
            "after_accept_invitation", invitation=accepted, member=member, **about
        )
        return {
            "invitation": store.shown(ctx, "invitation", accepted),
            "member": store.shown(ctx, "member", member),
        }

    async def reject(self, ctx: EndpointContext) -> dict[str, Any]:
        """Turn an invitation down."""
        message = "Invitation not found!"
        invitation = await self._mine(ctx, ctx.body["invitationId"], live=False, message=message)
        organization = await organization_or_refuse(ctx, invitation["organizationId"])
        about = {"user": ctx.session.user, "organization": organization}
        await self._guard.hook("before_reject_invitation", invitation=invitation, **about)
        rejected = await set_status(ctx, invitation, "rejected", only=PENDING)
        if rejected is None:
            raise APIError(OrganizationCode.INVITATION_NOT_FOUND, message=message)
        await self._guard.hook("after_reject_invitation", invitation=rejected, **about)
        return {"invitation": store.shown(ctx, "invitation", rejected), "member": None}

    async def cancel(self, ctx: EndpointContext) -> dict[str, Any] | None:
        """Take an invitation back."""
        found = await store.find_one(ctx, "invitation", id=ctx.body["invitationId"])
        if found is None:
            raise APIError(OrganizationCode.INVITATION_NOT_FOUND)
        missing = OrganizationCode.MEMBER_NOT_FOUND
        me = await self._guard.member(ctx, found["organizationId"], missing)
        refusal = OrganizationCode.YOU_ARE_NOT_ALLOWED_TO_CANCEL_THIS_INVITATION
        await self._guard.require(ctx, me, {"invitation": ["cancel"]}, refusal)
        organization = await organization_or_refuse(ctx, found["organizationId"])
        about = {"cancelled_by": ctx.session.user, "organization": organization}
        await self._guard.hook("before_cancel_invitation", invitation=found, **about)
        canceled = await set_status(ctx, found, "canceled")
        await self._guard.hook("after_cancel_invitation", invitation=canceled or found, **about)
        return canceled and store.shown(ctx, "invitation", canceled)

    async def get(self, ctx: EndpointContext) -> dict[str, Any]:
        """Return an invitation to the current user."""
        if await ctx.load_session() is None:
            raise APIError(401, message="Not authenticated")
        unverified = OrganizationCode.EMAIL_VERIFICATION_REQUIRED_FOR_INVITATION
        found = await self._mine(ctx, ctx.query["id"], live=True, unverified=unverified)
        organization = await organization_or_refuse(ctx, found["organizationId"])
        inviter = await store.find_member(ctx, organization["id"], found["inviterId"])
        if inviter is None:
            refusal = OrganizationCode.INVITER_IS_NO_LONGER_A_MEMBER_OF_THE_ORGANIZATION
            raise APIError(refusal)
        return {
            **store.shown(ctx, "invitation", found),
            "organizationName": organization["name"],
            "organizationSlug": organization["slug"],
            "inviterEmail": (await store.with_user(ctx, inviter))["user"]["email"],
        }

    async def list_invitations(self, ctx: EndpointContext) -> list[dict[str, Any]]:
        """List the invitations of an organization."""
        active = ctx.session.session.fields["activeOrganizationId"]
        organization_id = ctx.query.get("organizationId") or active
        if not organization_id:
            raise APIError(400, message="Organization ID is required")
        me = await store.find_member(ctx, organization_id, ctx.session.user.id)
        if me is None:
            raise APIError(403, message="You are not a member of this organization")
        refusal = OrganizationCode.YOU_ARE_NOT_ALLOWED_TO_LIST_INVITATIONS
        await self._guard.require(ctx, me, {"invitation": ["create"]}, refusal)
        found = await store.find_many(ctx, "invitation", organizationId=organization_id)
        options = self._guard.options
        if not self._guard.may_see_all(me):
            found = [each for each in found if not options.is_creator(each["role"])]
        return [store.shown(ctx, "invitation", each) for each in found]

    async def list_of_user(self, ctx: EndpointContext) -> list[dict[str, Any]]:
        """List the invitations that wait for the current user."""
        found, given = await ctx.load_session(), ctx.query.get("email")
        if given and not ctx.from_server:
            message = "User email cannot be passed for client side API calls."
            raise APIError(400, message=message)
        if found is not None and not found.user.email_verified:
            raise APIError(OrganizationCode.EMAIL_VERIFICATION_REQUIRED_FOR_INVITATION)
        email = found.user.email if found else given
        if not email:
            raise APIError(400, message="Missing session headers, or email query parameter.")
        rows = await store.find_many(ctx, "invitation", email=email.lower(), status=PENDING)
        return [await self._with_name(ctx, row) for row in rows]

    async def _mine(
        self,
        ctx: EndpointContext,
        invitation_id: str,
        *,
        live: bool,
        message: str | None = None,
        unverified: OrganizationCode = (
            OrganizationCode.EMAIL_VERIFICATION_REQUIRED_BEFORE_ACCEPTING_OR_REJECTING_INVITATION
        ),
    ) -> Row:
        """Return a pending invitation to the current user.

        Raises:
            APIError: 400 if there is none, 403 if it is another's.
        """
        found = await store.find_one(ctx, "invitation", id=invitation_id)
        is_over = live and found is not None and found["expiresAt"] < now()
        if found is None or found["status"] != PENDING or is_over:
            raise APIError(OrganizationCode.INVITATION_NOT_FOUND, message=message)
        user = ctx.session.user
        if found["email"].lower() != user.email.lower():
            raise APIError(OrganizationCode.YOU_ARE_NOT_THE_RECIPIENT_OF_THE_INVITATION)
        required = self._guard.options.require_email_verification_on_invitation
        if required and not user.email_verified:
            raise APIError(unverified)
        return found

    async def _join_teams(self, ctx: EndpointContext, invitation: Row) -> list[str]:
        teams = self._guard.options.teams
        if not teams.enabled or not invitation["teamId"]:
            return []
        team_ids: list[str] = invitation["teamId"].split(",")
        organization_id = invitation["organizationId"]
        for team_id in team_ids:
            of = {"id": team_id, "organizationId": organization_id}
            if not await store.find_one(ctx, "team", **of):
                raise APIError(OrganizationCode.TEAM_NOT_FOUND)
            limit = teams.maximum_members_per_team
            maximum = await team_limit(ctx, limit, organization_id, team_id)
            await store.add_to_team(ctx, team_id, ctx.session.user.id, maximum)
        return team_ids

    @staticmethod
    async def _with_name(ctx: EndpointContext, row: Row) -> Row:
        found = await store.find_one(ctx, "organization", id=row["organizationId"])
        name = {"organizationName": found["name"]} if found else {}
        return {**store.shown(ctx, "invitation", row), **name}

    def endpoints(self) -> list[Endpoint]:
        """Return them."""
        by_id = Schema({"invitationId": _ID})
        email = Field("string", required=False, description="Not by HTTP: whose")
        return [
            Endpoint(
                path="/organization/accept-invitation",
                handler=self.accept,
                body=by_id,
                session="required",
                response_model=Accepted,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/organization/reject-invitation",
                handler=self.reject,
                body=by_id,
                session="required",
                response_model=Accepted,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/organization/cancel-invitation",
                handler=self.cancel,
                body=by_id,
                session="required",
                response_model=Invitation,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/organization/get-invitation",
                methods=("GET",),
                handler=self.get,
                query=Schema({"id": _ID}),
                response_model=InvitationDetails,
                errors=(400, 401, 403, 429),
            ),
            Endpoint(
                path="/organization/list-invitations",
                methods=("GET",),
                handler=self.list_invitations,
                query=Schema({"organizationId": ORGANIZATION_ID}),
                session="required",
                response_model=list[Invitation],
                errors=(400, 401, 403, 429),
            ),
            Endpoint(
                path="/organization/list-user-invitations",
                methods=("GET",),
                handler=self.list_of_user,
                query=Schema({"email": email}),
                response_model=list[UserInvitation],
                errors=(400, 401, 403, 429),
            ),
        ]
