"""The setups, and what every conversation about admins has."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from authward import BetterAuthOptions
from authward.options import UserOptions
from authward.plugins import AdminOptions, admin, create_access_control
from authward.plugins.admin import DEFAULT_STATEMENTS
from authward.plugins.schema_options import TableOptions
from authward.schema import DBField
from authward.storage.rows import AuthUser
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
from tests.conftest import PASSWORD

NICKNAME: Final = UserOptions(
    additional_fields={"nickname": DBField(type="string", required=False)}
)


def _strict() -> AdminOptions:
    ac = create_access_control({**DEFAULT_STATEMENTS, "project": ["create", "share"]})

    async def message(user: AuthUser) -> str:
        return f"No, {user.name}: {user.fields['banReason']}"

    return AdminOptions(
        ac=ac,
        roles={
            "boss": ac.new_role(DEFAULT_STATEMENTS),
            "guard": ac.new_role(
                {
                    "user": ["list", "impersonate", "ban"],
                    "session": ["list"],
                    "project": ["create"],
                }
            ),
            "clerk": ac.new_role({"user": ["create", "update", "get"], "session": []}),
            "guest": ac.new_role({"user": [], "session": []}),
        },
        default_role="guest",
        admin_roles=["boss"],
        admin_user_ids=["the-chosen-one"],
        default_ban_reason="Because",
        default_ban_expires_in=7200,
        impersonation_session_duration=600,
        banned_user_message=message,
        schema={
            "user": TableOptions(fields={"role": "user_role", "banned": "is_banned"}),
            "session": TableOptions(fields={"impersonatedBy": "impersonated_by"}),
        },
    )


def _options(base: BetterAuthOptions, options: AdminOptions | None) -> BetterAuthOptions:
    return replace(base, plugins=(*(base.plugins or ()), admin(options)), user=NICKNAME)


def _default(base: BetterAuthOptions, _: Collect) -> BetterAuthOptions:
    return _options(base, None)


def _with_roles(base: BetterAuthOptions, _: Collect) -> BetterAuthOptions:
    return _options(base, _strict())


SETUPS: Final = {
    "admin": Setup("admin", _default),
    "strict admin": Setup("admin", _with_roles),
}


STRICT: Final = "strict admin"


NONSENSE: Final = "an object or a list is no text, even if PostgreSQL has a text for it"


ID: Final = {"userId": "<<bob.id>>"}


ENDPOINTS: Final[Mapping[str, dict[str, Any]]] = {
    "set-role": {**ID, "role": "user"},
    "create-user": {"email": email("new"), "password": PASSWORD, "name": "New"},
    "update-user": {**ID, "data": {"name": "Another"}},
    "list-user-sessions": ID,
    "unban-user": ID,
    "ban-user": {**ID, "banReason": "spam", "banExpiresIn": 60},
    "impersonate-user": ID,
    "revoke-user-session": {"sessionToken": "<<bob.token>>"},
    "revoke-user-sessions": ID,
    "remove-user": ID,
    "set-user-password": {**ID, "newPassword": "another password"},
    "has-permission": {"permissions": {"user": ["list"]}},
}
"""Every endpoint that takes a body, with one that is right."""
PATH: Final = "/admin/"


def role(who: str, name: str | None, column: str = "role") -> Sql:
    return Sql(f'UPDATE "user" SET "{column}" = $2 WHERE id = $1', (f"<<{who}.id>>", name or ""))


def an_admin(who: str = "ada") -> list[Step]:
    return [signed_up(who), role(who, "admin")]


def with_role(who: str, name: str) -> list[Step]:
    return [signed_up(who), role(who, name, "user_role")]


def ask(endpoint: str, body: Any = UNSET, name: str = "", *, by: str = "ada", **more: Any) -> Call:
    """Somebody asks an endpoint."""
    label = name or f"{by} asks {endpoint}: {body}"
    return post(PATH + endpoint, label, json=body, cookie=f"<<{by}.cookie>>", **more)


def users(name: str = "", *, by: str = "ada", **query: Any) -> Call:
    """Somebody lists users."""
    path = f"{PATH}list-users?{urlencode(query, doseq=True, safe='<>')}"
    return get(path, name or f"{by} lists users: {query}", cookie=f"<<{by}.cookie>>")


def here(**query: Any) -> Call:
    """The users of this scenario, filtered by their addresses."""
    return users(searchValue="<<here>>", **query)


def user(who: str, *, by: str = "ada") -> Call:
    """Somebody looks at somebody."""
    return get(f"{PATH}get-user?id=<<{who}.id>>", f"{by} gets {who}", cookie=f"<<{by}.cookie>>")


def update(data: Any, who: str = "bob", *, by: str = "ada", **more: Any) -> Call:
    return ask("update-user", {"userId": f"<<{who}.id>>", "data": data}, by=by, **more)


def create(name: str = "", *, by: str = "ada", who: str = "new", **fields: Any) -> Call:
    body = {"email": email(who), "password": PASSWORD, "name": who.title(), **fields}
    return ask("create-user", body, name or f"{by} creates {who}: {fields}", by=by)


STRICT_WANTED: Final[tuple[dict[str, Any], ...]] = (
    {"project": ["create"]},
    {"project": ["share"]},
    {"user": ["list", "get"]},
    {"user": ["list"], "session": ["list"]},
    {"session": []},
    {"nothing": ["at all"]},
)


PERMISSION_BODIES: Final[tuple[dict[str, Any], ...]] = (
    {"permissions": {"user": ["list"]}},
    {"permissions": {"user": ["list", "ban"], "session": ["revoke"]}},
    {"permissions": {"user": ["impersonate-admins"]}},
    {"permissions": {"user": []}},
    {"permissions": {}},
    {"permissions": {"nothing": ["x"]}},
    {"permissions": {"__proto__": ["x"]}},
    {"permissions": {"user": ["list"]}, "role": "admin"},
    {"permissions": {"user": ["list"]}, "userId": "<<ada.id>>"},
    {"permissions": {"user": ["list"]}, "userId": 7, "role": "x"},
    {"permission": {"user": ["list"]}},
    {"permission": {"user": ["list"]}, "permissions": {"user": ["list"]}},
    {"permission": 7, "permissions": {"user": ["list"]}},
    {"permission": {"user": ["list"]}, "permissions": 7},
    {"permission": 7, "permissions": 8},
    {"permissions": {"user": "list"}},
    {"permissions": {"user": ["list", 7]}},
    {"permissions": {"user": {"actions": ["list"]}}},
    {"permissions": {"user": ["list"]}, "role": 7},
    {"permissions": None},
    {},
)


NO_ROLES: Final[tuple[Any, ...]] = (None, 7, True, {}, ["x", 7])


NO_ADDRESSES: Final[tuple[Any, ...]] = ("", "x", None, 7, {}, [])


NO_TIMES: Final[tuple[Any, ...]] = (None, "x", {}, "NUL\0")


def _wrong_types(endpoint: str) -> Iterable[Call]:
    """Every property of a body with every wrong type, and without it."""
    right = ENDPOINTS[endpoint]
    for name in right:
        left_out = {key: value for key, value in right.items() if key != name}
        yield ask(endpoint, left_out, f"{endpoint} without {name}")
        for label, value in WRONG_TYPES.items():
            yield ask(endpoint, {**left_out, name: value}, f"{endpoint}: {name} is {label}")
    for label, value in WRONG_TYPES.items():
        yield ask(endpoint, value, f"{endpoint}: the body is {label}")
    yield ask(endpoint, UNSET, f"{endpoint}: no body")
