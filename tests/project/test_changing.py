"""docs/changing.md: its lists are true, and its recipes are enough."""

import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import asyncpg
import httpx
import pytest
from anyio import create_task_group
from fastapi import FastAPI

import authward
from authward import BetterAuth, BetterAuthOptions
from taskward.database.url import DatabaseURL
from taskward.migrations import HEAD
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase, new_email
from tests.project.places import NAME, PACKAGES, files_in, place
from tests.support.auth_options import UNLIMITED
from tests.support.invitations import invitations
from tests.support.servers import HOST, ROOT, TaskwardServer, auth_settings

PAGE = (ROOT / "docs" / "changing.md").read_text()
ROW = re.compile(r"^\|(.+)\|(.+)\|$", re.MULTILINE)
NEXT = f"{int(HEAD) + 1:04}"


# The lists


@pytest.mark.parametrize("name", sorted({*files_in(PAGE)}))
def test_a_file_of_the_guide_exists(name: str) -> None:
    assert place(name).exists()


@pytest.mark.parametrize(("where", "what"), ROW.findall(PAGE))
def test_what_a_row_of_the_guide_names_is_in_its_files(where: str, what: str) -> None:
    files = [place(name) for name in files_in(where)]
    text = "".join(path.read_text() for path in files if path.is_file())
    for name in NAME.findall(what) if text else ():
        if re.fullmatch(r"\w+", name):
            assert re.search(rf"\b{name}\b", text), f"{name} is not in {where.strip()}"


# A column of tasks, on a copy


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def with_column(schemas: str, recipe: str) -> str:
    """The module with the recipe's lines at the ends of the classes that it names."""
    for name, line in re.findall(r"# (\w+)\n(.+)\n", recipe):
        if name == "imports":
            schemas = schemas.replace('"""\n', f'"""\n\n{line}\n', 1)
            continue
        start = schemas.index(f"class {name}(")
        end = schemas.find("\n\n\n", start)
        end = len(schemas.rstrip()) if end < 0 else end
        schemas = f"{schemas[:end]}\n    {line}{schemas[end:]}"
    return schemas


class ChangedServer(TaskwardServer):
    """The copy, in a process that has imported nothing of this one's package."""

    forked = False

    def command(self) -> Sequence[str]:
        main = (sys.executable, "-m", "uvicorn", "taskward.asgi:app")
        return [*main, "--host", HOST, "--port", str(self.port)]


@pytest.fixture
async def changed(create_database: CreateDatabase, tmp_path: Path) -> AsyncIterator[ChangedServer]:
    """A server from a copy of the application, after the first recipe."""
    recipe, migration = (block.replace("NEXT", NEXT).replace("HEAD", HEAD) for block in blocks())
    copy = tmp_path / "taskward"
    leave = shutil.ignore_patterns("web", "__pycache__")
    shutil.copytree(PACKAGES["taskward"], copy, ignore=leave)
    schemas = copy / "tasks" / "schemas.py"
    schemas.write_text(with_column(schemas.read_text(), recipe))
    (copy / "migrations" / "versions" / f"{NEXT}_due_date.py").write_text(migration)
    environment = auth_settings(await create_database()) | {"PYTHONPATH": str(tmp_path)}
    with ChangedServer(environment, cwd=tmp_path) as server:
        yield server


async def test_a_column_of_tasks_takes_the_model_and_a_migration(
    changed: ChangedServer, app: FastAPI
) -> None:
    async with httpx.AsyncClient(base_url=changed.url, timeout=30) as client:
        body = {"email": new_email(), "password": PASSWORD}
        token = (await client.post("/api/auth/signup", json=body)).json()["token"]
        client.headers["authorization"] = f"Bearer {token}"
        await _has_due_date_everywhere(client)
        await _is_batched(client)
        document = (await client.get("/openapi.json")).json()["components"]["schemas"]
    for name in ("TaskCreate", "TaskUpdate", "TaskRead"):
        assert "due_date" in document[name]["properties"], name


