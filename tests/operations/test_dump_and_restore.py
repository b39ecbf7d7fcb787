"""`taskward dump` and `restore`: all or nothing, nobody's file or rows lost, no password shown."""

import asyncio
import secrets
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from taskward.cli.dump import dump
from taskward.cli.postgres_programs import environment_for
from taskward.cli.restore import execute_plan, plan_for, restore
from taskward.database.url import DatabaseURL
from taskward.migrations import HEAD, migrate
from tests.conftest import CreateDatabase, url_text
from tests.embedded_postgres.helpers import mode
from tests.operations.commands import Environment, environment
from tests.operations.dumps import (
    execute,
    fingerprint,
    names,
    new_database,
    read,
    source,
    use,
    write,
)
from tests.support.databases import connected
from tests.support.process_environment import clean_environment
from tests.support.servers import ROOT, auth_settings

__all__ = ["environment", "source"]  # fixtures


# What comes back


async def test_what_was_dumped_is_restored_to_an_empty_database_exactly(
    source: DatabaseURL, create_database: CreateDatabase, environment: Environment, tmp_path: Path
) -> None:
    said = await dump("dump", force=False)
    assert said.startswith("2 users and 500 tasks are in dump.")
    assert "keep BETTER_AUTH_SECRET" in said
    assert mode(Path("dump")) == 0o600
    for tables in (False, True):  # as new, and after a server was started on it
        target = DatabaseURL.parse(await create_database())
        if tables:
            await migrate(target.connect_arguments())
        use(environment, target)
        assert (await restore("dump", replace=False)).startswith("2 users and 500 tasks are")
        assert await fingerprint(target) == await fingerprint(source)
        async with connected(target) as connection:
            assert await connection.fetchval("SELECT version_num FROM alembic_version") == HEAD
            insert = "INSERT INTO tasks (user_id, title) VALUES ('ada', 't') RETURNING id"
            assert await connection.fetchval(insert) == 501
    assert names(tmp_path) == ["dump"]


async def test_what_a_newer_server_notes_at_columns_is_not_restored_as_an_option(
    source: DatabaseURL, create_database: CreateDatabase, environment: Environment
) -> None:
    options = "SELECT DISTINCT attoptions FROM pg_attribute WHERE attrelid = 'tasks'::regclass"
    note = "UPDATE pg_attribute SET attoptions = %s WHERE attrelid = '%s'::regclass AND attnum > 0"
    await execute(source, note % ("'{n_distinct=5,pg_attver=26490448}'", "tasks"))
    await execute(source, note % ("'{pg_attver=26490448}'", "session"))
    await dump("dump", force=False)
    target = DatabaseURL.parse(await create_database())
    use(environment, target)
    assert (await restore("dump", replace=False)).startswith("2 users and 500 tasks are")
    async with connected(target) as connection:
        assert "n_distinct=5" in await connection.fetchval(f"{options} AND attname = 'title'")


async def test_tables_and_columns_of_other_programs_in_the_schema_are_included_and_others_named(
    source: DatabaseURL, create_database: CreateDatabase, environment: Environment
) -> None:
    await execute(
        source,
        """
        ALTER TABLE "user" ADD COLUMN "twoFactorEnabled" boolean DEFAULT false;
        CREATE TABLE "two Factor" (id text PRIMARY KEY, "userId" text REFERENCES "user" (id));
        INSERT INTO "two Factor" VALUES ('1', 'ada');
        CREATE VIEW names AS SELECT name FROM "user";
        CREATE SCHEMA elsewhere CREATE TABLE notes (id int);
        """,
    )
    assert (await dump("dump", force=False)).endswith(" tables in other schemas: elsewhere.")
    target = DatabaseURL.parse(await create_database())
    use(environment, target)
    await restore("dump", replace=False)
    async with connected(target) as connection:
        assert await connection.fetchval('SELECT "userId" FROM "two Factor"') == "ada"
        assert await connection.fetchval('SELECT bool_or("twoFactorEnabled") FROM "user"') is False
        assert await connection.fetchval("SELECT count(*) FROM names") == 2
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await connection.execute("INSERT INTO \"two Factor\" VALUES ('2', 'nobody')")


@pytest.mark.long
async def test_standard_output_and_input_are_a_pipe_between_two_databases(
    source: DatabaseURL, create_database: CreateDatabase, tmp_path: Path
) -> None:
    target = await create_database()
    piped = pipe(tmp_path, url_text(source), target)
    assert piped.stdout == ""
    assert "2 users and 500 tasks are in standard output." in piped.stderr
    assert "2 users and 500 tasks are restored to" in piped.stderr
    assert await fingerprint(DatabaseURL.parse(target)) == await fingerprint(source)


