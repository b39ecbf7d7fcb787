"""What `admin` can be told, and the roles that there are without any options."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from authward.errors import ConfigurationError
from authward.plugins.access import AccessControl, Role, check_roles, create_access_control
from authward.plugins.schema_options import SchemaOptions
from authward.storage.rows import AuthUser

BannedUserMessage: TypeAlias = str | Callable[[AuthUser], Awaitable[str]]
ID = "admin"
HOUR = 3_600
_MAX_SECONDS = 100 * 366 * 86_400

DEFAULT_STATEMENTS: Mapping[str, Sequence[str]] = {
    "user": (
        *("create", "list", "set-role", "ban", "impersonate", "impersonate-admins", "delete"),
        *("set-password", "set-email", "set-phone", "get", "update"),
    ),
    "session": ("list", "revoke", "delete"),
}
"""Every action of the plugin; `impersonate-admins` is in no role by default."""

default_ac = create_access_control(DEFAULT_STATEMENTS)
admin_role = default_ac.new_role(
    {
        **DEFAULT_STATEMENTS,
        "user": [each for each in DEFAULT_STATEMENTS["user"] if each != "impersonate-admins"],
    }
)
user_role = default_ac.new_role({"user": [], "session": []})
DEFAULT_ROLES: Mapping[str, Role] = {"admin": admin_role, "user": user_role}


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminOptions:
    """The original's options.

    Args:
        default_role: the role of new users.
        admin_roles: whose users may not be impersonated without `impersonate-admins`; a text with
            commas, or a sequence of texts.
        default_ban_reason: kept where a ban names none.
        default_ban_expires_in: seconds after which a ban ends that names none; None is never.
        impersonation_session_duration: seconds that an impersonation lasts.
        schema: other names for the plugin's columns.
        ac: what `create_access_control` returned, for whoever reads the options.
        roles: what each role may do, instead of `admin` and `user` as they are by default.
        admin_user_ids: users who may do everything, whatever their role is.
        banned_user_message: what banned users are told when they sign in, or an async function
            that returns it for an `AuthUser`.
        allow_impersonating_admins: whoever may impersonate may impersonate admins too.
    """

    default_role: str = "user"
    admin_roles: str | Sequence[str] = ("admin",)
    default_ban_reason: str | None = None
    default_ban_expires_in: int | None = None
    impersonation_session_duration: int = HOUR
    schema: SchemaOptions = field(default_factory=dict)
    ac: AccessControl | None = None
    roles: Mapping[str, Role] | None = None
    admin_user_ids: Sequence[str] = ()
    banned_user_message: BannedUserMessage | None = None
    allow_impersonating_admins: bool = False

    @property
    def known_roles(self) -> Mapping[str, Role]:
        """What each role may do."""
        return DEFAULT_ROLES if self.roles is None else self.roles

    @property
    def roles_of_admins(self) -> list[str]:
        """The names in `admin_roles`."""
        given = self.admin_roles
        names = given.split(",") if isinstance(given, str) else given
        return [name.strip() for name in names]

    def is_admin(self, user: AuthUser) -> bool:
        """Whether the user counts as one, and may not be impersonated by all who may that."""
        roles = str(user.fields["role"] or self.default_role).split(",")
        return user.id in self.admin_user_ids or not set(roles).isdisjoint(self.roles_of_admins)

    def allows(self, user_id: str | None, role: str | None, permissions: Mapping[str, Any]) -> bool:
        """Whether this user, or any of the roles in this text with commas, may do all of it."""
        if user_id and user_id in self.admin_user_ids:
            return True
        roles = (role or self.default_role).split(",")
        known = (self.known_roles[name] for name in roles if name in self.known_roles)
        return any(role.authorize(permissions).success for role in known)


def check_options(options: AdminOptions) -> None:
    """Refuse what cannot work.

    Raises:
        ConfigurationError: it names the option.
    """
    check_roles(ID, options.ac, options.roles)
    known = {name.lower() for name in options.known_roles}
    # The default is no choice of anybody's: there may be roles without one called `admin`.
    if tuple(options.admin_roles) != ("admin",):
        for name in options.roles_of_admins:
            if name.lower() not in known:
                message = f"{ID}: admin_roles has {name!r}, which is not among the roles"
                raise ConfigurationError(message)
    if isinstance(options.admin_user_ids, str):
        raise ConfigurationError(f"{ID}: admin_user_ids is a list of texts, not one text")
    for name in ("default_ban_expires_in", "impersonation_session_duration"):
        value = getattr(options, name)
        allowed = value is None and name == "default_ban_expires_in"
        if not allowed and (type(value) is not int or not 1 <= value <= _MAX_SECONDS):
            raise ConfigurationError(f"{ID}: {name} is a number of seconds, not {value!r}")