async def _has_due_date_everywhere(client: httpx.AsyncClient) -> None:
    given, shown = "2030-02-28T23:00:00+01:00", "2030-02-28T22:00:00.000Z"
    task = {"title": "t", "due_date": given}
    key = {"Idempotency-Key": "k"}
    created = (await client.post("/api/tasks", json=task, headers=key)).json()
    assert [*created][-1] == "due_date"
    assert (await client.post("/api/tasks", json=task, headers=key)).json() == created
    other = await client.post("/api/tasks", json={"title": "t"}, headers=key)
    assert other.status_code == 422, "the fingerprint of a key knows the column"
    path = f"/api/tasks/{created['id']}"
    kept = await client.put(path, json={"title": "u"})
    listed = (await client.get("/api/tasks")).json()[0]
    toggled = (await client.patch(f"{path}/complete")).json()
    for each in (created, kept.json(), (await client.get(path)).json(), listed, toggled):
        assert each["due_date"] == shown
    cleared = await client.put(path, json={"title": "u", "due_date": None})
    assert cleared.json()["due_date"] is None
    match = {"If-Match": cleared.headers["etag"]}
    again = await client.put(path, json={"title": "u", "due_date": given}, headers=match)
    assert again.json()["due_date"] == shown
    assert (await client.put(path, json={"title": "u", "due_date": "soon"})).status_code == 422


async def _is_batched(client: httpx.AsyncClient) -> None:
    """Many requests at once share statements, and each keeps its own."""

    async def one(day: int) -> None:
        due = f"2030-01-{day:02}T00:00:00.000Z"
        body = {"title": f"{day}", "due_date": due if day % 3 else None}
        created = (await client.post("/api/tasks", json=body)).json()
        found = (await client.get(f"/api/tasks/{created['id']}")).json()
        assert created == found
        assert (found["title"], found["due_date"]) == (body["title"], body["due_date"])

    async with create_task_group() as tasks:
        for day in range(1, 29):
            tasks.start_soon(one, day)


# A plugin in one file


@pytest.fixture
async def site(create_database: CreateDatabase) -> AsyncIterator[httpx.AsyncClient]:
    """A host with the plugin."""
    url, host = DatabaseURL.parse(await create_database()), FastAPI()
    async with asyncpg.create_pool(**url.connect_arguments(), min_size=1, max_size=2) as pool:
        first = BetterAuthOptions(secret=os.urandom(16).hex(), base_url=BASE_URL)
        await BetterAuth(first, pool).migrate()
        options = BetterAuthOptions(
            secret=first.secret, base_url=BASE_URL, plugins=(invitations(),)
        )
        auth = BetterAuth(options, pool)
        assert any("invitation" in statement for statement in await auth.migrate())
        auth.install(host)
        transport = httpx.ASGITransport(host)
        headers = {"origin": BASE_URL}
        async with httpx.AsyncClient(
            transport=transport, base_url=f"{BASE_URL}/api/auth", headers=headers
        ) as client:
            welcome = BetterAuthOptions(
                secret=first.secret, base_url=BASE_URL, rate_limit=UNLIMITED
            )
            answer = await BetterAuth(welcome, pool).api.sign_up_email(
                name="Ada", email=new_email(), password=PASSWORD, as_response=True
            )
            cookie = answer.headers["set-cookie"].partition(";")[0]
            client.headers["cookie"] = cookie
            yield client


async def test_a_plugin_is_one_file_and_its_registration(site: httpx.AsyncClient) -> None:
    email = new_email()
    body = {"name": "Bob", "email": email, "password": PASSWORD}
    refused = await site.post("/sign-up/email", json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "NOT_INVITED")
    invited = await site.post("/invite", json={"email": email})
    assert (invited.status_code, invited.json()["email"]) == (200, email)
    twice = await site.post("/invite", json={"email": email.upper()})
    assert (twice.status_code, twice.json()["code"]) == (409, "ALREADY_INVITED")
    assert (await site.post("/invite", json={"email": new_email()})).status_code == 429
    assert (await site.post("/sign-up/email", json=body)).status_code == 200
    document = (await site.get(f"{BASE_URL}/openapi.json")).json()
    operation = document["paths"]["/api/auth/invite"]["post"]
    assert operation["summary"] == "Invite somebody by e-mail address"
    assert {"200", "409", "429"} <= {*operation["responses"]}


async def test_a_plugins_endpoint_wants_a_session_and_a_valid_body(
    site: httpx.AsyncClient,
) -> None:
    wrong = await site.post("/invite", json={"email": "nobody"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "VALIDATION_ERROR")
    del site.headers["cookie"]
    assert (await site.post("/invite", json={"email": new_email()})).status_code == 401


def test_a_plugin_needs_public_names_only() -> None:
    source = (ROOT / "tests" / "support" / "invitations.py").read_text()
    assert re.findall(r"^(?:from|import) (authward\S*)", source, re.MULTILINE) == ["authward"]
    assert all(name in authward.__all__ for name in ("EndpointContext", "RateLimitRule"))
