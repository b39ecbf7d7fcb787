"""Nothing of somebody else is seen or changed by any endpoint of any plugin.

Bob has a row in every table; Alice, and nobody, name each of his things in each field of each
endpoint. What belongs to whom is judged by the rows and answers themselves, so that a new plugin,
table, endpoint or field is among them without being listed.
"""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest
from fastapi import FastAPI

from authward import BetterAuth, EmailAndPasswordOptions, plugins
from tests.conftest import CreateDatabase
from tests.isolation.foreign_rows import MARK, contents, names, request, rows, write_rows
from tests.support.every_plugin import NOT_THERE, Operation, every_plugin, operations
from tests.support.factories import Browser, signed_in
from tests.support.plugin_site import site_with

EVERY = every_plugin()
OPERATIONS = operations(EVERY)
SHORT, LONG = 6, 120
IS_CHANGED_BY_ITS_SECRET = {
    "POST /device/token": "whoever has the device's code is the device, and its polls are counted",
}
"""What changes rows of Bob's for whoever has the secret that is in them, and for nobody else."""
SHOWS = {
    "GET /oauth2/public-client": "a client's name, before one consents to it",
}


@pytest.fixture(scope="module")
async def app(create_database: CreateDatabase) -> AsyncIterator[FastAPI]:
    as_ever = EmailAndPasswordOptions()  # what is compared in time too takes as long as it does
    async with site_with(await create_database(), EVERY, email_and_password=as_ever) as app:
        await write_rows(app.state.database, _auth(app).context.schema)
        yield app


@pytest.fixture
async def alice(app: FastAPI) -> AsyncIterator[Browser]:
    async with signed_in(app) as browser:
        await browser.post("organization/create", name="Alice's", slug=browser.email)
        yield browser


def _auth(app: FastAPI) -> BetterAuth:
    auth: BetterAuth = app.state.better_auth
    return auth


def test_every_plugin_there_is_takes_part() -> None:
    factories = {name for name in plugins.__all__ if name.islower()}
    made = {plugin.id.replace("-", "_") for plugin in EVERY} | {"mcp"}
    assert factories - NOT_THERE.keys() == made - {"oauth_provider"}


def test_every_table_of_somebody_has_a_row_of_bobs(app: FastAPI) -> None:
    schema = _auth(app).context.schema
    named = {column.partition(" ")[0] for column, _ in names(schema)}
    assert named >= {m for m, t in schema.tables.items() if "userId" in t.fields} - {"rateLimit"}


async def _send(client: httpx.AsyncClient, operation: Operation, content: Any) -> httpx.Response:
    path, body = request(operation, content)
    form = "x-www-form-urlencoded" if operation.endpoint.forms_only else "json"
    headers = {"content-type": f"application/{form}"} if body else {}
    return await client.request(operation.method, path, content=body, headers=headers)


def _told(answer: httpx.Response, content: dict[str, Any]) -> str:
    """What the answer says of Bob that was not in the request; a key's prefix is shown cut."""
    said = answer.text + str(answer.headers)
    texts = sorted(map(str, content.values()), key=len, reverse=True)
    for text in [*texts, str(content.get("prefix", MARK))[:6]]:
        for echo in (json.dumps(text)[1:-1], text, quote(text), quote_plus(text)):
            said = said.replace(echo, "") if echo != MARK else said
    return said if MARK in said else ""


async def _check(app: FastAPI, alice: Browser, operation: Operation, most: int) -> None:
    schema, database = _auth(app).context.schema, app.state.database
    before, reached = await rows(database, schema), 0
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=alice.client.base_url) as nobody:
        for content in contents(operation, names(schema))[:most]:
            for client in (alice.client, nobody):
                answer = await _send(client, operation, content)
                assert answer.status_code < 500, (content, answer.text)
                if str(operation) not in SHOWS:
                    assert not _told(answer, content), (content, answer.text)
                reached += "VALIDATION_ERROR" not in answer.text
    assert reached, "no request has got past the validation of its body"
    if str(operation) not in IS_CHANGED_BY_ITS_SECRET:
        assert await rows(database, schema) == before


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
async def test_no_endpoint_of_a_plugin_shows_or_changes_what_is_somebody_elses(
    app: FastAPI, alice: Browser, operation: Operation
) -> None:
    await _check(app, alice, operation, SHORT)


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
async def test_no_endpoint_does_whatever_is_named_in_whichever_field(
    app: FastAPI, alice: Browser, operation: Operation
) -> None:
    await _check(app, alice, operation, LONG)
