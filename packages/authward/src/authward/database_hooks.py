"""What plugins and applications may do before and after a row is written."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

from authward.errors import ConfigurationError
from authward.storage.statements import Executor
from authward.storage.users import Users


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row that is about to be written or deleted, or was.

    Args:
        values: by the fields' names in the registry, such as `emailVerified`: those that change, or
            all of a row that is created or deleted.
        path: the endpoint that does it, such as `/sign-up/email`; empty if none does.
        user_id: whose row it is, None for a user who is only now created, and where nobody knows.
        database: runs statements, in the transaction that writes the row if there is one.
        users: reads users.
    """

    values: Mapping[str, Any]
    path: str
    user_id: str | None
    database: Executor
    users: Users


BeforeHook: TypeAlias = Callable[[RowChange], Awaitable[Mapping[str, Any] | None]]
"""Returns values to write besides or instead, which a deletion ignores; APIError forbids it."""
AfterHook: TypeAlias = Callable[[RowChange], Awaitable[None]]
"""Runs once the row is written; what it raises is logged and changes nothing."""


Model: TypeAlias = Literal["user", "session", "account", "verification"]
Action: TypeAlias = Literal["create", "update", "delete"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseHook:
    """Hooks around one kind of change to one model.

    Of an account and a verification only those values can be replaced that the server gives itself;
    of users and sessions all but `id`, `userId` and `token`, and fields can be added.
    """

    model: Model
    action: Action
    before: BeforeHook | None = None
    after: AfterHook | None = None


class DatabaseHooks:
    """The hooks of all plugins in their order, then the application's."""

    def __init__(self, hooks: Sequence[DatabaseHook]) -> None:
        self._by_change: dict[tuple[str, str], list[DatabaseHook]] = {}
        for hook in hooks:
            _check(hook)
            self._by_change.setdefault((hook.model, hook.action), []).append(hook)

    def are_around(self, model: Model, action: Action) -> bool:
        """Whether anybody wants to know of such a change."""
        return (model, action) in self._by_change

    async def before(self, model: Model, action: Action, change: RowChange) -> Mapping[str, Any]:
        """Return the values as the hooks want them."""
        for hook in self._by_change.get((model, action), ()):
            if hook.before is not None:
                changed = await hook.before(change)
                values = {**change.values, **(changed or {})}
                change = replace(change, values=values)
        return change.values

    def after(self, model: Model, action: Action) -> list[AfterHook]:
        """Return what is to be done once such a row is written."""
        return [hook.after for hook in self._by_change.get((model, action), ()) if hook.after]


def _check(hook: DatabaseHook) -> None:
    if not isinstance(hook, DatabaseHook):
        raise ConfigurationError(f"{hook!r} is no DatabaseHook")
    for given, known in ((hook.model, Model), (hook.action, Action)):
        if given not in get_args(known):
            names = ", ".join(get_args(known))
            raise ConfigurationError(f"a database hook is for {given!r}: choose {names}")
