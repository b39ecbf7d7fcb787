"""The setups, and what every conversation about organizations has."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final
from urllib.parse import urlencode

from pydantic.alias_generators import to_pascal

from authward import BetterAuthOptions
from authward.plugins import OrganizationOptions, create_access_control, organization
from authward.plugins.organization import (
    DEFAULT_STATEMENTS,
    DynamicAccessControlOptions,
    InvitationEmail,
    OrganizationEvent,
    OrganizationHooks,
    TeamOptions,
    admin_role,
    member_role,
    owner_role,
)
from authward.plugins.schema_options import TableOptions
from authward.schema import DBField
from tests.conformance.model import (
    UNSET,
    WRONG_TYPES,
    Call,
    Sql,
    Step,
    email,
    get,
    post,
    signed_up,
)
from tests.conformance.setup import Collect, Setup


@dataclass(frozen=True)
class Note:
    """What a hook was told, in one word."""

    about: str | None


@dataclass(frozen=True)
class Mailed:
    """What there was to mail."""

    id: str
    to: str
    role: str
    organization: str
    inviter: str


def _send(collect: Collect) -> Any:
    async def send(mail: InvitationEmail) -> None:
        slug, inviter = mail.organization["slug"], mail.inviter["user"]["email"]
        await collect("invitation")(Mailed(mail.id, mail.email, mail.role, slug, inviter))

    return send


def _hook(collect: Collect, name: str) -> Any:
    async def hook(event: OrganizationEvent) -> None:
        address = None if event.user is None else event.user.email
        await collect(name)(Note((event.organization or {}).get("slug") or address))

    return hook


def _hooks(collect: Collect) -> OrganizationHooks:
    names = [each.name for each in fields(OrganizationHooks)]
    spelled = {name: to_pascal(name)[0].lower() + to_pascal(name)[1:] for name in names}
    return OrganizationHooks(**{name: _hook(collect, spelled[name]) for name in names})


def _plain(base: BetterAuthOptions, collect: Collect) -> BetterAuthOptions:
    options = OrganizationOptions(send_invitation_email=_send(collect))
    return replace(base, plugins=(*(base.plugins or ()), organization(options)))


def _full(base: BetterAuthOptions, collect: Collect) -> BetterAuthOptions:
    ac = create_access_control({**DEFAULT_STATEMENTS, "project": ["create", "share"]})
    text = DBField(type="string", required=False)
    options = OrganizationOptions(
        ac=ac,
        roles={
            "owner": ac.new_role({**owner_role.statements, "project": ["create", "share"]}),
            "admin": ac.new_role({**admin_role.statements, "project": ["create"]}),
            "member": ac.new_role(member_role.statements),
            "guest": ac.new_role({"organization": []}),
        },
        teams=TeamOptions(enabled=True, maximum_teams=3, maximum_members_per_team=2),
        dynamic_access_control=DynamicAccessControlOptions(
            enabled=True, maximum_roles_per_organization=2
        ),
        organization_limit=2,
        membership_limit=3,
        invitation_limit=2,
        invitation_expires_in=3600,
        cancel_pending_invitations_on_re_invite=True,
        require_email_verification_on_invitation=True,
        organization_hooks=_hooks(collect),
        schema={
            "organization": TableOptions(
                model_name="company",
                fields={"name": "title"},
                additional_fields={"plan": text, "hidden": replace(text, returned=False)},
            ),
            "member": TableOptions(additional_fields={"note": text}),
        },
    )
    return replace(base, plugins=(*(base.plugins or ()), organization(options)))


SETUPS: Final = {
    "organization": Setup("organization", _plain),
    "teams": Setup("organization", _full),
}


TEAMS: Final = "teams"


PATH: Final = "/organization/"


SLUG: Final = "org-<<here>>"


TOO_LONG: Final = "nobody's organization has so long a name, and no answer is to be that large"


def ask(path: str, body: Any = UNSET, name: str = "", *, by: str = "ada", **more: Any) -> Call:
    label = name or f"{by} asks {path}: {body}"
    return post(PATH + path, label, json=body, cookie=f"<<{by}.cookie>>", **more)


def look(path: str, name: str = "", *, by: str = "ada", save: str = "", **query: Any) -> Call:
    url = f"{PATH}{path}?{urlencode(query, doseq=True, safe='<>@')}"
    return get(url, name or f"{by} looks at {path} {query}", cookie=f"<<{by}.cookie>>", save=save)


def create(*, by: str = "ada", save: str = "org", **body: Any) -> Call:
    return ask("create", {"name": "Org", "slug": SLUG, **body}, by=by, save=save)


def invite(who: str, role: Any = "member", *, by: str = "ada", save: str = "", **more: Any) -> Call:
    save = save or f"to_{who}"
    body = {"email": email(who), "role": role, **more}
    return ask("invite-member", body, f"{by} invites {who} as {role} {more}", by=by, save=save)


def accept(who: str, *, save: str = "", name: str = "") -> Call:
    body = {"invitationId": f"<<to_{who}.id>>"}
    label = name or f"{who} accepts"
    return ask("accept-invitation", body, label, by=who, save=save or f"in_{who}")


def joined(who: str, role: str = "member") -> list[Step]:
    """Somebody has become a member."""
    return [signed_up(who), verified(who), invite(who, role), accept(who)]


def verified(who: str) -> Sql:
    return Sql('UPDATE "user" SET "emailVerified" = true WHERE id = $1', (f"<<{who}.id>>",))


def active(who: str, organization_id: Any = "<<org.id>>") -> Call:
    body = {"organizationId": organization_id}
    return ask("set-active", body, f"{who} goes to {organization_id}", by=who)


ENDPOINTS: Final[Mapping[str, dict[str, Any]]] = {
    "create": {"name": "Other", "slug": "other-<<here>>", "logo": "x", "metadata": {}},
    "check-slug": {"slug": "free-<<here>>"},
    "update": {"data": {"name": "New"}, "organizationId": "<<org.id>>"},
    "delete": {"organizationId": "<<org.id>>"},
    "set-active": {"organizationId": "<<org.id>>", "organizationSlug": SLUG},
    "invite-member": {
        "email": email("new"),
        "role": "member",
        "organizationId": "<<org.id>>",
        "resend": True,
    },
    "accept-invitation": {"invitationId": "<<to_cid.id>>"},
    "reject-invitation": {"invitationId": "<<to_cid.id>>"},
    "cancel-invitation": {"invitationId": "<<to_cid.id>>"},
    "remove-member": {"memberIdOrEmail": email("bob"), "organizationId": "<<org.id>>"},
    "update-member-role": {
        "role": "admin",
        "memberId": "<<in_bob.member.id>>",
        "organizationId": "<<org.id>>",
    },
    "leave": {"organizationId": "<<org.id>>"},
    "has-permission": {"permissions": {"member": ["create"]}, "organizationId": "<<org.id>>"},
}


LOOKS: Final = (
    "get-organization",
    "get-full-organization",
    "list",
    "list-members",
    "list-invitations",
    "list-user-invitations",
    "get-active-member",
    "get-active-member-role",
    "get-invitation",
)


TEAM_ENDPOINTS: Final[Mapping[str, dict[str, Any]]] = {
    "create-team": {"name": "T", "organizationId": "<<org.id>>"},
    "update-team": {"teamId": "<<team.id>>", "data": {"name": "U"}},
    "remove-team": {"teamId": "<<team.id>>", "organizationId": "<<org.id>>"},
    "set-active-team": {"teamId": "<<team.id>>"},
    "add-team-member": {"teamId": "<<team.id>>", "userId": "<<bob.id>>"},
    "remove-team-member": {"teamId": "<<team.id>>", "userId": "<<bob.id>>"},
    "create-role": {"role": "artist", "permission": {"project": ["create"]}},
    "update-role": {"roleName": "artist", "data": {"roleName": "painter"}},
    "delete-role": {"roleName": "painter"},
}


TEAM_LOOKS: Final = (
    "list-teams",
    "list-user-teams",
    "list-team-members",
    "list-roles",
    "get-role?roleName=artist",
)


WANTED: Final[tuple[dict[str, Any], ...]] = (
    {"permissions": {"organization": ["delete"]}},
    {"permissions": {"member": ["create"], "invitation": ["cancel"]}},
    {"permissions": {"ac": ["read"]}},
    {"permissions": {"nothing": ["x"]}},
    {"permissions": {}},
    {"permission": {"member": ["create"]}},
    {},
)


def _wrong_types(endpoint: str, right: Mapping[str, Any]) -> Iterable[Call]:
    for name in right:
        left_out = {key: value for key, value in right.items() if key != name}
        for label, value in WRONG_TYPES.items():
            if label != "a string":
                yield ask(endpoint, {**left_out, name: value}, f"{endpoint}: {name} is {label}")
        if name not in {"organizationId", "userId"}:
            yield ask(endpoint, {**left_out, name: "NUL\0"}, f"{endpoint}: {name} has NUL")
    for label, value in WRONG_TYPES.items():
        if label != "an object":
            yield ask(endpoint, value, f"{endpoint}: the body is {label}")
    yield ask(endpoint, UNSET, f"{endpoint}: no body")
