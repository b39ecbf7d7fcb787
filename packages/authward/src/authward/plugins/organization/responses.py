"""The answers of `organization`, for the OpenAPI document."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class _Response(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class Organization(_Response):
    """An organization; `metadata` is JSON, in most answers as text."""

    id: str
    name: str
    slug: str
    logo: str | None = None
    created_at: datetime
    metadata: Any = None


class Member(_Response):
    """A membership; `role` may be several, with commas."""

    id: str
    organization_id: str
    user_id: str
    role: str
    created_at: datetime


class MemberUser(_Response):
    """What members see of one another."""

    id: str
    name: str
    email: str
    image: str | None


class MemberWithUser(Member):
    """A membership and whose it is."""

    user: MemberUser


class Invitation(_Response):
    """An invitation: `pending`, `accepted`, `rejected` or `canceled`."""

    id: str
    organization_id: str
    email: str
    role: str | None
    status: str
    team_id: str | None = None
    expires_at: datetime
    created_at: datetime
    inviter_id: str


class InvitationDetails(Invitation):
    """An invitation, and what its recipient wants to know."""

    organization_name: str
    organization_slug: str
    inviter_email: str


class UserInvitation(Invitation):
    """An invitation, and to what."""

    organization_name: str | None = None


class Team(_Response):
    """A team."""

    id: str
    name: str
    organization_id: str
    created_at: datetime
    updated_at: datetime | None = None


class TeamMember(_Response):
    """A membership of a team."""

    id: str
    team_id: str
    user_id: str
    created_at: datetime | None


class NewOrganization(Organization):
    """An organization that was made a moment ago."""

    members: list[Member]


class FullOrganization(Organization):
    """An organization with what belongs to it."""

    invitations: list[Invitation]
    members: list[MemberWithUser]
    teams: list[Team] | None = None


class Members(_Response):
    """A page of members; `total` counts all that are meant."""

    members: list[MemberWithUser]
    total: int


class OneMember(_Response):
    """Whoever is a member no more."""

    member: Member


class MemberRole(_Response):
    """One role, or several with commas."""

    role: str


class Accepted(_Response):
    """An invitation as it is now, and the membership that it has led to."""

    invitation: Invitation
    member: Member | None


class Message(_Response):
    """Done."""

    message: str


class Role(_Response):
    """A role that an organization has made."""

    id: str
    organization_id: str
    role: str
    permission: dict[str, list[str]]
    created_at: datetime
    updated_at: datetime | None = None


class NewRole(_Response):
    """A role that was made a moment ago."""

    success: bool
    role_data: Role
    statements: dict[str, list[str]]


class ChangedRole(_Response):
    """A role as it is now."""

    success: bool
    role_data: Role
