"""Front ends as they are built, in a page: React hooks, and components that others wrote.

Each round is held with the original as well: that it passes there shows that the round is right.
"""

import json
import subprocess
from collections.abc import AsyncIterator
from typing import Any

import anyio.to_thread
import pytest

from tests.conftest import CreateDatabase
from tests.support.process_environment import clean_environment
from tests.support.servers import (
    JS,
    ORIGIN,
    OriginalServer,
    Server,
    TaskwardServer,
    auth_settings,
    node,
)

pytestmark = pytest.mark.long

SECONDS = 120


@pytest.fixture(scope="module", params=["the original", "ours"])
async def server(
    create_migrated_database: CreateDatabase, request: pytest.FixtureRequest
) -> AsyncIterator[Server]:
    node()
    kind = OriginalServer if request.param == "the original" else TaskwardServer
    with kind(auth_settings(await create_migrated_database())) as server:
        yield server


async def hold_round(program: str, server: Server) -> list[str]:
    """The steps that passed; every step must, and the program must end well."""
    cors = "off" if isinstance(server, OriginalServer) else "on"
    settings = {"BASE_URL": server.url, "ORIGIN": ORIGIN, "CORS": cors}
    ended = await anyio.to_thread.run_sync(lambda: run(program, settings))
    steps: list[dict[str, Any]] = [json.loads(line) for line in ended.stdout.splitlines()]
    failures = [f"{step['step']}: {step['detail']}" for step in steps if not step["ok"]]
    assert not failures, "\n".join(failures)
    assert ended.returncode == 0, ended.stderr
    assert not ended.stderr, "React or the client complained"
    return [step["step"] for step in steps]


def run(program: str, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [node(), str(JS / program)],
        env=clean_environment(settings),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


async def test_react_hooks_show_who_is_signed_in(server: Server) -> None:
    passed = await hold_round("react-round.mjs", server)
    assert len(passed) >= 13
    assert {
        "a component shows the user after signUp",
        "a component shows the new name after updateUser",
        "refetch shows what was changed elsewhere",
        "a component shows nobody after signOut",
    } <= set(passed)


async def test_components_that_others_wrote_for_better_auth_sign_up_and_in(server: Server) -> None:
    passed = await hold_round("ui-round.mjs", server)
    assert len(passed) >= 7
    assert {"the sign-up form signs up and in", "the sign-in form signs in"} <= set(passed)
