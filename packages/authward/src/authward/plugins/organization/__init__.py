"""`organization`: organizations with members, invitations, teams and roles, as in the original."""

from typing import Any

from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.plugin import Plugin
from authward.plugins.organization.codes import OrganizationCode
from authward.plugins.organization.guard import ORGANIZATION_ID, Guard, chosen_organization
from authward.plugins.organization.invitations import Invitations
from authward.plugins.organization.inviting import Inviting
from authward.plugins.organization.members import MembersOf
from authward.plugins.organization.options import (
    DEFAULT_STATEMENTS,
    ID,
    DefaultTeamOptions,
    DynamicAccessControlOptions,
    InvitationEmail,
    OrganizationEvent,
    OrganizationHooks,
    OrganizationOptions,
    TeamLimitEvent,
    TeamOptions,
    admin_role,
    check_options,
    default_ac,
    member_role,
    owner_role,
)
from authward.plugins.organization.organizations import Organizations
from authward.plugins.organization.roles import Roles
from authward.plugins.organization.tables import tables
from authward.plugins.organization.team_members import TeamMembers
from authward.plugins.organization.teams import Teams
from authward.plugins.organization.views import Views
from authward.plugins.permission_body import PERMISSIONS, Permission, PermissionBody

__all__ = [
    "DEFAULT_STATEMENTS",
    "DefaultTeamOptions",
    "DynamicAccessControlOptions",
    "InvitationEmail",
    "OrganizationCode",
    "OrganizationEvent",
    "OrganizationHooks",
    "OrganizationOptions",
    "TeamLimitEvent",
    "TeamOptions",
    "admin_role",
    "default_ac",
    "member_role",
    "organization",
    "owner_role",
]


def organization(options: OrganizationOptions | None = None) -> Plugin:
    """Let users make organizations, invite others, and share what they do there by roles."""
    options = options or OrganizationOptions()
    check_options(options)
    guard = Guard(options)
    parts: list[Any] = [
        Organizations(guard),
        Views(guard),
        MembersOf(guard),
        Inviting(guard),
        Invitations(guard),
    ]
    if options.teams.enabled:
        parts += [Teams(guard), TeamMembers(guard)]
    if options.dynamic_access_control.enabled:
        parts.append(Roles(guard))
    endpoints = [endpoint for part in parts for endpoint in part.endpoints()]
    return Plugin(
        id=ID,
        schema=tables(options),
        endpoints=[*endpoints, _has_permission(guard)],
        error_codes=OrganizationCode,
        init=lambda context: context.extensions.update({ID: guard}),
        examples={
            "slug": "analytical-engines",
            "organizationId": "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF",
            "invitationId": "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF",
            "memberId": "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF",
            "memberIdOrEmail": "charles@example.com",
            "role": "member",
            "permissions": {"invitation": ["create"]},
            "permission": {"invitation": ["create"]},
            "data": {"name": "Analytical Engines"},
        },
    )


def _has_permission(guard: Guard) -> Endpoint:
    async def has_permission(ctx: EndpointContext) -> dict[str, Any]:
        """Tell whether the current user may do all of this in an organization."""
        organization_id = chosen_organization(ctx, OrganizationCode.NO_ACTIVE_ORGANIZATION)
        refusal = OrganizationCode.USER_IS_NOT_A_MEMBER_OF_THE_ORGANIZATION
        me = await guard.member(ctx, organization_id, refusal, status=401)
        wanted = ctx.body.get("permissions")
        is_allowed = wanted is not None and await guard.allows(ctx, me, wanted)
        return {"error": None, "success": is_allowed}

    return Endpoint(
        path="/organization/has-permission",
        handler=has_permission,
        body=PermissionBody({"organizationId": ORGANIZATION_ID, "permissions": PERMISSIONS}),
        session="required",
        response_model=Permission,
        errors=(400, 401, 403, 415, 429),
    )
