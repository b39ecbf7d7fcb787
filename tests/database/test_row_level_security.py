"""ROW_LEVEL_SECURITY=true: the database itself keeps users apart."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from taskward.app import create_app
from taskward.database.url import DatabaseURL
from taskward.mcp.errors import ToolError
from taskward.mcp.tools import call
from taskward.tasks.batches import BATCHABLE, TOGETHER
from taskward.tasks.guests import MOVE_TASKS
from taskward.tasks.row_security import _USER_ID_POSITION
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase, new_email, settings_for, url_text
from tests.database.statements import statements

EVERYTHING = "SELECT title FROM tasks"


@dataclass
class Guarded:
    """An app whose role owns the tables and is not exempt, and a connection of that role."""

    app: FastAPI
    client: httpx.AsyncClient
    role: asyncpg.Connection
    url: str

    def bearer(self, user_id: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.app.state.better_auth.tokens.issue(user_id)}"}


@asynccontextmanager
async def serving(url: str) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    app = create_app(settings_for(url, row_level_security=True))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=transport, base_url=BASE_URL, headers={"origin": BASE_URL}
        ) as client,
    ):
        yield app, client


@pytest.fixture(scope="module")
async def guarded(create_database: CreateDatabase) -> AsyncIterator[Guarded]:
    parsed = DatabaseURL.parse(await create_database())
    role, password = f"role_{secrets.token_hex(6)}", secrets.token_hex(8)
    admin = await asyncpg.connect(**parsed.connect_arguments())
    await admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")
    await admin.execute(f'ALTER DATABASE "{parsed.database}" OWNER TO {role}')
    url = replace(parsed, user=role, password=password)
    async with serving(url_text(url)) as (app, client):
        connection = await asyncpg.connect(**url.connect_arguments())
        yield Guarded(app, client, connection, url_text(url))
        await connection.close()
    await admin.execute(f"REASSIGN OWNED BY {role} TO CURRENT_USER")
    await admin.execute(f"DROP OWNED BY {role}")
    await admin.execute(f"DROP ROLE {role}")
    await admin.close()


async def test_the_six_operations_work_as_without_it(guarded: Guarded) -> None:
    client, who = guarded.client, guarded.bearer("owner")
    path = (await client.post("/api/tasks", json={"title": "t"}, headers=who)).headers["location"]
    answers = [
        await client.get("/api/tasks", headers=who),
        await client.get(path, headers=who),
        await client.put(path, json={"title": "u"}, headers=who),
        await client.patch(f"{path}/complete", headers=who),
        await client.get(path, headers=guarded.bearer("stranger")),
        await client.delete(path, headers=guarded.bearer("stranger")),
        await client.delete(path, headers=who),
    ]
    assert [a.status_code for a in answers] == [200, 200, 200, 200, 404, 404, 204]


async def test_the_tools_for_assistants_work_as_without_it(guarded: Guarded) -> None:
    database = guarded.app.state.database
    for tool, arguments in (
        ("add_tasks", {"tasks": [{"title": "t"}, {"title": "u"}]}),
        ("list_tasks", {}),
        ("list_tasks", {"query": "T"}),
    ):
        result = await call(database, "owner", tool, arguments)
    assert [task["title"] for task in result["tasks"]] == ["t"]
    of_whom = {"task_id": result["tasks"][0]["id"]}
    with pytest.raises(ToolError, match="There is no task"):
        await call(database, "stranger", "complete_task", of_whom)
    assert (await call(database, "owner", "complete_task", of_whom))["status"] == "completed"
    assert (await call(database, "owner", "delete_task", of_whom))["task"]["completed"] is True


async def test_a_statement_that_forgets_the_owner_sees_nothing_and_writes_nothing(
    guarded: Guarded,
) -> None:
    who = guarded.bearer("forgotten")
    task = (await guarded.client.post("/api/tasks", json={"title": "t"}, headers=who)).json()
    assert await guarded.role.fetch(EVERYTHING) == []
    assert await guarded.role.execute("UPDATE tasks SET title = 'x'") == "UPDATE 0"
    assert await guarded.role.execute("DELETE FROM tasks") == "DELETE 0"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await guarded.role.execute("INSERT INTO tasks (user_id, title) VALUES ('forgotten', 'x')")
    read = await guarded.client.get(f"/api/tasks/{task['id']}", headers=who)
    assert read.json() == task


async def test_the_name_of_a_user_does_not_outlive_their_request(guarded: Guarded) -> None:
    await guarded.client.get("/api/tasks", headers=guarded.bearer("gone"))
    async with guarded.app.state.database.acquire() as connection:
        setting = await connection.fetchval("SELECT current_setting('taskward.user_id', true)")
    assert not setting


async def test_deleting_a_user_deletes_their_tasks(guarded: Guarded) -> None:
    body = {"email": new_email(), "password": PASSWORD}
    signed_up = (await guarded.client.post("/api/auth/signup", json=body)).json()
    bearer = {"Authorization": f"Bearer {signed_up['token']}"}
    await guarded.client.post("/api/tasks", json={"title": "t"}, headers=bearer)
    deleted = await guarded.client.post("/api/auth/delete-user", json={"password": PASSWORD})
    assert deleted.status_code == 200
    assert (await guarded.client.get("/api/tasks", headers=bearer)).status_code == 401
    user_id = signed_up["user"]["id"]
    again = {"Authorization": f"Bearer {guarded.app.state.better_auth.tokens.issue(user_id)}"}
    assert (await guarded.client.get("/api/tasks", headers=again)).status_code == 401


async def test_another_program_that_deletes_a_user_deletes_their_tasks(guarded: Guarded) -> None:
    body = {"email": new_email(), "password": PASSWORD}
    signed_up = (await guarded.client.post("/api/auth/signup", json=body)).json()
    bearer = {"Authorization": f"Bearer {signed_up['token']}"}
    path = (await guarded.client.post("/api/tasks", json={"title": "t"}, headers=bearer)).headers[
        "location"
    ]
    await guarded.role.execute('DELETE FROM "user" WHERE id = $1', signed_up["user"]["id"])
    assert (await guarded.client.get(path, headers=bearer)).status_code == 404


async def test_a_second_server_finds_it_in_force(guarded: Guarded) -> None:
    async with serving(guarded.url) as (app, client):
        bearer = f"Bearer {app.state.better_auth.tokens.issue('user_1')}"
        answer = await client.get("/api/tasks", headers={"Authorization": bearer})
    assert answer.json() == []


async def test_a_role_that_is_exempt_is_refused_by_name(create_database: CreateDatabase) -> None:
    app = create_app(settings_for(await create_database(), row_level_security=True))
    with pytest.raises(SystemExit, match="ROW_LEVEL_SECURITY: this role is exempt"):
        async with app.router.lifespan_context(app):
            pass


def test_every_statement_on_tasks_runs_in_the_name_of_its_user() -> None:
    of_many = {batchable.many.sql for batchable in BATCHABLE}  # never asked: `test_batches.py`
    of_many |= {pair.both.sql for pair in TOGETHER}
    of_guests = {MOVE_TASKS.sql}  # settings refuse both at once: `test_guests.py`
    asked = {statement.sql for statement in statements().values()} - of_many - of_guests
    assert asked == set(_USER_ID_POSITION)
