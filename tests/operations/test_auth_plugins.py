"""BETTER_AUTH_PLUGINS: a setting turns on plugins of the Better Auth server, tables included."""

import asyncio
from typing import Any

import httpx
import pytest
from alembic import command

from authward import plugins
from taskward.app import create_app
from taskward.auth_plugins import added_schema
from taskward.cli.doctor import examine
from taskward.cli.findings import Finding, Severity
from taskward.database.url import DatabaseURL
from taskward.migrations import alembic_config, create_engine, migrate
from taskward.settings import Settings
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase, new_email, settings_for
from tests.support.databases import connected

COLUMNS = """
    SELECT column_name FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = 'user'
"""


@pytest.fixture
async def database(create_database: CreateDatabase) -> str:
    """An empty database."""
    return await create_database()


def with_username(database: str, **more: object) -> Settings:
    return settings_for(database, better_auth_plugins="username", **more)


async def migrate_without_plugins(database: str) -> None:
    await migrate(DatabaseURL.parse(database).connect_arguments())


async def execute(database: str, statement: str) -> None:
    async with connected(DatabaseURL.parse(database)) as connection:
        await connection.execute(statement)


async def columns(database: str) -> set[str]:
    async with connected(DatabaseURL.parse(database)) as connection:
        return {row[0] for row in await connection.fetch(COLUMNS)}


async def start(settings: Settings) -> None:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        pass


async def about_tables(settings: Settings) -> Finding:
    (found,) = [f async for f in examine(settings) if f.subject == "tables"]
    return found


@pytest.mark.parametrize("is_new", [True, False])
async def test_users_sign_in_with_a_name_where_the_plugin_is_on(
    database: str, *, is_new: bool
) -> None:
    if not is_new:
        await migrate_without_plugins(database)
    app = create_app(with_username(database))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=transport, base_url=BASE_URL, headers={"origin": BASE_URL}
        ) as client,
    ):
        body = {"name": "Ada", "email": new_email(), "password": PASSWORD, "username": "Ada_L"}
        signed_up = await client.post("/api/auth/sign-up/email", json=body)
        assert signed_up.json()["user"]["username"] == "ada_l"
        again = {"username": "ADA_L", "password": PASSWORD}
        signed_in = await client.post("/api/auth/sign-in/username", json=again)
        assert signed_in.status_code == 200
        document = (await client.get("/openapi.json")).json()
        assert "/api/auth/sign-in/username" in document["paths"]
        plain = {"email": body["email"], "password": PASSWORD}
        assert (await client.post("/api/auth/login", json=plain)).status_code == 200
    await start(with_username(database))  # once more, and once without
    await start(settings_for(database))


async def test_without_the_setting_nothing_of_it_is_there(database: str) -> None:
    app = create_app(settings_for(database))
    async with app.router.lifespan_context(app):
        assert "/api/auth/sign-in/username" not in app.openapi()["paths"]
    assert "username" not in await columns(database)


async def test_eight_servers_that_start_at_once_add_the_columns_once(database: str) -> None:
    settings = with_username(database)
    arguments = DatabaseURL.parse(database).connect_arguments()
    await asyncio.gather(*(migrate(arguments, added_schema(settings)) for _ in range(8)))
    assert {"username", "displayUsername"} <= await columns(database)


async def test_a_start_that_does_not_migrate_says_what_is_missing(database: str) -> None:
    await migrate_without_plugins(database)
    with pytest.raises(SystemExit, match=r'table "user" has no column "username" \(run `taskward'):
        await start(with_username(database, migrate_on_start=False))


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ("username integer", 'column "username" is integer, not text'),
        ("username varchar(20)", r'column "username" is character varying\(20\), not text'),
        ("username text", 'table "user" lacks a unique index on "username"'),
        ("username text NOT NULL UNIQUE", 'column "username" is NOT NULL, and must allow it'),
    ],
)
async def test_columns_of_others_that_do_not_fit_end_the_start_and_are_trouble_for_the_doctor(
    database: str, column: str, says: str
) -> None:
    await migrate_without_plugins(database)
    await execute(database, f'ALTER TABLE "user" ADD {column}')
    with pytest.raises(SystemExit, match=says):
        await start(with_username(database))
    assert (await about_tables(with_username(database))).severity is Severity.ERROR


async def test_the_doctor_tells_missing_columns_from_those_that_the_next_start_adds(
    database: str,
) -> None:
    await migrate_without_plugins(database)
    found = await about_tables(with_username(database))
    assert (found.severity, found.advice) == (Severity.WARNING, "the next start adds it")
    found = await about_tables(with_username(database, migrate_on_start=False))
    assert (found.severity, found.advice) == (Severity.ERROR, "run `taskward migrate`")
    await start(with_username(database))
    assert (await about_tables(with_username(database))).severity is Severity.OK
    assert (await about_tables(settings_for(database))).severity is Severity.OK


async def test_alembic_takes_what_plugins_added_for_no_drift(database: str) -> None:
    settings = with_username(database)
    await start(settings)
    await execute(database, 'CREATE TABLE "twoFactor" (id text PRIMARY KEY)')
    engine = create_engine(DatabaseURL.parse(database).connect_arguments())

    def look(connection: Any) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.check(config)  # raises for any difference

    try:
        async with engine.begin() as connection:
            await connection.run_sync(look)
    finally:
        await engine.dispose()


def test_every_plugin_that_needs_no_code_is_one_by_that_name() -> None:
    for name in plugins.NEED_NO_CODE:
        assert plugins.without_options(name).id == name
