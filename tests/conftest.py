"""What all tests share: a PostgreSQL of this run's own, databases on it, and the unmodified app.

Nothing here is reset between tests: each test makes users of its own, so any number of test runs
and tests may share a server. With DATABASE_URL set, the databases are made on that server instead.
"""

import functools
import gc
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from fastapi.dependencies import models as dependencies
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pydantic import SecretStr

from taskward.app import create_app
from taskward.database.url import DatabaseURL
from taskward.embedded_postgres import attach, detach
from taskward.migrations import migrate
from taskward.settings import Settings
from tests.support.scratch import MEMORY, new_directory, remove_later

pytest_plugins = ("tests.support.people", "tests.support.survival")
BASE_URL = "http://localhost:8000"
TRUSTED_ORIGIN = "http://localhost:3000"
PASSWORD = "correct horse battery staple"
LONGEST = (
    "test_conformance.py",
    "test_frontend_browser.py",
    "test_foreign_tables.py",
    "test_serving.py",
    "test_banned_users.py",
    "test_front_ends.py",
    "test_distributions.py",
    "test_faults.py",
    "test_tables_by_setting.py",
    "test_failover.py",
    "test_better_auth_client.py",
    "test_set_password.py",
    "test_database.py",
    "test_connection_headers.py",
    "test_fast_path.py",
    "test_auth_bad_input.py",
    "test_shutdown.py",
    "test_startup.py",
    "test_every_option.py",
    "test_unread.py",
)
hypothesis_settings.register_profile(
    "busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("busy machine")  # how long an example takes is no failure


class CreateDatabase(Protocol):
    """Makes a database and returns its URL; it is dropped at the end of the run."""

    async def __call__(self, template: str = "template1") -> str: ...


def pytest_collection() -> None:
    """Thousands of tests are collected, which all stay: there is no garbage to look for."""
    gc.disable()


def pytest_collection_finish() -> None:
    """From now on collect garbage, but look no more at what is there already, and less often."""
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Let go of the apps of a module: FastAPI remembers thousands of endpoints.

    All that each of these apps has would be looked through whenever garbage is collected.
    """
    if nextitem is None or nextitem.path != item.path:
        for remembered in vars(dependencies).values():
            if isinstance(remembered, functools._lru_cache_wrapper):
                remembered.cache_clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that at the end nobody waits for one test process."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """Where this run's own server has its files, some gigabytes if it makes all databases."""
    directory = new_directory("taskward-test-", needed=2**33, otherwise=tempfile.gettempdir())
    yield directory
    remove_later(directory)


@pytest.fixture(scope="session")
def postgres(scratch: Path) -> Iterator[DatabaseURL]:
    """The server on which this run makes its databases."""
    if url := os.environ.get("DATABASE_URL"):
        yield DatabaseURL.parse(url)
        return
    try:
        server = attach(scratch, server_settings={"fsync": "off"})
        yield DatabaseURL(str(server.socket_dir), 5432, server.user, None, server.database)
    finally:
        detach(scratch)


@pytest.fixture(scope="session")
async def create_database(
    postgres: DatabaseURL, scratch: Path, anyio_backend: object
) -> AsyncIterator[CreateDatabase]:
    """For databases that are empty, or copies of another one in which nobody is."""
    names: list[str] = []
    connection = await asyncpg.connect(**postgres.connect_arguments())
    is_ours = "DATABASE_URL" not in os.environ
    # Its checkpoints cost nothing where no disk is.
    strategy = "STRATEGY FILE_COPY" if is_ours and scratch.is_relative_to(MEMORY) else ""

    async def create(template: str = "template1") -> str:
        names.append(f"taskward_test_{secrets.token_hex(6)}")
        await connection.execute(f'CREATE DATABASE "{names[-1]}" TEMPLATE "{template}" {strategy}')
        return url_text(replace(postgres, database=names[-1]))

    yield create
    for name in () if is_ours else names:  # ours goes away as a whole
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await connection.close()


@pytest.fixture(scope="session")
async def migrated_template(create_database: CreateDatabase) -> str:
    """The name of a database with our tables and nothing in them, which nobody opens."""
    url = DatabaseURL.parse(await create_database())
    await migrate(url.connect_arguments())
    return url.database


@pytest.fixture(scope="session")
def create_migrated_database(
    create_database: CreateDatabase, migrated_template: str
) -> CreateDatabase:
    """For databases with our tables, at a fraction of what the migrations cost."""
    return functools.partial(create_database, migrated_template)


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
class User:
    """A user with a token."""

    id: str
    headers: dict[str, str]


@pytest.fixture
def new_user(app: FastAPI) -> Callable[[], User]:
    """Makes users as a front end that shares the secret does: no row, no password to hash."""

    def make() -> User:
        user_id = f"user_{secrets.token_hex(8)}"
        token = app.state.better_auth.tokens.issue(user_id)
        return User(user_id, {"Authorization": f"Bearer {token}"})

    return make


@pytest.fixture
def alice(new_user: Callable[[], User]) -> User:
    return new_user()


@pytest.fixture
def bob(new_user: Callable[[], User]) -> User:
    return new_user()


def new_email() -> str:
    return f"{secrets.token_hex(8)}@example.com"
