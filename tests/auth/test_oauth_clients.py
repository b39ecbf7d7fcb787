"""A strict OAuth client, and the stock client of the pages, go the whole way with ours."""

import json
import subprocess

import anyio.to_thread

from tests.conftest import CreateDatabase
from tests.support.process_environment import clean_environment
from tests.support.servers import JS, TaskwardServer, auth_settings, node

SECONDS = 120


def hold_round(server: TaskwardServer) -> "subprocess.CompletedProcess[str]":
    with server:
        return subprocess.run(
            [node(), str(JS / "oauth-round.mjs")],
            env=clean_environment({"BASE_URL": server.url}),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )


async def test_oauth4webapi_and_the_stock_client_go_the_whole_way(
    create_database: CreateDatabase,
) -> None:
    node()
    server = TaskwardServer(auth_settings(await create_database()))
    held = await anyio.to_thread.run_sync(hold_round, server)
    steps = [json.loads(line) for line in held.stdout.splitlines()]
    failures = [f"{step['step']}: {step['detail']}" for step in steps if not step["ok"]]
    assert not failures, "\n".join(failures)
    assert held.returncode == 0, held.stderr
    assert len(steps) >= 15
