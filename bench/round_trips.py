"""Round trips to the database: statements that PostgreSQL logs for one request."""

import re
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from bench import auth
from bench.load import Request
from bench.postgres import Database, Postgres
from bench.servers import TASKWARD, original, taskward
from tests.support.servers import Server

_STATEMENT = re.compile(r" LOG:  (?:execute [^:]*|statement): (.*)")
WARM_UP = 30
"""Requests before the counted one: every connection that is used has prepared its statements."""


def count_round_trips() -> dict[str, Any]:
    """For each server: how many statements a request takes, and which."""
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres())
        found: dict[str, Any] = {}
        for name, start in ((TASKWARD, taskward), (auth.ORIGINAL, original)):
            database = _logged(auth.seeded(postgres, start.__name__))
            with start(database) as server:
                found[name] = _of(server, postgres.log)
    return found


def _logged(database: Database) -> Database:
    """Let the server log what it is sent in this database, by connections made from now on."""
    query = f"ALTER DATABASE {database.name} SET log_statement = 'all'"
    database.run(lambda connection: connection.execute(query))
    return database


def _of(server: Server, log: Path) -> dict[str, list[str]]:
    requests = {
        "get-session": auth.session(server, auth.EMAILS[0]),
        "sign-in": auth.sign_in(auth.EMAILS[1]),
    }
    with httpx.Client(base_url=server.url, timeout=30) as client:
        return {name: _statements(client, each, log) for name, each in requests.items()}


def _statements(client: httpx.Client, request: Request, log: Path) -> list[str]:
    for _ in range(WARM_UP):
        _send(client, request)
    before = log.stat().st_size
    _send(client, request)
    text = log.read_bytes()[before:].decode(errors="replace")
    return [found[1][:80] for found in _STATEMENT.finditer(text)]


def _send(client: httpx.Client, request: Request) -> None:
    client.request(
        request.method, request.path, headers=request.headers, content=request.body
    ).raise_for_status()
