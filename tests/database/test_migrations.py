"""Migrations: what they make is what the models say, however often and by whomever they are run."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlmodel import SQLModel

import taskward.tasks.schemas  # noqa: F401
from authward.schema import tables as auth_tables
from taskward.app import create_app
from taskward.auth_plugins import added_schema
from taskward.database.url import DatabaseURL
from taskward.migrations import HEAD, alembic_config, create_engine, current_revision, migrate
from tests.conftest import BASE_URL, CreateDatabase, settings_for, url_text
from tests.database.better_auth_tables import BETTER_AUTH_DDL
from tests.database.catalog import COLUMNS, CONSTRAINTS, INDEXES
from tests.support.databases import connected

CHECK_NAMES = "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0"
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


def test_there_is_one_newest_revision_and_files_are_named_after_theirs() -> None:
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
        await connection.execute("INSERT INTO tasks (user_id, title) VALUES ('user_1', 'kept')")
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
        all_metadata: Any = [SQLModel.metadata, auth_tables.metadata]
        return list(compare_metadata(context, all_metadata))

    assert await run_sync(url, differences) == []


async def test_models_and_migrations_make_the_same_columns_constraints_and_indexes(
    url: DatabaseURL, other_url: DatabaseURL
) -> None:
    await migrate(url.connect_arguments())
    for metadata in (SQLModel.metadata, auth_tables.metadata):
        await run_sync(other_url, metadata.create_all)
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
    values = {"user_id": "user_1", "title": "t", "description": None, column: value}
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
    with pytest.raises(SystemExit, match="run `taskward migrate`"):
        async with app.router.lifespan_context(app):
            pass
    assert await tables(url) == set()
    await migrate(url.connect_arguments(), added_schema(settings_for(url_text(url))))
    before = await catalog(url)
    async with app.router.lifespan_context(app):
        assert await catalog(url) == before


async def test_a_database_of_a_newer_server_is_refused_in_one_sentence(url: DatabaseURL) -> None:
    await migrate(url.connect_arguments())
    async with connected(url) as connection:
        await connection.execute("UPDATE alembic_version SET version_num = 'from-the-future'")
    app = create_app(settings_for(url_text(url)))
    with pytest.raises(SystemExit, match="cannot use the database"):
        async with app.router.lifespan_context(app):
            pass
    assert await current_revision(url.connect_arguments()) == "from-the-future"


# A replica of the previous version, after the next one's migration


NEXT_VERSION = """
    ALTER TABLE tasks ADD COLUMN due_date timestamptz;
    UPDATE alembic_version SET version_num = '9999';
"""


async def migrated_by_the_next_version(url: DatabaseURL) -> None:
    await migrate(url.connect_arguments())
    async with connected(url) as connection:
        await connection.execute(NEXT_VERSION)


async def test_it_does_not_start_says_so_in_a_sentence_and_changes_nothing(
    url: DatabaseURL,
) -> None:
    await migrated_by_the_next_version(url)
    before = await catalog(url)
    app = create_app(settings_for(url_text(url)))
    says = f"tables are of revision 9999, newer than this version's {HEAD}: deploy the newer"
    with pytest.raises(SystemExit, match=says):
        async with app.router.lifespan_context(app):
            pass
    assert await catalog(url) == before


async def test_where_no_start_migrates_it_comes_back_and_serves(url: DatabaseURL) -> None:
    await migrated_by_the_next_version(url)
    app = create_app(settings_for(url_text(url), migrate_on_start=False, mcp_enabled=False))
    async with app.router.lifespan_context(app):
        token = app.state.better_auth.tokens.issue("user_1")
        headers = {"Authorization": f"Bearer {token}"}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url=BASE_URL, headers=headers
        ) as client:
            added = await client.post("/api/tasks", json={"title": "t"})
            assert (await client.get("/api/tasks")).json() == [added.json()]
