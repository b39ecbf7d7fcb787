"""Access control as the original's plugins have it: statements, roles, and what a role may do.

```python
statements = {**default_statements, "project": ["create", "share"]}
ac = create_access_control(statements)
editor = ac.new_role({"project": ["create"], "session": ["list"]})
editor.authorize({"project": ["create"]}).success
```
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from authward.errors import ConfigurationError

Statements: TypeAlias = Mapping[str, Sequence[str]]
"""The actions there are, or that are allowed, by resource: `{"user": ["create", "ban"]}`."""
Connector: TypeAlias = Literal["AND", "OR"]


@dataclass(frozen=True, slots=True)
class Authorization:
    """Whether it is allowed, and if not, what was missing."""

    success: bool
    error: str | None = None


class Role:
    """What whoever has the role may do."""

    __slots__ = ("statements",)

    def __init__(self, statements: Statements) -> None:
        """Take the actions that are allowed, by resource."""
        self.statements: Statements = _checked(statements)

    def authorize(self, request: Mapping[str, Any], connector: Connector = "AND") -> Authorization:
        """Tell whether all (or with OR one) of the resources may be used as asked.

        Args:
            request: by resource a list of actions, all of which must be allowed, or
                `{"actions": […], "connector": "OR"}`; an empty list is never allowed.
            connector: whether one resource is enough.

        Raises:
            TypeError: the actions are neither.
        """
        for resource, wanted in request.items():
            allowed = self.statements.get(resource)
            if allowed is None:
                if connector == "AND":
                    return _refused(f"You are not allowed to access resource: {resource}")
                continue
            is_allowed = _allows(allowed, wanted)
            if is_allowed and connector == "OR":
                return Authorization(success=True)
            if not is_allowed and connector == "AND":
                return _refused(f'unauthorized to access resource "{resource}"')
        if request and connector == "AND":
            return Authorization(success=True)
        return _refused("Not authorized")


@dataclass(frozen=True, slots=True)
class AccessControl:
    """All actions that there are, by resource; makes roles."""

    statements: Statements

    def new_role(self, statements: Statements) -> Role:
        """Return a role that may do this."""
        return Role(statements)


def create_access_control(statements: Statements) -> AccessControl:
    """Say which actions there are, by resource."""
    return AccessControl(_checked(statements))


def check_roles(plugin: str, ac: object, roles: Mapping[str, Role] | None) -> None:
    """Refuse what cannot be a plugin's `ac` and `roles`.

    Raises:
        ConfigurationError: it names the plugin and the role.
    """
    if ac is not None and not isinstance(ac, AccessControl):
        raise ConfigurationError(f"{plugin}: ac is what create_access_control() returns")
    for name, role in (roles or {}).items():
        if not isinstance(role, Role):
            raise ConfigurationError(f"{plugin}: the role {name!r} is what ac.new_role() returns")


def _checked(statements: Statements) -> dict[str, tuple[str, ...]]:
    for resource, actions in statements.items():
        if isinstance(actions, str) or not all(isinstance(each, str) for each in actions):
            message = f"the actions of the resource {resource!r} are a list of texts: {actions!r}"
            raise ConfigurationError(message)
    return {resource: tuple(actions) for resource, actions in statements.items()}


def _allows(allowed: Sequence[str], wanted: Any) -> bool:
    actions, connector = wanted, "AND"
    if isinstance(wanted, Mapping):
        actions, connector = wanted.get("actions"), wanted.get("connector", "AND")
        actions = actions if _is_list(actions) else ()
    elif not _is_list(wanted):
        raise TypeError("actions are a list of texts, or {'actions': […], 'connector': …}")
    found = [isinstance(each, str) and each in allowed for each in actions]
    return any(found) if connector == "OR" else bool(found) and all(found)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _refused(error: str) -> Authorization:
    return Authorization(success=False, error=error)
