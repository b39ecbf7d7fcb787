"""Lists that are kept by hand and would be short without a word: each is compared with the rest."""

import importlib
import pkgutil
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from pydantic import SecretStr
from starlette.datastructures import Headers

import taskward
from authward import core as routes
from authward.plugins.token_login import router as token_login_router
from authward.security import rate_limit
from authward.server import CORE_ENDPOINTS, ENDPOINTS
from taskward.http.edge import EXPOSED_HEADERS
from taskward.http.middleware import EdgeMiddleware
from taskward.observability import metrics
from taskward.observability.logs import redact_path
from taskward.settings import Settings
from taskward.tasks import store as task_store
from taskward.tasks.schemas import TaskRead
from tests.conftest import BASE_URL, LONGEST, PASSWORD, TRUSTED_ORIGIN, User, new_email
from tests.support.factories import Browser, signed_in
from tests.support.oauth_site import connect_assistant
from tests.support.servers import ROOT

PACKAGE = Path(taskward.__file__).parent
OWNERS = """
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = 'public' AND column_name IN ('user_id', 'userId')
    AND table_name <> 'deleted_users'  -- what was said of them outlives them
    ORDER BY table_name
"""
SAFELISTED = {"cache-control", "content-length", "content-type", "pragma"}
"""What scripts of another origin may read anyway (Fetch, CORS-safelisted response-header names)."""
FOR_BROWSERS = {
    *("access-control-allow-credentials", "access-control-allow-origin"),
    *("access-control-expose-headers", "allow", "accept-encoding", "connection", "vary"),
    *("content-security-policy", "cross-origin-opener-policy", "referrer-policy", "set-cookie"),
    *("strict-transport-security", "www-authenticate", "x-content-type-options"),
    *("x-frame-options", "permissions-policy", "cross-origin-resource-policy"),
}
"""What is meant for the browser itself, or says nothing that the status does not."""


def methods(app: FastAPI) -> set[str]:
    """The methods of all routes."""
    contexts = iter_route_contexts(app.routes)
    return {method for context in contexts for method in context.methods or ()}


# The auth server


def test_every_endpoint_of_every_module_of_routes_is_served() -> None:
    modules = [
        importlib.import_module(f"{routes.__name__}.{module.name}")
        for module in pkgutil.iter_modules(routes.__path__)
    ]
    made = [endpoint for module in modules for endpoint in getattr(module, "ENDPOINTS", ())]
    assert len(made) > 25
    assert sorted(e.path for e in made) == sorted(e.path for e in CORE_ENDPOINTS)


def test_every_rate_rule_is_for_some_endpoint_and_the_last_one_for_all() -> None:
    paths = {endpoint.path for endpoint in ENDPOINTS}
    *special, last = rate_limit.DEFAULT_RULES
    for rule in special:
        for prefix in rule.prefixes:
            assert any(path.startswith(prefix) for path in paths), prefix
        assert {*rule.paths} <= paths
    assert all(last.applies_to(path) for path in paths)


def test_no_counter_is_pruned_that_a_rule_still_needs() -> None:
    assert all(rule.window <= rate_limit._LONGEST_WINDOW for rule in rate_limit.DEFAULT_RULES)


