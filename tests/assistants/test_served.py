"""A server in a process of its own: the examples against it, and a crash in its log."""

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from taskward.database.url import DatabaseURL
from tests.assistants.rpc import Assistant
from tests.conftest import CreateDatabase
from tests.operations.commands import taskward
from tests.support.process_environment import clean_environment
from tests.support.servers import ROOT, TaskwardServer, auth_settings


@pytest.fixture(scope="module")
async def server(create_database: CreateDatabase) -> AsyncIterator[TaskwardServer]:
    with TaskwardServer(auth_settings(await create_database())) as running:
        yield running


def token(server: TaskwardServer, user_id: str, directory: Path) -> str:
    """What an operator gets to try an assistant out."""
    settings = {**server.settings, "BETTER_AUTH_URL": server.url}
    ended = taskward(directory, "token", "--mcp", user_id, **settings)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def example(name: str, *arguments: str, **settings: str) -> list[str]:
    ended = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), *arguments],
        env=clean_environment(settings),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def test_an_agent_elsewhere_uses_the_official_client(
    server: TaskwardServer, tmp_path: Path
) -> None:
    tools, added, done = example(
        "agent_over_http.py", f"{server.url}/mcp", TOKEN=token(server, "user_1", tmp_path)
    )
    assert tools.startswith("add_task, add_tasks, list_tasks")
    assert "'status': 'created'" in added
    assert "'status': 'completed'" in done


@pytest.mark.long
def test_an_agent_in_the_process_needs_no_token(server: TaskwardServer) -> None:
    url = server.settings["DATABASE_URL"]
    first = example("agent_in_process.py", "user_2", DATABASE_URL=url)
    again = example("agent_in_process.py", "user_2", DATABASE_URL=url)
    assert first[0].startswith("7 tools: add_task")
    assert ("'created'" in first[1], "'completed'" in first[2]) == (True, True)
    assert again == [first[0], first[2]]


async def test_a_crash_says_nothing_of_itself_but_to_the_log(
    server: TaskwardServer, tmp_path: Path
) -> None:
    """Of a column that has another name all of a sudden; it is the last test of this server."""
    headers = {"Authorization": f"Bearer {token(server, 'user_3', tmp_path)}"}
    connection = await asyncpg.connect(
        **DatabaseURL.parse(server.settings["DATABASE_URL"]).connect_arguments()
    )
    async with httpx.AsyncClient(base_url=server.url) as client:
        assistant = Assistant(client, headers)
        await assistant.call("add_task", title="a secret plan")
        await connection.execute("ALTER TABLE tasks RENAME COLUMN completed TO done")
        await connection.close()
        answer = await assistant.ask(
            "tools/call", name="add_tasks", arguments={"tasks": [{"title": "my plan"}]}
        )
    assert answer.json()["error"] == {"code": -32603, "message": "Internal error"}
    assert "UndefinedColumnError" in server.log()
    assert "Traceback" in server.log() or "exc_type" in server.log()
    assert "plan" not in server.log()
