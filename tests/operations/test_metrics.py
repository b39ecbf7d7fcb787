"""Metrics: true numbers for the operator, nothing for the public, no series made by strangers."""

import asyncio
import secrets
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from taskward.app import create_app
from taskward.observability.metrics import make_registry, serve
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase, new_email, settings_for
from tests.support.process_environment import clean_environment
from tests.support.servers import HOST, ROOT, SECRET, auth_settings, free_port

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
POOL_SIZE = 10


class Scraper:
    """What Prometheus would see."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient, url: str) -> None:
        self.app = app
        self.client = client
        self.url = url

    async def scrape(self) -> Samples:
        async with httpx.AsyncClient(verify=False) as prometheus:
            answer = await prometheus.get(self.url)
        assert answer.headers["content-type"].startswith("text/plain; version=")
        return samples(answer.text)

    async def value(self, name: str, **labels: str) -> float:
        return (await self.scrape())[f"taskward_{name}", frozenset(labels.items())]

    async def until(self, name: str, is_right: Callable[[float], bool]) -> None:
        async with asyncio.timeout(20):
            while not is_right(await self.value(name)):
                pass


def samples(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@asynccontextmanager
async def measured(url: str, **changes: object) -> AsyncIterator[Scraper]:
    """An app with metrics on a port, a user of it, and Prometheus."""
    port = free_port()
    app = create_app(settings_for(url, metrics_port=port, **changes))
    headers = {"Authorization": f"Bearer {app.state.better_auth.tokens.issue('user_1')}"}
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=headers) as client,
    ):
        yield Scraper(app, client, f"http://{HOST}:{port}/metrics")


async def test_requests_are_counted_by_method_route_and_status(database_url: str) -> None:
    async with measured(database_url) as seen:
        for _ in range(3):
            path = (await seen.client.post("/api/tasks", json={"title": "t"})).headers["location"]
        await seen.client.get(path)
        await seen.client.get("/api/tasks/0")
        await seen.client.get("/api/tasks/0", headers={"Authorization": ""})
        await seen.client.patch(f"{path}/complete")
        await seen.client.post("/api/auth/login", json={})
        await seen.client.get("/api/auth/get-session")
        found = await seen.scrape()
    counted = {
        tuple(dict(labels)[name] for name in ("method", "route", "status")): value
        for (name, labels), value in found.items()
        if name == "taskward_requests_total"
    }
    one = "/api/tasks/{id}"
    assert counted == {
        ("POST", "/api/tasks", "201"): 3,
        ("GET", one, "200"): 1,
        ("GET", one, "404"): 1,
        ("GET", one, "401"): 1,
        ("PATCH", f"{one}/complete", "200"): 1,
        ("POST", "/api/auth/login", "422"): 1,
        ("GET", "/api/auth/get-session", "200"): 1,
    }


async def test_each_request_is_in_the_histogram_of_its_route_once(database_url: str) -> None:
    async with measured(database_url) as seen:
        for task_id in ("0", "0", "x"):
            await seen.client.get(f"/api/tasks/{task_id}")
        found = await seen.scrape()
    labels = {("method", "GET"), ("route", "/api/tasks/{id}")}
    name = "taskward_request_duration_seconds"
    buckets = [
        (float(dict(its)["le"]), value)
        for (series, its), value in found.items()
        if series == f"{name}_bucket" and labels <= its
    ]
    assert [value for _, value in sorted(buckets)] == sorted(value for _, value in buckets)
    assert max(buckets) == (float("inf"), 3)
    assert found[f"{name}_count", frozenset(labels)] == 3
    assert 0 < found[f"{name}_sum", frozenset(labels)] < 60


async def test_what_strangers_ask_for_makes_no_series(database_url: str) -> None:
    async with measured(database_url) as seen:
        for number in range(50):
            await seen.client.request(f"BREW{number}", f"/{secrets.token_hex(4)}")
            await seen.client.get(f"/api/auth/{secrets.token_hex(4)}")
            await seen.client.get(f"/api/tasks/{number}/{secrets.token_hex(4)}")
        found = await seen.scrape()
    counted = {labels for name, labels in found if name == "taskward_requests_total"}
    assert len(counted) == 2  # of a method that there is, and of others
    assert {dict(labels)["route"] for labels in counted} == {"other"}


async def test_refusals_of_the_rate_limiter_are_counted(
    create_migrated_database: CreateDatabase,
) -> None:
    url = await create_migrated_database()
    async with measured(url, rate_limit_enabled=True) as seen:
        body = {"email": new_email(), "password": "x"}
        answers = [await seen.client.post("/api/auth/sign-in/email", json=body) for _ in range(5)]
        refused = sum(answer.status_code == 429 for answer in answers)
        assert refused == 2
        counted = await seen.value("rate_limit_refusals_total", route="/api/auth/sign-in/email")
    assert counted == refused


async def test_the_pool_shows_who_has_a_connection_and_who_waits(database_url: str) -> None:
    async with measured(database_url) as seen, asyncio.TaskGroup() as group:
        async with AsyncExitStack() as stack:
            for _ in range(POOL_SIZE):
                await stack.enter_async_context(seen.app.state.database.acquire())
            group.create_task(seen.client.get("/api/tasks"))
            await seen.until("pool_waiting_requests", lambda waiting: waiting == 1)
            assert await seen.value("pool_in_use_connections") == POOL_SIZE
            assert await seen.value("pool_connections") == POOL_SIZE
            assert await seen.value("pool_max_connections") == POOL_SIZE
        await seen.until("pool_waiting_requests", lambda waiting: waiting == 0)
        await seen.until("pool_in_use_connections", lambda in_use: in_use == 0)


async def test_the_queue_of_passwords_shows_how_long_it_is(database_url: str) -> None:
    async with measured(database_url) as seen:
        passwords = seen.app.state.better_auth.passwords
        async with asyncio.TaskGroup() as group:
            for _ in range(6):
                group.create_task(passwords.hash(PASSWORD))
            await seen.until("password_hashes_pending", lambda pending: pending > 0)
        assert await seen.value("password_hashes_pending") == 0
        assert await seen.value("password_hashes_max_pending") >= 6


async def test_the_process_is_measured_as_well(database_url: str) -> None:
    async with measured(database_url) as seen:
        found = {name for name, _ in await seen.scrape()}
    assert {"process_resident_memory_bytes", "process_cpu_seconds_total"} <= found
    assert {"process_open_fds", "python_gc_collections_total"} <= found


# Where they are


async def test_on_the_public_port_there_are_none(database_url: str) -> None:
    async with measured(database_url) as seen:
        assert (await seen.client.get("/metrics")).status_code == 404


async def test_on_the_public_port_they_are_where_a_path_is_set(database_url: str) -> None:
    app = create_app(settings_for(database_url, metrics_path="/internal/metrics"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE_URL) as client:
        await client.get("/api/tasks")
        found = samples((await client.get("/internal/metrics")).text)
    labels = {"method": "GET", "route": "/api/tasks", "status": "401"}
    assert found["taskward_requests_total", frozenset(labels.items())] == 1


def test_a_second_worker_takes_the_next_port() -> None:
    port = free_port()
    registry = make_registry()
    with serve(HOST, port, registry) as first, serve(HOST, port, registry) as second:
        assert first == port
        assert second > first
        for each in (first, second):
            answer = httpx.get(f"http://{HOST}:{each}/metrics")
            assert "process_start_time_seconds" in answer.text
    with socket.socket() as probe:
        assert probe.connect_ex((HOST, first)) != 0


async def test_an_address_that_is_not_ours_ends_the_start_by_name(database_url: str) -> None:
    app = create_app(settings_for(database_url, metrics_port=free_port(), metrics_host="192.0.2.1"))
    with pytest.raises(SystemExit, match="METRICS_HOST"):
        async with app.router.lifespan_context(app):
            pass


UNWANTED = ("prometheus_client", "opentelemetry.sdk", "typer", "rich", "pygments", "watchfiles")
LOADED = f"""
import sys
import taskward.asgi
print([name for name in {UNWANTED} if name in sys.modules])
import rich.traceback, watchfiles  # whoever wants them later has them
"""


def test_what_is_not_wanted_is_not_loaded() -> None:
    settings = {**auth_settings("postgresql://somebody@127.0.0.1:1/tasks"), "PYTHONPATH": str(ROOT)}
    assert settings["BETTER_AUTH_SECRET"] == SECRET
    ended = subprocess.run(
        [sys.executable, "-c", LOADED],
        env=clean_environment(settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stdout.strip() == "[]"