@pytest.mark.parametrize("path", [f"/api/auth{r.path}" for r in token_login_router.routes])  # type: ignore[attr-defined]
async def test_every_plain_path_answers_plain_errors_at_the_edge_as_well(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.post(path, content=b"x" * 1_100_000)
    assert (answer.status_code, [*answer.json()]) == (413, ["detail"])


@pytest.mark.parametrize("path", sorted({e.path for e in ENDPOINTS if "{" in e.path}))
def test_no_secret_in_a_path_is_logged(path: str) -> None:
    names = re.findall(r"\{(\w+)\}", path)
    filled = "/api/auth" + re.sub(r"\{\w+\}", "the-secret", path)
    assert ("the-secret" in redact_path(filled)) == (names == ["provider"])


# Settings


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_that_is_called_a_secret_is_masked(name: str) -> None:
    annotation = Settings.model_fields[name].annotation
    kinds = {annotation, *get_args(annotation)}  # a number, or yes or no, is no secret
    is_secret = re.search("secret|password|database_url|api_key|token", name) is not None
    assert (SecretStr in kinds) == (is_secret and not {bool, int} & kinds)


# HTTP


async def test_every_method_of_a_route_passes_a_preflight_and_has_a_name_in_the_metrics(
    app: FastAPI,
) -> None:
    edge = app.middleware_stack
    assert isinstance(edge, EdgeMiddleware)
    asks = Headers({"origin": TRUSTED_ORIGIN, "access-control-request-method": "GET"})
    allowed = edge.preflight.preflight_response(asks).headers["access-control-allow-methods"]
    assert methods(app) <= set(allowed.split(", "))
    assert methods(app) | {"OPTIONS"} == metrics.METHODS


async def test_scripts_may_read_every_header_that_is_meant_for_them(
    app: FastAPI, client: httpx.AsyncClient, alice: User
) -> None:
    answers = [
        *[answer async for answer in _answers_about_tasks(client, alice)],
        *[answer async for answer in _answers_about_users(app)],
    ]
    seen = {name.lower() for answer in answers for name in answer.headers}
    documented = {
        name.lower()
        for path in app.openapi()["paths"].values()
        for operation in path.values()
        for response in operation["responses"].values()
        if response.get("description") != "Where the browser goes"
        for name in response.get("headers", {})
    }
    exposed = {name.lower() for name in EXPOSED_HEADERS}
    assert (seen | documented) - SAFELISTED - FOR_BROWSERS <= exposed


async def _answers_about_tasks(
    client: httpx.AsyncClient, alice: User
) -> AsyncIterator[httpx.Response]:
    client.headers.update({**alice.headers, "Origin": TRUSTED_ORIGIN})
    created = await client.post("/api/tasks", json={"title": "t"}, headers={"Idempotency-Key": "k"})
    path = created.headers["location"]
    yield created
    for method, target in (("GET", "/api/tasks"), ("GET", path), ("PATCH", f"{path}/complete")):
        yield await client.request(method, target)
    yield await client.put(path, json={"title": "u"}, headers={"If-Match": '"x"'})
    yield await client.put(path, json={"title": ""})
    yield await client.post("/api/tasks", content=b"x", headers={"Content-Encoding": "gzip"})
    yield await client.get(path, headers={"Authorization": ""})
    yield await client.delete("/api/tasks")
    yield await client.delete(path)


async def _answers_about_users(app: FastAPI) -> AsyncIterator[httpx.Response]:
    async with signed_in(app) as browser:
        browser.client.headers["origin"] = TRUSTED_ORIGIN
        for path in ("get-session", "token", "list-sessions", "jwks", "nothing"):
            yield await browser.get(path)
        who = {"email": browser.email, "password": PASSWORD}
        for path in ("sign-in/email", "login", "sign-out"):
            yield await browser.post(path, **who)
        yield await browser.post("sign-up/email", name="A", email=new_email(), password=PASSWORD)


# The database


def test_an_answer_with_a_task_has_a_member_for_each_column() -> None:
    assert [column.name for column in task_store.COLUMNS] == [*TaskRead.model_fields]


async def test_deleting_a_user_empties_every_table_that_has_users(app: FastAPI) -> None:
    async with signed_in(app) as browser:
        await _leave_traces(app, browser)
        before = await _rows_of(app, browser.user["id"])
        assert (await browser.post("delete-user", password=PASSWORD)).status_code == 200
        after = await _rows_of(app, browser.user["id"])
    assert len(before) >= 4
    assert all(before.values()), "this test leaves no trace in a new table"
    assert not any(after.values())


async def _rows_of(app: FastAPI, user_id: str) -> dict[str, int]:
    fetch = app.state.database.fetch
    return {
        table: len(await fetch(f'SELECT FROM "{table}" WHERE "{column}" = $1', user_id))
        for table, column in await fetch(OWNERS)
    }


async def _leave_traces(app: FastAPI, browser: Browser) -> None:
    token = app.state.better_auth.tokens.issue(browser.user["id"])
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        created = await client.post("/api/tasks", json={"title": "t"}, headers=headers)
    assert created.status_code == 201
    cookie = browser.client.cookies["better-auth.session_token"]
    await connect_assistant(app, cookie, resource=None)


def test_what_the_tests_begin_with_is_there() -> None:
    assert {*LONGEST} <= {file.name for file in (ROOT / "tests").glob("*/test_*.py")}
