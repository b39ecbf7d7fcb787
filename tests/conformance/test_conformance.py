"""Ours must answer as the original does, word for word, to every request of every scenario.

`CONFORMANCE_SUBJECT=original` puts a second original in our place, which proves the comparison.
`CONFORMANCE_TABLES=drizzle-uuid` has ours play on tables of Drizzle's kind with such ids.
"""

import contextlib
import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import anyio.to_thread
import pytest

from tests.conftest import CreateDatabase
from tests.support.auth_catalog import catalog
from tests.support.servers import (
    SECRET,
    OriginalServer,
    Server,
    TaskwardServer,
    auth_settings,
    node,
)

from .connections import Connections
from .differences import described, differences
from .mail import MAIL, MailServer, mail_settings
from .model import Call, Rows, Scenario, Stored
from .plugins import PLUGINS, PluginServer, plugin_settings
from .runner import Subject, run_scenario
from .scenarios import SCENARIOS
from .setup import (
    TABLES_OF_OTHERS,
    SetupServer,
    all_setups,
    in_short_runs,
    main_setups,
    plays_on_other_tables,
    setup_scenarios,
    setup_settings,
    tables_of_others,
)
from .social import LINKING, SocialServer, social_settings
from .store import redis_settings, store_of

TRUSTED = "http://localhost:3000,https://*.trusted.example,http://app-*.example.org:8080"
HTTPS = "https://tasks.example.com"
Pair = tuple[Subject, Subject]
FindPair = Callable[[str], Awaitable[Pair]]
_runs = itertools.count()
_AT_ONCE: Final = 8
"""Pairs of servers that run at once in a test process: PostgreSQL has only so many connections."""


def _settings(setting: str, database_url: str) -> dict[str, str]:
    origin = {"BETTER_AUTH_URL": HTTPS} if setting == "secure" else {}
    return {
        **auth_settings(database_url),
        "BETTER_AUTH_TRUSTED_ORIGINS": TRUSTED,
        **origin,
        **mail_settings(setting),
        **plugin_settings(setting),
        **(setup := setup_settings(setting)),
        **redis_settings(setup, database_url),
    }


def _subject(server: Server, connections: Connections, *, snake_case: bool) -> Subject:
    settings = server.environment()
    base_url, database_url = settings["BETTER_AUTH_URL"], settings["DATABASE_URL"]
    store = store_of(settings)
    return Subject(server.url, base_url, database_url, SECRET, connections, store, snake_case)


@contextlib.contextmanager
def _pair(setting: str, theirs: str, ours: str) -> Iterator[Pair]:
    subject_name = os.environ.get("CONFORMANCE_SUBJECT", "taskward")
    others: dict[str, type[Server]] = {
        **dict.fromkeys(MAIL, MailServer),
        **dict.fromkeys(LINKING, SocialServer),
        **dict.fromkeys(PLUGINS, PluginServer),
        **dict.fromkeys(all_setups(), SetupServer),
    }
    subject = OriginalServer if subject_name == "original" else others.get(setting, TaskwardServer)
    with (
        contextlib.closing(Connections()) as connections,
        social_settings(setting) as social,
        OriginalServer(_settings(setting, theirs) | social) as original,
        subject(_settings(setting, ours) | social | tables_of_others()) as server,
    ):
        drizzles = TABLES_OF_OTHERS.startswith("drizzle")
        yield (
            _subject(original, connections, snake_case=False),
            _subject(server, connections, snake_case=drizzles),
        )


