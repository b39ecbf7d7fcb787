"""What the README shows is run as it stands there."""

import ast
import re
import secrets
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
from anyio import run_process
from fastapi import FastAPI

from taskward.database.url import DatabaseURL
from taskward.migrations import migrate
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase, new_email
from tests.support.servers import JS, ROOT, TaskwardServer, auth_settings, node

README = (ROOT / "README.md").read_text()


def block(language: str, page: str = README) -> str:
    """The first code block in this language."""
    found = re.search(rf"```{language}\n(.*?)```", page, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
async def server(create_database: CreateDatabase) -> AsyncIterator[TaskwardServer]:
    """On a database of its own: the documents share their people's addresses."""
    with TaskwardServer(auth_settings(await create_database())) as server:
        yield server


async def test_the_curl_session_signs_up_and_makes_a_task(server: TaskwardServer) -> None:
    script = block("bash").replace("localhost:8000", server.url.removeprefix("http://"))
    done = await run_process(["bash", "-euc", script])
    assert done.stdout.decode().count('"title":"Read the README"') == 2


async def test_the_javascript_client_signs_up_and_makes_a_task_in_plain_node(
    server: TaskwardServer,
) -> None:
    code = block("js").replace("http://localhost:8000", server.url)
    done = await run_process(
        [node(), "--input-type=module", "--eval", code], cwd=JS, env={}, check=False
    )
    assert "title: 'Write the front end'" in done.stdout.decode(), done.stderr


async def test_the_better_auth_server_goes_into_an_app_of_fifteen_lines(database_url: str) -> None:
    code = block("python", (ROOT / "docs" / "better-auth.md").read_text())
    code = code.replace('"postgresql://localhost/app"', "**arguments").replace(
        "…", secrets.token_hex(16)
    )
    names: dict[str, Any] = {"arguments": DatabaseURL.parse(database_url).connect_arguments()}
    await migrate(names["arguments"])
    exec(code, names)  # the documentation's own example
    app = names["app"]
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE_URL) as client,
    ):
        body = {"email": new_email(), "password": PASSWORD}
        signed_up = (await client.post("/api/auth/signup", json=body)).json()
        headers = {"Authorization": f"Bearer {signed_up['token']}"}
        assert (await client.get("/me", headers=headers)).json() == signed_up["user"]["id"]
        assert (await client.get("/me")).status_code == 401


async def test_plugins_fields_events_and_calls_are_as_the_page_shows_them(
    create_database: CreateDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "better-auth.md").read_text()
    code = block("python", page.partition("## Plugins, fields")[2])
    url, app = DatabaseURL.parse(await create_database()), FastAPI()
    async with asyncpg.create_pool(**url.connect_arguments(), min_size=1, max_size=2) as pool:
        given = {"secret": secrets.token_hex(16), "password": PASSWORD}
        names: dict[str, Any] = {"pool": pool, "app": app, **given}
        await eval(
            compile(code, "better-auth.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names
        )
        transport = httpx.ASGITransport(app)
        headers = {"authorization": f"Bearer {names['answer']['token']}", "origin": BASE_URL}
        async with httpx.AsyncClient(
            transport=transport, base_url=BASE_URL, headers=headers
        ) as client:
            assert (await client.get("/profile")).json() == "trial"
            body = {"name": "R", "email": "r@robots.example", "password": PASSWORD}
            assert (await client.post("/api/auth/sign-up/email", json=body)).status_code == 403
            gone = await client.post("/api/auth/delete-user", json={"password": PASSWORD})
            assert gone.status_code == 200, gone.text
    user_id = names["answer"]["user"]["id"]
    assert capsys.readouterr().out.splitlines()[-2:] == [f"new: {user_id}", f"gone: {user_id}"]


def test_every_setting_of_the_readme_exists() -> None:
    example = (ROOT / ".env.example").read_text()
    for name in re.findall(r"`([A-Z_]{5,})(?:=[^`]*)?`", README):
        assert f"{name}=" in example, name


def test_every_file_that_the_documentation_points_to_exists() -> None:
    for page in [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("packages/*/*.md"),
    ]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
