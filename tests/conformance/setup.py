"""A setup: two servers with the same plugins and options, the original and ours.

Every module of `setups/` has `SETUPS`, a `Setup` for each name, and `SCENARIOS` for them; it is
found by itself. What the original is told is in `tests/js/originals/`, in the module of this name,
whose default export makes options of a setup's name and of `collect`. `collect(kind)` is a callback
on both sides: `GET /mails/<text>` hands out what such callbacks were given since the last time and
mentions the text.
"""

import importlib
import os
import pkgutil
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from authward import BetterAuthOptions
from tests.support.servers import HOST, ROOT, Server

from . import setups
from .model import Scenario

Callback = Callable[[Any], Awaitable[None]]
Collect = Callable[[str], Callback]
MakeOptions = Callable[[BetterAuthOptions, Collect], BetterAuthOptions]
_SHORT: Final = 2
TABLES_OF_OTHERS: Final = os.environ.get("CONFORMANCE_TABLES", "")
"""Whose tables ours has, and what their ids are: `prisma-uuid` or `drizzle-uuid`."""
_NOT_ON_OTHER_TABLES: Final = {
    "admin: whoever is named in the options": "rows with ids that are no uuid",
    "admin: create-user": "rows with ids that are no uuid",
    "kinds of api keys: an organization's": "rows with ids that are no uuid",
    "fields: everything given": "fractions, where Prisma and Drizzle have lists of integers",
    "fields: changes": "fractions, where Prisma and Drizzle have lists of integers",
    "oauth: client credentials": "its statement writes a list as JSON",
}
"""What is played on Better Auth's own tables only, and why."""
APP: Final = "tests.conformance.setup_app:app"


@dataclass(frozen=True)
class Setup:
    """How both servers are made.

    Args:
        original: the module in `tests/js/originals/`, without its extension.
        options: returns ours from those that every setup has, which have no plugins but `jwt` and
            `bearer`, and no rate limit.
    """

    original: str
    options: MakeOptions


@cache
def modules() -> list[Any]:
    """All modules of `setups/`."""
    names = sorted(each.name for each in pkgutil.iter_modules(setups.__path__))
    return [importlib.import_module(f"{setups.__name__}.{name}") for name in names]


def all_setups() -> dict[str, Setup]:
    """Every setup by its name."""
    return {name: setup for module in modules() for name, setup in module.SETUPS.items()}


def setup_scenarios() -> list[Scenario]:
    """The scenarios of all setups."""
    return [scenario for module in modules() for scenario in module.SCENARIOS]


def main_setups() -> set[str]:
    """The first setup of each module, and with it the plugin or the options at their plainest."""
    return {next(iter(module.SETUPS)) for module in modules() if module.SCENARIOS}


def in_short_runs() -> set[str]:
    """The names of two conversations of each main setup; the others take minutes."""
    short: set[str] = set()
    for module in modules():
        main = next(iter(module.SETUPS))
        short |= {s.name for s in [s for s in module.SCENARIOS if s.setting == main][:_SHORT]}
    return short


def setup_settings(setting: str) -> dict[str, str]:
    """The environment variables for a setting, if it is a setup."""
    setup = all_setups().get(setting)
    return {} if setup is None else {"SETUP": setting, "ORIGINAL": setup.original}


def tables_of_others() -> dict[str, str]:
    """The environment variables for ours on such tables."""
    if not TABLES_OF_OTHERS:
        return {}
    tool, ids = TABLES_OF_OTHERS.split("-")
    return {"BETTER_AUTH_TABLES": tool, "BETTER_AUTH_GENERATE_ID": ids}


def plays_on_other_tables(scenario: Scenario) -> bool:
    """Whether a scenario is one for them, too."""
    return not TABLES_OF_OTHERS or scenario.name not in _NOT_ON_OTHER_TABLES


class SetupServer(Server):
    """`setup_app`, as uvicorn runs it; SETUP says which."""

    ready_path = "/api/auth/ok"
    forked = True

    def command(self) -> Sequence[str]:
        return [
            *(sys.executable, "-m", "uvicorn", APP),
            *("--app-dir", str(ROOT), "--host", HOST, "--port", str(self.port)),
            *("--no-proxy-headers", "--timeout-graceful-shutdown", "5"),
        ]


def chosen() -> Setup:
    """The setup of this process."""
    return all_setups()[os.environ["SETUP"]]