@pytest.fixture(scope="session")
async def pair_for(
    create_database: CreateDatabase, create_migrated_database: CreateDatabase
) -> AsyncIterator[FindPair]:
    """The original and ours for a setting, each with a database of its own, started when asked."""
    node()
    running: dict[str, tuple[contextlib.ExitStack, Pair]] = {}

    async def find(setting: str) -> Pair:
        if setting not in running:
            if len(running) == _AT_ONCE:
                oldest, _ = running.pop(next(iter(running)))
                await anyio.to_thread.run_sync(oldest.close)
            # A setup's own migration makes all of its tables, which are compared as well.
            makes_tables = TABLES_OF_OTHERS or setting in all_setups()
            ours = create_database if makes_tables else create_migrated_database
            urls = [await create_database(), await ours()]
            with contextlib.ExitStack() as stack:
                pair = stack.enter_context(_pair(setting, *urls))
                running[setting] = stack.pop_all(), pair
        running[setting] = running.pop(setting)  # who was asked for last ends last
        return running[setting][1]

    yield find
    with contextlib.ExitStack() as all_of_them:
        for stack, _ in running.values():
            all_of_them.push(stack)


def _compared(scenario: Scenario, pair: Pair) -> list[str]:
    run = f"x{next(_runs)}"
    with ThreadPoolExecutor(2) as both:
        theirs, ours = both.map(lambda subject: run_scenario(scenario, subject, run), pair)
    calls = [step for step in scenario.steps if isinstance(step, Call | Rows | Stored)]
    lines = []
    for call, original, subject in zip(calls, theirs, ours, strict=True):
        found = differences(call, original, subject)
        if found:
            lines.append("\n    ".join([described(call), *found]))
    return lines


async def _check(scenario: Scenario, pair_for: FindPair) -> None:
    if not plays_on_other_tables(scenario):
        pytest.skip("for Better Auth's own tables only")
    pair = await pair_for(scenario.setting)
    found = await anyio.to_thread.run_sync(_compared, scenario, pair)
    assert not found, f"{len(found)} answers differ\n\n" + "\n\n".join(found)


ALL = [*SCENARIOS, *setup_scenarios()]
PLAIN = [scenario for scenario in ALL if scenario.setting == "plain"]
OTHER = [scenario for scenario in SCENARIOS if scenario.setting != "plain"]
SHORT = in_short_runs()
SETUPS = [
    pytest.param(
        each, id=each.name, marks=pytest.mark.long if each.name in SHORT else pytest.mark.slow
    )
    for each in setup_scenarios()
]
TABLES = [
    pytest.param(name, marks=pytest.mark.long if name in main_setups() else pytest.mark.slow)
    for name in sorted(all_setups())
]


class TestThePlainServer:
    """A class of its own, so that test processes can share the scenarios out."""

    @pytest.mark.parametrize("scenario", PLAIN, ids=lambda each: each.name)
    async def test_ours_answers_as_the_original_does(
        self, scenario: Scenario, pair_for: FindPair
    ) -> None:
        await _check(scenario, pair_for)


@pytest.mark.long
class TestWithMailOrProvidersOrHTTPS:
    """Every other setting."""

    @pytest.mark.parametrize("scenario", OTHER, ids=lambda each: each.name)
    async def test_ours_answers_as_the_original_does(
        self, scenario: Scenario, pair_for: FindPair
    ) -> None:
        await _check(scenario, pair_for)


class TestPluginsAndOptions:
    """Each setup has servers of its own: `make conformance` plays all of their conversations."""

    @pytest.mark.parametrize("scenario", SETUPS)
    async def test_ours_answers_as_the_original_does(
        self, scenario: Scenario, pair_for: FindPair
    ) -> None:
        await _check(scenario, pair_for)


@pytest.mark.skipif(bool(TABLES_OF_OTHERS), reason="ours are others")
@pytest.mark.parametrize("setting", TABLES)
async def test_our_migration_makes_the_tables_that_the_original_makes(
    setting: str, pair_for: FindPair
) -> None:
    theirs, ours = [await catalog(subject.database_url) for subject in await pair_for(setting)]
    assert ours == theirs


def test_every_scenario_has_a_name_of_its_own() -> None:
    names = [scenario.name for scenario in ALL]
    assert len(set(names)) == len(names)
