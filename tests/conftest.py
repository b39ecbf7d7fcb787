"""What all tests share: a PostgreSQL of this run's own, databases on it, and the unmodified app.

Nothing here is reset between tests: each test makes users of its own, so any number of test runs
and tests may share a server. With DATABASE_URL set, the databases are made on that server instead.
"""

import gc
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias
from urllib.parse import quote

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from taskward.app import create_app
from taskward.config import Settings
from taskward.database_url import DatabaseURL
from taskward.embedded_postgres import attach, detach

BASE_URL = "http://localhost:8000"
TRUSTED_ORIGIN = "http://localhost:3000"
PASSWORD = "correct horse battery staple"
LONGEST = (
    "test_conformance.py",
    "test_frontend_browser.py",
    "test_startup.py",
    "test_front_ends.py",
    "test_better_auth_client.py",
    "test_shutdown.py",
    "test_fast_path.py",
    "test_faults.py",
)
CreateDatabase: TypeAlias = Callable[[], Awaitable[str]]


def pytest_collection() -> None:
    """Thousands of tests are collected, which all stay: there is no garbage to look for."""
    gc.disable()


def pytest_collection_finish() -> None:
    """From now on collect garbage, but look no more at what is there already."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that at the end nobody waits for one test process."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[DatabaseURL]:
    """The server on which this run makes its databases."""
    if url := os.environ.get("DATABASE_URL"):
        yield DatabaseURL.parse(url)
        return
    directory = Path(tempfile.mkdtemp(prefix="taskward-test-", dir=tempfile.gettempdir()))
    try:
        server = attach(directory, server_settings={"fsync": "off"})
        yield DatabaseURL(str(server.socket_dir), 5432, server.user, None, server.database)
    finally:
        detach(directory)
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
async def create_database(
    postgres: DatabaseURL, anyio_backend: str
) -> AsyncIterator[CreateDatabase]:
    """Makes an empty database and returns its URL; it is dropped at the end of the run."""
    names: list[str] = []
    connection = await asyncpg.connect(**postgres.connect_arguments())

    async def create() -> str:
        names.append(f"taskward_test_{secrets.token_hex(6)}")
        await connection.execute(f'CREATE DATABASE "{names[-1]}"')
        return url_text(replace(postgres, database=names[-1]))

    yield create
    for name in names if "DATABASE_URL" in os.environ else ():  # ours goes away as a whole
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await connection.close()


def url_text(url: DatabaseURL) -> str:
    """The URL with its password, which `str(url)` hides."""
    user = quote(url.user, safe="")
    password = f":{quote(url.password, safe='')}" if url.password else ""
    host = quote(url.host, safe="") if url.host.startswith("/") else url.host
    return f"postgresql://{user}{password}@{host}:{url.port}/{url.database}?sslmode={url.sslmode}"


@pytest.fixture(scope="session")
async def database_url(create_database: CreateDatabase) -> str:
    return await create_database()


@pytest.fixture(scope="session")
def settings(database_url: str) -> Settings:
    return settings_for(database_url)


def settings_for(database_url: str, **changes: object) -> Settings:
    """Settings that nothing in the environment or in a developer's `.env` changes."""
    values: dict[str, object] = {
        "database_url": SecretStr(database_url),
        "better_auth_secret": SecretStr(secrets.token_hex(32)),
        "better_auth_url": BASE_URL,
        "better_auth_trusted_origins": TRUSTED_ORIGIN,
        "rate_limit_enabled": False,
        "log_format": "json",
        **changes,
    }
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    """The application as it is served, with its lifespan begun."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody without any credentials."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        yield client


@dataclass(frozen=True)
class Person:
    """A user with a token."""

    id: str
    headers: dict[str, str]


@pytest.fixture
def new_person(app: FastAPI) -> Callable[[], Person]:
    """Makes users as a front end that shares the secret does: no row, no password to hash."""

    def make() -> Person:
        user_id = f"user_{secrets.token_hex(8)}"
        token = app.state.better_auth.tokens.issue(user_id)
        return Person(user_id, {"Authorization": f"Bearer {token}"})

    return make


@pytest.fixture
def alice(new_person: Callable[[], Person]) -> Person:
    return new_person()


@pytest.fixture
def bob(new_person: Callable[[], Person]) -> Person:
    return new_person()


def new_email() -> str:
    return f"{secrets.token_hex(8)}@example.com"
