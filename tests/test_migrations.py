"""Migrations: what they make is what the models say, however often and by whomever they are run."""

import asyncio
from typing import Any

import asyncpg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlmodel import SQLModel

import taskward.auth.tables
import taskward.models  # noqa: F401
from taskward.app import create_app
from taskward.database_url import DatabaseURL
from taskward.migrations import HEAD, alembic_config, create_engine, current_revision, migrate
from tests.conftest import CreateDatabase, settings_for, url_text
from tests.databases import connected

# What better-auth 1.7.25 sends to PostgreSQL, with its plugins jwt and bearer (`migrate`).
BETTER_AUTH_DDL = """
create table "user" ("id" text not null primary key, "name" text not null, "email" text not null
unique, "emailVerified" boolean not null, "image" text, "createdAt" timestamptz default
CURRENT_TIMESTAMP not null, "updatedAt" timestamptz default CURRENT_TIMESTAMP not null);

create table "session" ("id" text not null primary key, "expiresAt" timestamptz not null, "token"
text not null unique, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt"
timestamptz not null, "ipAddress" text, "userAgent" text, "userId" text not null references "user"
("id") on delete cascade);

create table "account" ("id" text not null primary key, "accountId" text not null, "providerId" text
not null, "userId" text not null references "user" ("id") on delete cascade, "accessToken" text,
"refreshToken" text, "idToken" text, "accessTokenExpiresAt" timestamptz, "refreshTokenExpiresAt"
timestamptz, "scope" text, "password" text, "createdAt" timestamptz default CURRENT_TIMESTAMP not
null, "updatedAt" timestamptz not null);

create table "verification" ("id" text not null primary key, "identifier" text not null, "value"
text not null, "expiresAt" timestamptz not null, "createdAt" timestamptz default CURRENT_TIMESTAMP
not null, "updatedAt" timestamptz default CURRENT_TIMESTAMP not null);

create table "jwks" ("id" text not null primary key, "publicKey" text not null, "privateKey" text
not null, "createdAt" timestamptz not null, "expiresAt" timestamptz, "alg" text, "crv" text);

create index "session_userId_idx" on "session" ("userId");

create index "account_userId_idx" on "account" ("userId");

create index "verification_identifier_idx" on "verification" ("identifier");
"""
COLUMNS = """
    SELECT table_name, column_name, data_type, character_maximum_length, is_nullable,
        column_default, is_identity, identity_generation
    FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name <> 'alembic_version'
"""
CONSTRAINTS = """
    SELECT conrelid::regclass::text AS table_name, contype::text, pg_get_constraintdef(oid)
    FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
        AND conrelid <> coalesce(to_regclass('alembic_version'), 0)
"""
CHECK_NAMES = "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0"
INDEXES = """
    SELECT tablename, indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND tablename <> 'alembic_version'
"""
OURS = {"user", "session", "account", "verification", "rateLimit", "tasks"}


@pytest.fixture
async def url(create_database: CreateDatabase) -> DatabaseURL:
    """An empty database."""
    return DatabaseURL.parse(await create_database())


@pytest.fixture
async def other_url(create_database: CreateDatabase) -> DatabaseURL:
    """Another empty database."""
    return DatabaseURL.parse(await create_database())


async def tables(url: DatabaseURL) -> set[str]:
    async with connected(url) as connection:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {row[0] for row in rows}


async def catalog(url: DatabaseURL) -> set[tuple[Any, ...]]:
    """Every column, constraint and index, in PostgreSQL's own words."""
    async with connected(url) as connection:
        return {
            tuple(row)
            for query in (COLUMNS, CONSTRAINTS, CHECK_NAMES, INDEXES)
            for row in await connection.fetch(query)
        }


async def run_sync(url: DatabaseURL, function: Any) -> Any:
    """Run a function of Alembic's or SQLAlchemy's on a connection in a transaction."""
    engine = create_engine(url.connect_arguments())
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(function)
    finally:
        await engine.dispose()


# The newest revision


def test_there_is_one_newest_revision_and_the_constant_names_it() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [HEAD]


async def test_an_empty_database_is_brought_to_the_newest_revision(url: DatabaseURL) -> None:
    assert await current_revision(url.connect_arguments()) is None
    await migrate(url.connect_arguments())
    assert await current_revision(url.connect_arguments()) == HEAD
    assert await tables(url) >= OURS


async def test_migrating_twice_changes_nothing_and_keeps_the_rows(url: DatabaseURL) -> None:
    await migrate(url.connect_arguments())
    before = await catalog(url)
    async with connected(url) as connection:
        await connection.execute("INSERT INTO tasks (user_id, title) VALUES ('somebody', 'kept')")
        await migrate(url.connect_arguments())
        assert await connection.fetchval("SELECT title FROM tasks") == "kept"
    assert await catalog(url) == before


async def test_eight_who_migrate_at_once_make_one_database(
    url: DatabaseURL, other_url: DatabaseURL
) -> None:
    await migrate(other_url.connect_arguments())
    await asyncio.gather(*(migrate(url.connect_arguments()) for _ in range(8)))
    assert await catalog(url) == await catalog(other_url)
    async with connected(url) as connection:
        versions = await connection.fetch("SELECT version_num FROM alembic_version")
    assert [row["version_num"] for row in versions] == [HEAD]


# Drift


