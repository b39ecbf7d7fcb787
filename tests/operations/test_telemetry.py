"""Traces: spans arrive where the usual variables say, belong to the caller's trace, hold no secret.

The collector is a real one over HTTP; that without the variables nothing is loaded is tested with
the metrics, in a process of its own.
"""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest

from taskward.app import create_app
from taskward.observability.tracing import tracing_from
from tests.conftest import BASE_URL, settings_for
from tests.operations.test_access_log import access_log
from tests.support.collector import Collector, attributes, collecting
from tests.support.servers import HOST, free_port

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT_ID = "b7ad6b7169203331"
CALLER = {"traceparent": f"00-{TRACE_ID}-{PARENT_ID}-01"}
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
SECRET_TOKEN = "a-token-that-came-by-mail"
VARIABLES = (
    *(ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL"),
    *("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED"),
    *("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_TRACES_SAMPLER"),
)


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collecting() as collector:
        monkeypatch.setenv(ENDPOINT, collector.url)
        yield collector


@asynccontextmanager
async def served(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody signed in to an app of the test's own; all spans are sent when it ends."""
    app = create_app(settings_for(url))
    headers = {"Authorization": f"Bearer {app.state.better_auth.tokens.issue('user_1')}"}
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=headers) as client,
    ):
        yield client


async def test_a_request_is_a_span_in_the_callers_trace_with_its_statement_below(
    database_url: str, collector: Collector
) -> None:
    async with served(database_url) as client:
        assert (await client.get("/api/tasks/0", headers=CALLER)).status_code == 404
    assert set(collector.paths) == {"/v1/traces"}
    spans = [span for span in collector.spans() if span.trace_id.hex() == TRACE_ID]
    request = next(span for span in spans if span.parent_span_id.hex() == PARENT_ID)
    assert request.name == "GET /api/tasks/{id}"
    assert attributes(request)["http.route"] == "/api/tasks/{id}"
    statement = next(span for span in spans if span.name == "SELECT")
    assert "FROM tasks" in attributes(statement)["db.query.text"]
    above = {span.span_id: span.parent_span_id for span in spans}
    ancestors = [statement.span_id]
    while ancestors[-1] in above:
        ancestors.append(above[ancestors[-1]])
    assert request.span_id in ancestors
    assert request.start_time_unix_nano <= statement.start_time_unix_nano
    assert statement.start_time_unix_nano < statement.end_time_unix_nano
    assert statement.end_time_unix_nano <= request.end_time_unix_nano


async def test_a_statement_that_fails_is_an_error(database_url: str, collector: Collector) -> None:
    async with served(database_url) as client:
        app = client._transport.app  # type: ignore[attr-defined]
        with pytest.raises(Exception, match="division by zero"):
            await app.state.database.fetchrow("SELECT 1 / 0")
    failed = next(s for s in collector.spans() if "1 / 0" in attributes(s).get("db.query.text", ""))
    assert attributes(failed)["error.type"] == "DivisionByZeroError"


async def test_the_log_names_the_trace(database_url: str, collector: Collector) -> None:
    async with served(database_url) as client, access_log() as written:
        await client.get("/api/tasks", headers=CALLER)
    assert [line["trace_id"] for line in written] == [TRACE_ID]


async def test_the_sender_is_taskward_unless_the_variables_say_otherwise(
    database_url: str, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(database_url) as client:
        await client.get("/api/tasks")
    assert collector.resource()["service.name"] == "taskward"
    collector.bodies.clear()
    monkeypatch.setenv("OTEL_SERVICE_NAME", "tasks-of-ours")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=night")
    async with served(database_url) as client:
        await client.get("/api/tasks")
    assert collector.resource()["service.name"] == "tasks-of-ours"
    assert collector.resource()["deployment.environment"] == "night"


async def test_no_span_holds_a_secret_or_what_users_write(
    database_url: str, collector: Collector
) -> None:
    async with served(database_url) as client:
        await client.post("/api/tasks", json={"title": SECRET_TOKEN})
        await client.get("/api/tasks?status=pending")
        for path in (
            f"/api/auth/reset-password/{SECRET_TOKEN}?callbackURL=/x",
            f"/api/auth/verify-email?token={SECRET_TOKEN}",
            f"/api/auth/callback/github?code={SECRET_TOKEN}&state={SECRET_TOKEN}",
        ):
            await client.get(path)
        token = client.headers["Authorization"].removeprefix("Bearer ")
    sent = b"".join(collector.bodies)
    assert b"/api/auth/reset-password/***" in sent
    assert b"token=***" in sent
    assert b"status=pending" in sent
    for secret in (SECRET_TOKEN, token, "user_1"):
        assert secret.encode() not in sent


async def test_a_collector_that_is_away_disturbs_nobody(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENDPOINT, f"http://{HOST}:{free_port()}")
    async with served(database_url) as client:
        assert (await client.get("/api/tasks")).status_code == 200
        ending = time.monotonic()
    assert time.monotonic() - ending < 8


# The variables


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {ENDPOINT: ""},
        {ENDPOINT: "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"},
        {ENDPOINT: "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_SERVICE_NAME": "tasks"},
    ],
    ids=["nothing", "empty endpoint", "disabled", "no exporter", "only a name"],
)
def test_there_are_no_traces_unless_somebody_asks(variables: dict[str, str]) -> None:
    tracing = tracing_from(variables)
    assert not tracing
    assert not any(tracing.fastapi[part] for part in ("tracing", "metrics", "logs"))


@pytest.mark.parametrize(
    ("name", "value"),
    [("OTEL_TRACES_EXPORTER", "zipkin"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
)
def test_what_is_not_there_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, database_url: str, name: str, value: str
) -> None:
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:4318")
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=f"{name}: must be .*, not {value}"):
        create_app(settings_for(database_url))
