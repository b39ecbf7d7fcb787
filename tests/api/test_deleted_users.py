"""A token outlives its user by minutes: nothing that it creates in that time stays."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from taskward.database.database import Database, DatabaseUnavailableError
from taskward.database.url import DatabaseURL
from taskward.tasks import idempotency
from taskward.tasks import store as task_store
from taskward.tasks.deleted_users import FIND_MARKED, DeletedUsers
from tests.conftest import BASE_URL, CreateDatabase
from tests.support.databases import (
    add_trigger_functions,
    backend_that_waits,
    connected,
    opened,
    trigger,
)
from tests.support.factories import Browser, running_on, signed_in
from tests.support.servers import TaskwardServer, auth_settings

SECRET = SecretStr(secrets.token_hex(32))
WITHIN = 10.0  # seconds
REMOVALS = (task_store.remove_all, idempotency.remove_all)
LEFT = """
    SELECT (SELECT count(*) FROM tasks WHERE user_id = $1)
         + (SELECT count(*) FROM idempotency_keys WHERE user_id = $1)
"""


@dataclass(frozen=True)
class Site:
    """Two workers on one database."""

    url: str
    first: FastAPI
    second: FastAPI


@pytest.fixture(scope="module")
async def site(create_migrated_database: CreateDatabase) -> AsyncIterator[Site]:
    url = await create_migrated_database()
    async with (
        running_on(url, better_auth_secret=SECRET) as first,
        running_on(url, better_auth_secret=SECRET) as second,
    ):
        await add_trigger_functions(first)
        for app in (first, second):
            await becomes(partial(is_idle, app), expected=True)
        yield Site(url, first, second)


async def is_idle(app: FastAPI) -> bool:
    """Whether the looks of the start are over."""
    database = app.state.database
    return not (database.on_created.__self__._wanted.is_set() or database.usage().in_use)


@asynccontextmanager
async def calling(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        yield client


def bearer(app: FastAPI, user_id: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {app.state.better_auth.tokens.issue(user_id)}"}


async def create(app: FastAPI, headers: dict[str, str], **more: str) -> int:
    async with calling(app) as client:
        answer = await client.post("/api/tasks", json={"title": "t"}, headers=headers | more)
    return answer.status_code


async def read(app: FastAPI, headers: dict[str, str]) -> int:
    async with calling(app) as client:
        return (await client.get("/api/tasks", headers=headers)).status_code


async def left(database: Any, user_id: str) -> int:
    row = await database.fetchrow(LEFT, user_id)
    return int(row[0])


async def becomes(what: Callable[[], Awaitable[Any]], expected: Any) -> None:
    """Ask until it is so; within seconds it must be."""
    deadline = time.monotonic() + WITHIN
    while (seen := await what()) != expected:
        assert time.monotonic() < deadline, seen
        await asyncio.sleep(0.05)


async def delete_behind_our_back(site: Site, user_id: str) -> None:
    """As a TypeScript server on the same database does, which knows nothing of tasks."""
    async with connected(DatabaseURL.parse(site.url)) as other:
        await other.execute('DELETE FROM "user" WHERE id = $1', user_id)


async def delete(ada: Browser) -> None:
    answer = await ada.post("delete-user")
    assert answer.status_code == 200, answer.text


async def test_where_the_user_was_deleted_every_token_is_refused_at_once(site: Site) -> None:
    async with signed_in(site.first) as ada:
        used, unused = bearer(site.first, ada.user["id"]), bearer(site.second, ada.user["id"])
        assert await create(site.first, used) == 201
        await delete(ada)
        for headers in (used, unused):
            assert await read(site.first, headers) == 401
            assert await create(site.first, headers) == 401


async def test_another_worker_removes_what_it_creates_and_refuses_from_then_on(site: Site) -> None:
    async with signed_in(site.first) as ada:
        user_id, headers = ada.user["id"], bearer(site.second, ada.user["id"])
        assert await read(site.second, headers) == 200
        await delete(ada)
        assert await create(site.second, headers, **{"Idempotency-Key": "k"}) == 201
        await becomes(lambda: read(site.second, headers), 401)
        await becomes(lambda: left(site.first.state.database, user_id), 0)
        assert await create(site.second, headers) == 401


async def test_a_creation_that_was_under_way_does_not_stay(site: Site) -> None:
    async with (
        signed_in(site.first) as ada,
        trigger(site.first, "tasks", "wait"),
        site.first.state.database.acquire() as holder,
    ):
        user_id = ada.user["id"]
        async with holder.transaction():
            await holder.execute("SELECT pg_advisory_xact_lock(42)")
            creating = asyncio.create_task(create(site.second, bearer(site.second, user_id)))
            await backend_that_waits(site.first)
            await delete_behind_our_back(site, user_id)
        assert await creating == 201
    await becomes(lambda: left(site.first.state.database, user_id), 0)


async def test_a_creation_whose_client_has_gone_does_not_stay_either(site: Site) -> None:
    async with (
        signed_in(site.first) as ada,
        trigger(site.first, "tasks", "wait"),
        site.first.state.database.acquire() as holder,
    ):
        user_id = ada.user["id"]
        async with holder.transaction():
            await holder.execute("SELECT pg_advisory_xact_lock(42)")
            creating = asyncio.create_task(create(site.second, bearer(site.second, user_id)))
            await backend_that_waits(site.first)
            creating.cancel()
            await asyncio.wait({creating})
            await delete_behind_our_back(site, user_id)
    await becomes(lambda: left(site.first.state.database, user_id), 0)


async def test_of_a_user_who_is_deleted_during_twenty_creations_nothing_is_left(
    site: Site,
) -> None:
    for _ in range(5):
        async with signed_in(site.first) as ada:
            user_id = ada.user["id"]
            creations = [
                create(app, bearer(app, user_id), **({"Idempotency-Key": f"{n}"} if n % 3 else {}))
                for n, app in enumerate([site.first, site.second] * 10)
            ]
            statuses, _ = await asyncio.gather(asyncio.gather(*creations), delete(ada))
        assert set(statuses) <= {201, 401}
        await becomes(partial(left, site.first.state.database, user_id), 0)


async def test_a_user_whom_another_program_deletes_takes_the_tasks_along(site: Site) -> None:
    database = site.first.state.database
    async with signed_in(site.first) as ada, signed_in(site.first) as eve:
        user_id, headers = ada.user["id"], bearer(site.second, ada.user["id"])
        for owner in (headers, bearer(site.second, eve.user["id"])):
            assert await create(site.second, owner, **{"Idempotency-Key": "k"}) == 201
        await delete_behind_our_back(site, user_id)
        assert await left(database, user_id) == 0
        assert await left(database, eve.user["id"]) == 2
        assert await create(site.second, headers) == 201
        await becomes(lambda: read(site.second, headers), 401)
        await becomes(lambda: left(database, user_id), 0)
        assert await left(database, eve.user["id"]) == 2


async def test_two_processes_keep_nothing_of_a_deleted_user(
    create_migrated_database: CreateDatabase,
) -> None:
    settings = auth_settings(await create_migrated_database())
    async with AsyncExitStack() as stack:
        servers = [TaskwardServer(settings | {"BETTER_AUTH_URL": BASE_URL}) for _ in range(2)]
        for server in servers:
            stack.push_async_callback(asyncio.to_thread, server.close)
            await asyncio.to_thread(server.start)
        url = DatabaseURL.parse(settings["DATABASE_URL"])
        database = await stack.enter_async_context(connected(url))
        client = await stack.enter_async_context(httpx.AsyncClient(verify=False, timeout=60))
        body = {"email": f"{secrets.token_hex(8)}@example.com", "password": "correct horse"}
        signup = await client.post(f"{servers[0].url}/api/auth/signup", json=body)
        user_id, token = signup.json()["user"]["id"], signup.json()["token"]

        async def write(number: int) -> None:
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"{number}"}
            await client.post(
                f"{servers[number % 2].url}/api/tasks", json={"title": "t"}, headers=headers
            )

        async def leave() -> None:
            gone = await client.post(
                f"{servers[0].url}/api/auth/delete-user",
                json={"password": body["password"]},
                headers={"origin": BASE_URL},
            )
            assert gone.status_code == 200, gone.text

        await asyncio.gather(leave(), *(write(number) for number in range(20)))
        await write(21)
        await becomes(lambda: left(database, user_id), 0)


# The looking itself


@pytest.fixture
async def database(create_migrated_database: CreateDatabase) -> AsyncIterator[Database]:
    async with opened(DatabaseURL.parse(await create_migrated_database())) as database:
        yield database


class Counted(Database):
    """Counts how often it has answered who is gone: a look that is given up begins anew."""

    asked = 0

    async def fetch(self, query: str, /, *args: Any) -> Any:
        rows = await super().fetch(query, *args)
        self.asked += query == FIND_MARKED.sql
        return rows


async def add_task(database: Database, user_id: str) -> None:
    await database.fetch("INSERT INTO tasks (user_id, title) VALUES ($1, 't')", user_id)


async def mark(database: Database, user_id: str, ago: str = "0 s") -> None:
    await database.fetch(
        "INSERT INTO deleted_users VALUES ($1, now() - $2::text::interval)", user_id, ago
    )


async def test_who_creates_is_looked_at_twice_and_then_nothing_is_asked(
    create_migrated_database: CreateDatabase,
) -> None:
    """A database that suspends itself when nobody asks must be able to."""
    database = Counted()
    await database.open((DatabaseURL.parse(await create_migrated_database())).connect_arguments())
    looking = DeletedUsers(database, REMOVALS, soon=0.01, again=0.05)

    async def asked() -> int:
        return database.asked

    async with looking.running():
        for number in range(100):
            looking.schedule_check(f"user_{number}")
        await becomes(asked, 2)
        assert looking._new == looking._old == set()
        assert not looking._wanted.is_set()
    assert database.asked == 2
    await database.close()


async def test_the_end_of_a_server_looks_at_those_whose_turn_has_not_come(
    database: Database,
) -> None:
    looking = DeletedUsers(database, REMOVALS, soon=60)
    async with looking.running():
        await mark(database, "gone", "2 hours")
        await add_task(database, "gone")
        looking.schedule_check("gone")
    assert await left(database, "gone") == 0


async def test_a_start_removes_what_a_killed_server_left_of_a_deleted_user(
    database: Database,
) -> None:
    await mark(database, "gone", "10 minutes")
    for user_id in ("gone", "elsewhere"):
        await add_task(database, user_id)
    looking = DeletedUsers(database, REMOVALS, soon=0.01)
    async with looking.running():
        await becomes(lambda: left(database, "gone"), 0)
    assert await left(database, "elsewhere") == 1, "a user of a server elsewhere has no row here"


async def test_a_user_who_is_back_keeps_the_tasks_in_spite_of_the_mark(database: Database) -> None:
    """As from a backup."""
    await mark(database, "back")
    await database.fetch(
        """INSERT INTO "user" (id, name, email, "emailVerified") VALUES ('back', '', 'e', true)"""
    )
    await add_task(database, "back")
    looking = DeletedUsers(database, REMOVALS)
    looking.schedule_check("back")
    await looking.sweep()
    assert await left(database, "back") == 1
    await database.fetch("""DELETE FROM "user" WHERE id = 'back'""")
    assert await left(database, "back") == 0


async def test_while_the_database_is_away_nobody_is_forgotten(
    create_migrated_database: CreateDatabase,
) -> None:
    url = DatabaseURL.parse(await create_migrated_database())
    database = Database()
    await database.open(url.connect_arguments())
    looking = DeletedUsers(database, REMOVALS, soon=0.01)
    await mark(database, "gone", "2 hours")
    await add_task(database, "gone")
    looking.schedule_check("gone")
    await database.close()
    with pytest.raises(DatabaseUnavailableError):
        await looking.sweep()
    async with looking.running():
        await asyncio.sleep(0.05)
        await database.open(url.connect_arguments())
        await becomes(lambda: left(database, "gone"), 0)
    await database.close()


async def test_a_user_may_be_deleted_by_a_role_that_may_not_touch_tasks(
    create_migrated_database: CreateDatabase,
) -> None:
    url = DatabaseURL.parse(await create_migrated_database())
    role = f"role_{secrets.token_hex(6)}"
    async with connected(url) as connection:
        await connection.execute(
            f"""CREATE ROLE {role}; GRANT SELECT, DELETE ON "user" TO {role};
            INSERT INTO "user" (id, name, email, "emailVerified") VALUES ('u', '', 'e', true);
            INSERT INTO tasks (user_id, title) VALUES ('u', 't'); SET ROLE {role};
            CREATE TEMPORARY TABLE tasks (user_id text);
            DELETE FROM "user" WHERE id = 'u'; RESET ROLE;
            DROP TABLE pg_temp.tasks; DROP OWNED BY {role}; DROP ROLE {role}"""
        )
        assert await connection.fetchval(LEFT, "u") == 0
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute("INSERT INTO deleted_users (user_id) VALUES ('u')")