async def test_alembic_finds_no_difference_between_models_and_migrations(url: DatabaseURL) -> None:
    await migrate(url.connect_arguments())

    def differences(connection: Connection) -> list[Any]:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, SQLModel.metadata))

    assert await run_sync(url, differences) == []


async def test_models_and_migrations_make_the_same_columns_constraints_and_indexes(
    url: DatabaseURL, other_url: DatabaseURL
) -> None:
    await migrate(url.connect_arguments())
    await run_sync(other_url, SQLModel.metadata.create_all)
    assert await catalog(url) == await catalog(other_url)


async def test_the_comparison_sees_every_kind_of_drift(
    url: DatabaseURL, other_url: DatabaseURL
) -> None:
    for each in (url, other_url):
        await migrate(each.connect_arguments())
    for drift in (
        "ALTER TABLE tasks ALTER description TYPE varchar(10000)",
        "ALTER TABLE tasks ALTER completed DROP DEFAULT",
        "ALTER TABLE tasks ALTER title DROP NOT NULL",
        "ALTER TABLE tasks DROP CONSTRAINT tasks_title_check",
        "ALTER TABLE tasks ALTER id SET GENERATED BY DEFAULT",
        "DROP INDEX tasks_user_id_id_idx",
        'ALTER TABLE session DROP CONSTRAINT "session_userId_fkey"',
    ):
        before = await catalog(url)
        async with connected(url) as connection:
            await connection.execute(drift)
        assert await catalog(url) != before, drift
    assert await catalog(url) != await catalog(other_url)


# The table itself


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("title", ""),
        ("title", "x" * 201),
        ("description", "x" * 10_001),
        ("user_id", ""),
        ("user_id", "a b"),
        ("user_id", "x" * 256),
        *((column, None) for column in ("user_id", "title", "completed", "created_at")),
    ],
)
async def test_the_table_itself_refuses_what_the_server_refuses(
    database_url: str, app: object, column: str, value: object
) -> None:
    values = {"user_id": "somebody", "title": "t", "description": None, column: value}
    names = ", ".join(values)
    marks = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    async with connected(DatabaseURL.parse(database_url)) as connection:
        with pytest.raises(
            (
                asyncpg.CheckViolationError,
                asyncpg.NotNullViolationError,
                asyncpg.StringDataRightTruncationError,
            )
        ):
            await connection.execute(
                f"INSERT INTO tasks ({names}) VALUES ({marks})", *values.values()
            )


async def test_a_title_of_200_emoji_and_a_description_of_10000_fit_in(
    database_url: str, app: object
) -> None:
    async with connected(DatabaseURL.parse(database_url)) as connection:
        insert = "INSERT INTO tasks (user_id, title, description) VALUES ($1, $2, $3)"
        emoji = "\N{THUMBS UP SIGN}"
        await connection.execute(insert, "x" * 255, emoji * 200, emoji * 10_000)


async def test_one_index_serves_the_list_in_its_order(url: DatabaseURL) -> None:
    await migrate(url.connect_arguments())
    async with connected(url) as connection:
        await connection.execute(
            "INSERT INTO tasks (user_id, title)"
            " SELECT 'user_' || n % 100, 't' FROM generate_series(1, 20000) n; ANALYZE tasks"
        )
        plan = await connection.fetch(
            "EXPLAIN SELECT * FROM tasks WHERE user_id = 'user_7' ORDER BY id DESC LIMIT 20"
        )
    text = "\n".join(row[0] for row in plan)
    assert "Backward using tasks_user_id_id_idx" in text
    assert "Sort" not in text


# Other ways


async def test_a_migrated_database_can_go_back_to_empty_and_forth(url: DatabaseURL) -> None:
    await migrate(url.connect_arguments())
    first = await catalog(url)

    def downgrade(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")

    await run_sync(url, downgrade)
    assert await tables(url) == {"alembic_version"}
    await migrate(url.connect_arguments())
    assert await catalog(url) == first


async def test_tables_made_by_better_auths_own_migration_are_accepted_with_their_rows(
    url: DatabaseURL, other_url: DatabaseURL
) -> None:
    async with connected(url) as connection:
        await connection.execute(BETTER_AUTH_DDL)
        await connection.execute(
            """INSERT INTO "user" (id, name, email, "emailVerified") VALUES ('1', 'n', 'e', true)"""
        )
        await migrate(url.connect_arguments())
        assert await connection.fetchval('SELECT id FROM "user"') == "1"
        await connection.execute("DROP TABLE jwks")
    await migrate(other_url.connect_arguments())
    assert await catalog(url) == await catalog(other_url)


async def test_with_migrate_on_start_false_the_server_touches_nothing(url: DatabaseURL) -> None:
    app = create_app(settings_for(url_text(url), migrate_on_start=False))
    async with app.router.lifespan_context(app):
        assert await tables(url) == set()
    assert await tables(url) == set()


async def test_a_database_of_a_newer_server_is_refused_in_one_sentence(url: DatabaseURL) -> None:
    await migrate(url.connect_arguments())
    async with connected(url) as connection:
        await connection.execute("UPDATE alembic_version SET version_num = 'from-the-future'")
    app = create_app(settings_for(url_text(url)))
    with pytest.raises(SystemExit, match="cannot use the database"):
        async with app.router.lifespan_context(app):
            pass
    assert await current_revision(url.connect_arguments()) == "from-the-future"
