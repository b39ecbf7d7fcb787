"""What `organization` can be told: its options, its hooks, and the roles that there are."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias

from authward.errors import ConfigurationError
from authward.plugins.access import AccessControl, Role, check_roles, create_access_control
from authward.plugins.schema_options import SchemaOptions
from authward.storage.adapter import Row
from authward.storage.rows import AuthSession, AuthUser

ID = "organization"
DAY = 86_400

DEFAULT_STATEMENTS: Mapping[str, Sequence[str]] = {
    "organization": ("update", "delete"),
    "member": ("create", "update", "delete"),
    "invitation": ("create", "cancel"),
    "team": ("create", "update", "delete"),
    "ac": ("create", "read", "update", "delete"),
}
default_ac = create_access_control(DEFAULT_STATEMENTS)
owner_role = default_ac.new_role(DEFAULT_STATEMENTS)
admin_role = default_ac.new_role({**DEFAULT_STATEMENTS, "organization": ["update"]})
member_role = default_ac.new_role(
    {"organization": [], "member": [], "invitation": [], "team": [], "ac": ["read"]}
)
DEFAULT_ROLES: Mapping[str, Role] = {
    "admin": admin_role,
    "owner": owner_role,
    "member": member_role,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationEvent:
    """What a hook is told; what has no part in it is None. Rows are by the fields' names.

    Args:
        organization, member, invitation, team, team_member: the rows, or the values of one that is
            only now made.
        user: whose deed it is, or, for a member's hooks, the member.
        inviter, cancelled_by: who invites, and who takes an invitation back.
        new_role, previous_role: of a member whose role changes.
    """

    organization: Row | None = None
    user: AuthUser | None = None
    member: Row | None = None
    invitation: Row | None = None
    inviter: AuthUser | None = None
    cancelled_by: AuthUser | None = None
    team: Row | None = None
    team_member: Row | None = None
    new_role: str | None = None
    previous_role: str | None = None


OrganizationHook: TypeAlias = Callable[[OrganizationEvent], Awaitable[Mapping[str, Any] | None]]
"""A hook before something may return values to have instead, and APIError forbids it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationHooks:
    """The original's `organizationHooks`."""

    before_create_organization: OrganizationHook | None = None
    after_create_organization: OrganizationHook | None = None
    before_update_organization: OrganizationHook | None = None
    after_update_organization: OrganizationHook | None = None
    before_delete_organization: OrganizationHook | None = None
    after_delete_organization: OrganizationHook | None = None
    before_add_member: OrganizationHook | None = None
    after_add_member: OrganizationHook | None = None
    before_remove_member: OrganizationHook | None = None
    after_remove_member: OrganizationHook | None = None
    before_update_member_role: OrganizationHook | None = None
    after_update_member_role: OrganizationHook | None = None
    before_create_invitation: OrganizationHook | None = None
    after_create_invitation: OrganizationHook | None = None
    before_accept_invitation: OrganizationHook | None = None
    after_accept_invitation: OrganizationHook | None = None
    before_reject_invitation: OrganizationHook | None = None
    after_reject_invitation: OrganizationHook | None = None
    before_cancel_invitation: OrganizationHook | None = None
    after_cancel_invitation: OrganizationHook | None = None
    before_create_team: OrganizationHook | None = None
    after_create_team: OrganizationHook | None = None
    before_update_team: OrganizationHook | None = None
    after_update_team: OrganizationHook | None = None
    before_delete_team: OrganizationHook | None = None
    after_delete_team: OrganizationHook | None = None
    before_add_team_member: OrganizationHook | None = None
    after_add_team_member: OrganizationHook | None = None
    before_remove_team_member: OrganizationHook | None = None
    after_remove_team_member: OrganizationHook | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationEmail:
    """What there is to mail: `id` is what the recipient accepts, in a link of the application's."""

    id: str
    role: str
    email: str
    organization: Row
    inviter: Row
    invitation: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamLimitEvent:
    """For whom a limit of teams is asked: `team_id` only where it is one of a team's members."""

    organization_id: str
    team_id: str | None = None
    user: AuthUser | None = None
    session: AuthSession | None = None


