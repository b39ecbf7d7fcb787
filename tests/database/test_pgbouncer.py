"""PgBouncer in transaction mode, the real one, in front of the embedded PostgreSQL.

`make test-postgres` runs all tests behind it; here are those for which it is the point.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from taskward.app import create_app
from taskward.database.database import Database, supports_prepared_statements
from taskward.migrations import HEAD, current_revision, migrate
from tests.conftest import BASE_URL, PASSWORD, new_email, settings_for, url_text
from tests.support import pgbouncer
from tests.support.clusters import Cluster

USERS = 20
CONNECTIONS_OF_THE_SERVER = 3


@pytest.fixture(scope="module")
def pooler() -> Iterator[pgbouncer.PgBouncer]:
    """Fewer connections than the pool has, which take turns."""
    if pgbouncer.program() is None:
        pytest.skip("PGBOUNCER IS NOT INSTALLED (apt-get install pgbouncer): it was not tried")
    with Cluster() as cluster, pgbouncer.PgBouncer(cluster, CONNECTIONS_OF_THE_SERVER) as pooler:
        yield pooler


@pytest.fixture(scope="module")
async def app(pooler: pgbouncer.PgBouncer) -> AsyncIterator[FastAPI]:
    app = create_app(settings_for(url_text(pooler.url)))
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
def anybody(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE_URL)


async def test_the_pooler_is_recognised_and_the_server_behind_it_is_not(
    pooler: pgbouncer.PgBouncer,
) -> None:
    assert not await supports_prepared_statements(pooler.url.connect_arguments())
    assert await supports_prepared_statements(pooler.cluster.url.connect_arguments())


async def test_recognising_it_many_times_leaves_nothing_on_the_server_s_connections(
    pooler: pgbouncer.PgBouncer,
) -> None:
    arguments = pooler.url.connect_arguments()
    found = await asyncio.gather(*(supports_prepared_statements(arguments) for _ in range(20)))
    assert set(found) == {False}
    connection = await asyncpg.connect(**arguments)
    try:
        for _ in range(CONNECTIONS_OF_THE_SERVER):
            await connection.execute(
                "DO $$ BEGIN IF EXISTS (SELECT FROM pg_prepared_statements) "
                "THEN RAISE 'left behind'; END IF; END $$"
            )
    finally:
        await connection.close()


async def test_ten_servers_that_start_at_once_behind_it_migrate_once(
    pooler: pgbouncer.PgBouncer,
) -> None:
    name = f"fresh_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(**pooler.url.connect_arguments())
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    arguments = pooler.url.connect_arguments() | {"database": name}
    await asyncio.gather(*(migrate(arguments) for _ in range(10)))
    assert await current_revision(arguments) == HEAD


async def test_users_who_work_at_once_through_few_connections_see_only_their_own(
    app: FastAPI, anybody: httpx.AsyncClient
) -> None:
    async def work(user: int) -> None:
        token = app.state.better_auth.tokens.issue(f"user_{user}")
        headers = {"Authorization": f"Bearer {token}"}
        for number in range(5):
            body = {"title": f"{user} {number}"}
            created = await anybody.post("/api/tasks", json=body, headers=headers)
            assert created.status_code == 201, created.text
            path = created.headers["location"]
            toggled = await anybody.patch(f"{path}/complete", headers=headers)
            assert toggled.json()["completed"] is True
        listed = (await anybody.get("/api/tasks", headers=headers)).json()
        assert [task["title"] for task in listed] == [f"{user} {n}" for n in (4, 3, 2, 1, 0)]

    await asyncio.gather(*(work(user) for user in range(USERS)))


async def test_somebody_signs_up_changes_the_password_and_signs_in_again(
    anybody: httpx.AsyncClient,
) -> None:
    anybody.headers["Origin"] = BASE_URL
    someone = {"email": new_email(), "password": PASSWORD}
    assert (await anybody.post("/api/auth/signup", json=someone)).status_code == 201
    change = {
        "currentPassword": PASSWORD,
        "newPassword": "another one",
        "revokeOtherSessions": True,
    }
    answer = await anybody.post("/api/auth/change-password", json=change)
    assert answer.status_code == 200, answer.text
    again = await anybody.post("/api/auth/login", json={**someone, "password": "another one"})
    assert again.status_code == 200, again.text


async def test_named_statements_do_break_behind_it(pooler: pgbouncer.PgBouncer) -> None:
    """Else this module would show nothing."""
    arguments = pooler.url.connect_arguments()
    connections = [await asyncpg.connect(**arguments) for _ in range(10)]
    answers: list[object] = []
    for _ in range(20):
        asked = [connection.fetchval("SELECT $1::int", 1) for connection in connections]
        answers += await asyncio.gather(*asked, return_exceptions=True)
    for connection in connections:
        connection.terminate()
    assert any(isinstance(a, asyncpg.InvalidSQLStatementNameError) for a in answers)


async def test_behind_it_a_lost_connection_is_found_in_one_message(
    pooler: pgbouncer.PgBouncer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskward.database.database._CHECK_AFTER_IDLE", 0.0)
    database = Database()
    await database.open(pooler.url.connect_arguments())
    rows = await asyncio.gather(*(database.fetch("SELECT $1::int", n) for n in range(100)))
    assert [row[0][0] for row in rows] == list(range(100))
    await database.close()
