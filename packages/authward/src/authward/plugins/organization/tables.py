"""The tables of `organization`, as the original makes them."""

from authward.plugins.organization.options import ID, OrganizationOptions
from authward.plugins.schema_options import with_options
from authward.schema.fields import DBField, DBTable, FieldType, Reference
from authward.timestamps import now


def _text(*, required: bool = True, to: str = "", index: bool = False) -> DBField:
    reference = Reference(to) if to else None
    return DBField(type="string", required=required, references=reference, index=index or bool(to))


def _time(*, required: bool = True, default: bool = False) -> DBField:
    kind: FieldType = "date"
    return DBField(type=kind, required=required, default_value=now if default else None)


_UPDATED = DBField(type="date", required=False, on_update=now)
_COUNT = DBField(type="number", default_value=0, input=False, returned=False)
_KEY = DBField(type="string", required=False, unique=True, input=False, returned=False)
_ACTIVE = DBField(type="string", required=False, input=False)

_ORGANIZATION = DBTable(
    fields={
        "name": _text(),
        "slug": DBField(type="string", unique=True, index=True),
        "logo": _text(required=False),
        "createdAt": _time(),
        "metadata": _text(required=False),
    }
)
_ROLE = DBTable(
    fields={
        "organizationId": _text(to="organization"),
        "role": _text(index=True),
        "permission": _text(),
        "createdAt": _time(default=True),
        "updatedAt": _UPDATED,
    }
)
_TEAM = DBTable(
    fields={
        "name": _text(),
        "memberCount": _COUNT,
        "organizationId": _text(to="organization"),
        "createdAt": _time(),
        "updatedAt": _UPDATED,
    }
)
_TEAM_MEMBER = DBTable(
    fields={
        "teamId": _text(to="team"),
        "userId": _text(to="user"),
        "membershipKey": _KEY,
        "createdAt": _time(required=False),
    }
)
_MEMBER = DBTable(
    fields={
        "organizationId": _text(to="organization"),
        "userId": _text(to="user"),
        "role": DBField(type="string", default_value="member"),
        "createdAt": _time(),
    }
)


def _invitation(*, teams: bool) -> DBTable:
    return DBTable(
        fields={
            "organizationId": _text(to="organization"),
            "email": _text(index=True),
            "role": _text(required=False),
            **({"teamId": _text(required=False)} if teams else {}),
            "status": DBField(type="string", default_value="pending"),
            "expiresAt": _time(),
            "createdAt": _time(default=True),
            "inviterId": DBField(type="string", references=Reference("user")),
        }
    )


def tables(options: OrganizationOptions) -> dict[str, DBTable]:
    """Return the tables that these options need, under the names that they give."""
    teams, dynamic = options.teams.enabled, options.dynamic_access_control.enabled
    active = {"activeOrganizationId": _ACTIVE} | ({"activeTeamId": _ACTIVE} if teams else {})
    found = {
        "organization": _ORGANIZATION,
        **({"organizationRole": _ROLE} if dynamic else {}),
        **({"team": _TEAM, "teamMember": _TEAM_MEMBER} if teams else {}),
        "member": _MEMBER,
        "invitation": _invitation(teams=teams),
        "session": DBTable(fields=active),
    }
    return with_options(ID, found, options.schema)