SendInvitationEmail: TypeAlias = Callable[[InvitationEmail], Awaitable[None]]
Limit: TypeAlias = int | Callable[[OrganizationEvent], Awaitable[int]] | None
TeamLimit: TypeAlias = int | Callable[[TeamLimitEvent], Awaitable[int]] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultTeamOptions:
    """Whether a new organization has a team at once, and an own function that makes it."""

    enabled: bool = True
    custom_create_default_team: Callable[[OrganizationEvent], Awaitable[Row]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamOptions:
    """The original's `teams`; None for a maximum is none."""

    enabled: bool = False
    default_team: DefaultTeamOptions = DefaultTeamOptions()
    maximum_teams: TeamLimit = None
    maximum_members_per_team: TeamLimit = None
    allow_removing_all_teams: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicAccessControlOptions:
    """The original's `dynamicAccessControl`: roles that organizations make themselves."""

    enabled: bool = False
    maximum_roles_per_organization: int | Callable[[str], Awaitable[int]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationOptions:
    """The original's options.

    Args:
        allow_user_to_create_organization: whether users may, or a function of the user.
        organization_limit: how many a user may be in and still make one, or a function of the
            user that returns True where the limit is reached; None is no limit.
        creator_role: the role of whoever makes an organization.
        membership_limit: how many members one may have, or a function of `user` and
            `organization`.
        ac, roles: access control of the application's own; `roles` are besides the default ones.
        dynamic_access_control: roles that organizations make themselves, which needs `ac`.
        teams: teams within organizations.
        invitation_expires_in: seconds.
        invitation_limit: how many may be pending in one organization, or a function of `user`,
            `organization` and `member`.
        cancel_pending_invitations_on_re_invite: a second invitation replaces the first.
        require_email_verification_on_invitation: only whoever has verified the address may see,
            accept or reject an invitation to it.
        send_invitation_email: sends the link, which the application makes of `id`.
        schema: other names for tables and columns, and fields of the application's.
        disable_organization_deletion: nobody may.
        organization_hooks: around everything.
    """

    allow_user_to_create_organization: bool | Callable[[AuthUser], Awaitable[bool]] = True
    organization_limit: int | Callable[[AuthUser], Awaitable[bool]] | None = None
    creator_role: str = "owner"
    membership_limit: Limit = 100
    ac: AccessControl | None = None
    roles: Mapping[str, Role] | None = None
    dynamic_access_control: DynamicAccessControlOptions = DynamicAccessControlOptions()
    teams: TeamOptions = TeamOptions()
    invitation_expires_in: int = 2 * DAY
    invitation_limit: Limit = 100
    cancel_pending_invitations_on_re_invite: bool = False
    require_email_verification_on_invitation: bool = False
    send_invitation_email: SendInvitationEmail | None = None
    schema: SchemaOptions = field(default_factory=dict)
    disable_organization_deletion: bool = False
    organization_hooks: OrganizationHooks = OrganizationHooks()

    @property
    def permission_roles(self) -> Mapping[str, Role]:
        """What each role may do; roles of the application's own come instead of the default."""
        return self.roles or DEFAULT_ROLES

    @property
    def role_names(self) -> frozenset[str]:
        """The roles that may be given."""
        return frozenset({*DEFAULT_ROLES, *(self.roles or {})})

    def is_creator(self, role: str | None) -> bool:
        """Whether the role of whoever makes an organization is among these."""
        return self.creator_role in parse_roles(role or "")


def parse_roles(roles: str | Sequence[str]) -> list[str]:
    """Return the roles in a text with commas or in a list of such, without blanks around them."""
    given = [roles] if isinstance(roles, str) else roles
    found = (role.strip() for text in given for role in text.split(","))
    return [role for role in found if role]


def check_options(options: OrganizationOptions) -> None:
    """Refuse what cannot work.

    Raises:
        ConfigurationError: it names the option.
    """
    check_roles(ID, options.ac, options.roles)
    groups = {
        "teams": TeamOptions,
        "dynamic_access_control": DynamicAccessControlOptions,
        "organization_hooks": OrganizationHooks,
    }
    for name, kind in groups.items():
        if not isinstance(getattr(options, name), kind):
            raise ConfigurationError(f"{ID}: {name} is {kind.__name__}(…)")
    if options.dynamic_access_control.enabled and options.ac is None:
        raise ConfigurationError(f"{ID}: dynamic_access_control needs ac")
    if type(options.invitation_expires_in) is not int or options.invitation_expires_in < 1:
        raise ConfigurationError(f"{ID}: invitation_expires_in is a number of seconds")
    if not parse_roles(options.creator_role) == [options.creator_role]:
        raise ConfigurationError(f"{ID}: creator_role is the name of one role")
    for each in fields(OrganizationHooks):
        hook = getattr(options.organization_hooks, each.name)
        if hook is not None and not callable(hook):
            raise ConfigurationError(f"{ID}: {each.name} is an async function")