def pipe(directory: Path, source: str, target: str) -> subprocess.CompletedProcess[str]:
    program = f"{sys.executable} -m taskward"
    variables = {**auth_settings(""), "FROM": source, "TO": target, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        f'DATABASE_URL="$FROM" {program} dump - | DATABASE_URL="$TO" {program} restore -',
        shell=True,
        cwd=directory,
        env=clean_environment(variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# What is refused


async def test_an_existing_file_stays_unless_forced_and_is_then_replaced_by_a_whole_one(
    source: DatabaseURL, create_database: CreateDatabase, environment: Environment
) -> None:
    write("dump", b"mine")
    with pytest.raises(SystemExit, match=r"dump exists already: .* --force"):
        await dump("dump", force=False)
    assert read("dump") == b"mine"
    use(environment, DatabaseURL.parse(await create_database()))
    with pytest.raises(SystemExit, match="has no tables yet"):
        await dump("dump", force=True)
    assert read("dump") == b"mine"
    use(environment, source)
    await dump("dump", force=True)
    assert read("dump").startswith(b"PGDMP")
    assert mode(Path("dump")) == 0o600
    assert names(Path.cwd()) == ["dump"]


async def test_what_cannot_be_a_new_file_is_refused(source: DatabaseURL, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("/dev/null", ".", "nowhere/dump", "link"):
        with pytest.raises(SystemExit, match=name):
            await dump(name, force=name != "link")
    assert names(Path.cwd()) == ["link"]


@pytest.mark.parametrize("held", ["users", "tasks"])
async def test_a_database_in_use_is_refused_and_lost_only_when_told_so(
    source: DatabaseURL,
    create_migrated_database: CreateDatabase,
    environment: Environment,
    held: str,
) -> None:
    await dump("dump", force=False)
    sql = {
        "users": """INSERT INTO "user" VALUES ('eve', 'Eve', 'eve@example.com', false)""",
        "tasks": "INSERT INTO tasks (user_id, title) VALUES ('eve', 'of a JWT elsewhere')",
    }
    target = await new_database(create_migrated_database, sql[held])
    before = await fingerprint(target)
    use(environment, target)
    with pytest.raises(SystemExit, match=r"is in use: .* --replace"):
        await restore("dump", replace=False)
    assert await fingerprint(target) == before
    await restore("dump", replace=True)
    assert await fingerprint(target) == await fingerprint(source)


async def test_what_depends_on_the_tables_is_not_lost_with_them(
    source: DatabaseURL, create_migrated_database: CreateDatabase, environment: Environment
) -> None:
    await dump("dump", force=False)
    target = await new_database(
        create_migrated_database, "CREATE VIEW mine AS SELECT id FROM tasks"
    )
    use(environment, target)
    with pytest.raises(SystemExit, match=r"Nothing was restored.* depend"):
        await restore("dump", replace=True)
    assert (await fingerprint(target)) == (None, None)


async def test_a_truncated_dump_changes_nothing(source: DatabaseURL) -> None:
    await dump("dump", force=False)
    whole, before = read("dump"), await fingerprint(source)
    for share in (0.0, 0.02, 0.3, 0.7, 0.95, 0.999):
        write("dump", whole[: int(len(whole) * share)])
        with pytest.raises(SystemExit, match=r"no dump of Taskward's|Nothing was rest") as caught:
            await restore("dump", replace=True)
        assert "pg_restore: error" in str(caught.value)
        assert "ada@example.com" not in str(caught.value)
        assert await fingerprint(source) == before


async def test_rows_that_a_database_swallows_are_missed(source: DatabaseURL) -> None:
    await dump("dump", force=False)
    await execute(
        source,
        """
        CREATE SCHEMA odd;
        CREATE FUNCTION odd.swallow() RETURNS trigger LANGUAGE plpgsql
            AS 'BEGIN RETURN NULL; END';
        CREATE FUNCTION odd.spoil() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN
            IF to_regclass('public.tasks') IS NOT NULL THEN
                CREATE OR REPLACE TRIGGER swallow BEFORE INSERT ON public.tasks
                FOR EACH ROW WHEN (new.id = 7) EXECUTE FUNCTION odd.swallow();
            END IF;
        END$$;
        CREATE EVENT TRIGGER spoil ON ddl_command_end WHEN TAG IN ('CREATE TABLE')
            EXECUTE FUNCTION odd.spoil();
        """,
    )
    before = await fingerprint(source)
    with pytest.raises(SystemExit, match=r"Nothing was restored.*another number of rows.*500"):
        await restore("dump", replace=True)
    assert await fingerprint(source) == before


async def test_dumps_of_others_and_of_newer_versions_are_refused(source: DatabaseURL) -> None:
    write("text", b"CREATE TABLE tasks ();")
    for name in ("text", "nowhere", "."):
        with pytest.raises(SystemExit, match=f"^{name}"):
            await restore(name, replace=True)
    await execute(source, "UPDATE alembic_version SET version_num = '9999'")
    await dump("newer", force=False)
    with pytest.raises(SystemExit, match=f"revision 9999, newer than this version's {HEAD}"):
        await restore("newer", replace=True)
    await execute(source, "DELETE FROM alembic_version")
    await dump("none", force=False)
    with pytest.raises(SystemExit, match="no dump of Taskward's"):
        await restore("none", replace=True)


async def test_a_role_that_sees_no_rows_dumps_nothing_instead_of_less(
    source: DatabaseURL, environment: Environment
) -> None:
    role = f"role_{secrets.token_hex(6)}"
    await execute(
        source,
        f"""
        CREATE ROLE {role} LOGIN PASSWORD 'x';
        GRANT ALL ON ALL TABLES IN SCHEMA public TO {role};
        ALTER TABLE tasks ENABLE ROW LEVEL SECURITY;
        """,
    )
    use(environment, replace(source, user=role, password="x"))
    with pytest.raises(SystemExit, match=r"does not see all rows .*NO FORCE ROW LEVEL SECURITY"):
        await dump("dump", force=False)
    assert names(Path.cwd()) == []
    await execute(source, f"DROP OWNED BY {role}; DROP ROLE {role}")


async def test_a_row_that_comes_at_the_last_moment_is_not_lost(
    source: DatabaseURL, create_migrated_database: CreateDatabase
) -> None:
    await dump("dump", force=False)
    target = await new_database(create_migrated_database, "SELECT")
    plan = await plan_for(target, "dump", "public", replace=False)
    await execute(target, "INSERT INTO tasks (user_id, title) VALUES ('eve', 'in between')")
    before = await fingerprint(target)
    async with environment_for(target) as variables:
        with pytest.raises(SystemExit, match="Nothing was restored"):
            await asyncio.to_thread(execute_plan, plan, variables)
    assert await fingerprint(target) == before
