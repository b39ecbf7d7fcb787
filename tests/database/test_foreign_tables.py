"""Tables that another tool made, or somebody changed: they work, or the start says why not."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from taskward.app import create_app
from taskward.cli.doctor import examine
from taskward.cli.findings import Finding, Severity
from taskward.database.url import DatabaseURL
from taskward.migrations import current_revision, migrate
from taskward.migrations.table_check import check, find_tables
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase, new_email, settings_for, url_text
from tests.database.better_auth_tables import BETTER_AUTH_DDL, made_by
from tests.support.databases import connected
from tests.support.factories import running_on


def with_ids(ddl: str, own: str, foreign: str) -> str:
    ddl = ddl.replace('"id" text not null primary key', f'"id" {own} not null primary key')
    return ddl.replace('"userId" text', f'"userId" {foreign}')


FOREIGN = {
    "Prisma": (
        made_by("prisma"),
        (
            'table "user", column "createdAt" is timestamp(3) without time zone, '
            "not timestamp with time zone"
        ),
    ),
    "Drizzle": (made_by("drizzle"), 'table "user" has no column "emailVerified"'),
    "uuid": (
        with_ids(BETTER_AUTH_DDL, "uuid default gen_random_uuid()", "uuid"),
        'table "user", column "id" is uuid, not text',
    ),
    "serial": (
        with_ids(BETTER_AUTH_DDL, "serial", "integer"),
        'table "user", column "id" is integer, not text',
    ),
    "another program's tasks": (
        "CREATE TABLE tasks (id serial PRIMARY KEY, name text)",
        'table "tasks" is there already, and another program has made it',
    ),
}
CHANGES = {
    "required column": (
        'ALTER TABLE "user" ADD "tenantId" text NOT NULL',
        'table "user", column "tenantId" is required, has no default',
    ),
    "required by its domain": (
        "CREATE DOMAIN tenant AS text NOT NULL; ALTER TABLE session ADD tenant tenant",
        'table "session", column "tenant" is required',
    ),
    "column of tasks": (
        "ALTER TABLE tasks ADD priority int NOT NULL",
        'table "tasks", column "priority" is required',
    ),
    "column gone": ("ALTER TABLE tasks DROP description", 'no column "description"'),
    "column renamed": (
        'ALTER TABLE session RENAME "userId" TO user_id',
        'table "session" has no column "userId" (its "user_id" would have to be named so)',
    ),
    "table gone": ("DROP TABLE idempotency_keys", 'there is no table "idempotency_keys"'),
    "no zone": (
        'ALTER TABLE session ALTER "expiresAt" TYPE timestamp',
        (
            "is timestamp without time zone, not timestamp with time zone "
            '(ALTER TABLE "session" ALTER "expiresAt" TYPE timestamptz'
        ),
    ),
    "no zone by a domain": (
        (
            "CREATE DOMAIN moment AS timestamp; "
            'ALTER TABLE session ALTER "expiresAt" TYPE moment USING "expiresAt"::timestamp'
        ),
        'column "expiresAt" is moment, not timestamp with time zone',
    ),
    "whole seconds": (
        "ALTER TABLE tasks ALTER updated_at TYPE timestamptz(0)",
        'column "updated_at" is timestamp(0) with time zone',
    ),
    "too short": (
        "ALTER TABLE account ALTER password TYPE varchar(100)",
        'column "password" is character varying(100), not text',
    ),
    "shorter title": (
        "ALTER TABLE tasks ALTER title TYPE varchar(80)",
        'column "title" is character varying(80), not varchar(200)',
    ),
    "short by a domain": (
        (
            "CREATE DOMAIN short AS varchar(20); CREATE DOMAIN shorter AS short; "
            "ALTER TABLE session ALTER token TYPE shorter"
        ),
        'column "token" is shorter, not text',
    ),
    "padded": ('ALTER TABLE "user" ALTER name TYPE char(40)', "is character(40), not text"),
    "number for a boolean": (
        'ALTER TABLE "user" ALTER "emailVerified" TYPE int USING 0',
        'column "emailVerified" is integer, not boolean',
    ),
    "small number": (
        'ALTER TABLE "rateLimit" ALTER "lastRequest" TYPE int',
        'column "lastRequest" is integer, not bigint',
    ),
    "enumeration": (
        (
            "CREATE TYPE provider AS ENUM ('credential'); "
            "ALTER TABLE account ALTER \"providerId\" TYPE provider USING 'credential'"
        ),
        'column "providerId" is provider, not text',
    ),
    "must not be NULL": (
        'ALTER TABLE "user" ALTER image SET NOT NULL',
        'table "user", column "image" is NOT NULL, and must allow it',
    ),
    "may be NULL": (
        'ALTER TABLE "user" ALTER name DROP NOT NULL',
        'table "user", column "name" allows NULL, and must not',
    ),
    "generated": (
        (
            'ALTER TABLE "user" DROP image, '
            "ADD image text GENERATED ALWAYS AS ('https://x.example/' || id) STORED"
        ),
        'table "user", column "image" is generated',
    ),
    "no number for a task": (
        "ALTER TABLE tasks ALTER id DROP IDENTITY",
        'table "tasks", column "id" has lost its default',
    ),
    "two may have one address": (
        'ALTER TABLE "user" DROP CONSTRAINT user_email_key',
        'table "user" lacks a unique index on "email" (CREATE UNIQUE INDEX',
    ),
    "two may have one token": (
        (
            "ALTER TABLE session DROP CONSTRAINT session_token_key; "
            "CREATE UNIQUE INDEX ON session (token) WHERE token <> ''"
        ),
        'table "session" lacks a unique index on "token"',
    ),
    "unique with something else": (
        'ALTER TABLE "user" DROP CONSTRAINT user_email_key, ADD UNIQUE (email, name)',
        'table "user" lacks a unique index on "email"',
    ),
    "unique in the end only": (
        (
            "ALTER TABLE session DROP CONSTRAINT session_token_key, "
            "ADD UNIQUE (token) DEFERRABLE INITIALLY DEFERRED"
        ),
        'table "session" lacks a unique index on "token"',
    ),
    "no key for keys": (
        "ALTER TABLE idempotency_keys DROP CONSTRAINT idempotency_keys_pkey",
        'lacks a unique index on "user_id", "key"',
    ),
    "sessions without a user": (
        'ALTER TABLE session DROP CONSTRAINT "session_userId_fkey"',
        'column "userId" does not have REFERENCES "user" ("id") ON DELETE CASCADE',
    ),
    "users who cannot be deleted": (
        (
            'ALTER TABLE account DROP CONSTRAINT "account_userId_fkey", '
            'ADD FOREIGN KEY ("userId") REFERENCES "user" (id)'
        ),
        'table "account", column "userId" does not have REFERENCES',
    ),
    "view": (
        (
            "ALTER TABLE verification RENAME TO verifications; "
            "CREATE VIEW verification AS SELECT * FROM verifications"
        ),
        '"verification" is a view or the like',
    ),
}
HARMLESS = {
    "columns of plugins": (
        'ALTER TABLE "user" ADD role text, ADD banned boolean NOT NULL DEFAULT false, '
        "ADD number serial, ADD upper text GENERATED ALWAYS AS (upper(name)) STORED, "
        "ADD seat int GENERATED ALWAYS AS IDENTITY; CREATE DOMAIN plan AS text NOT NULL "
        "DEFAULT 'free'; ALTER TABLE \"user\" ADD plan plan"
    ),
    "varchar": (
        'ALTER TABLE "user" ALTER name TYPE varchar(255), ALTER email TYPE varchar; '
        'ALTER TABLE session ALTER token TYPE varchar(255), ALTER "userAgent" TYPE varchar(1000)'
    ),
    "domains": (
        "CREATE DOMAIN words AS text CHECK (value <> 'x'); CREATE DOMAIN moment AS timestamptz(3);"
        'ALTER TABLE "user" ALTER name TYPE words, ALTER "createdAt" TYPE moment;'
        "ALTER TABLE tasks ALTER created_at TYPE moment, ALTER title TYPE text"
    ),
    "citext": 'CREATE EXTENSION citext; ALTER TABLE "user" ALTER email TYPE citext',
    "larger numbers": 'ALTER TABLE "rateLimit" ALTER count TYPE bigint',
    "unique by an index": (
        'ALTER TABLE "user" DROP CONSTRAINT user_email_key; '
        'CREATE UNIQUE INDEX ON "user" (email) INCLUDE (name)'
    ),
    "other columns were there": (
        'ALTER TABLE "user" ADD gone text NOT NULL; ALTER TABLE "user" DROP gone'
    ),
}


async def refusal(url: DatabaseURL, **settings: object) -> str:
    """Start the app, which must end in one sentence, and return that."""
    app = create_app(settings_for(url_text(url), **settings))
    with pytest.raises(SystemExit) as caught:
        async with app.router.lifespan_context(app):
            pass
    message = str(caught.value)
    assert message.startswith("Taskward cannot use the database ")
    assert "\n" not in message
    assert len(message) < 1500
    return message


async def diagnosis(url: DatabaseURL, **settings: object) -> Finding:
    findings = examine(settings_for(url_text(url), **settings))
    return {finding.subject: finding async for finding in findings}["tables"]


async def execute(url: DatabaseURL, sql: str) -> None:
    async with connected(url) as connection:
        await connection.execute(sql)


@pytest.fixture
async def empty(create_database: CreateDatabase) -> DatabaseURL:
    return DatabaseURL.parse(await create_database())


@pytest.fixture
async def url(create_migrated_database: CreateDatabase) -> DatabaseURL:
    """A database with our tables, which a test may change."""
    return DatabaseURL.parse(await create_migrated_database())


@pytest.mark.parametrize(("ddl", "message"), FOREIGN.values(), ids=FOREIGN)
async def test_tables_of_another_tool_are_refused_by_name_and_left_alone(
    empty: DatabaseURL, ddl: str, message: str
) -> None:
    await execute(empty, ddl)
    assert message in await refusal(empty)
    found = await diagnosis(empty)
    assert found.severity is Severity.ERROR
    assert message in found.message
    assert await current_revision(empty.connect_arguments()) is None


@pytest.mark.parametrize(("change", "message"), CHANGES.values(), ids=CHANGES)
async def test_tables_that_the_statements_do_not_fit_are_refused_by_name_at_every_start(
    url: DatabaseURL, change: str, message: str
) -> None:
    await execute(url, change)
    for migrates in (True, False):
        assert message in await refusal(url, migrate_on_start=migrates)
    found = await diagnosis(url)
    assert found.severity is Severity.ERROR
    assert message in found.message


async def lead_a_life(app: FastAPI) -> None:
    """Sign up, use everything that writes, and go."""
    transport, headers = httpx.ASGITransport(app), {"origin": BASE_URL}
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=headers) as client:
        body = {"email": new_email().upper(), "password": PASSWORD, "name": "Ada"}
        for path in ("sign-up/email", "sign-in/email"):
            signed_in = await client.post(f"/api/auth/{path}", json=body)
            assert signed_in.status_code == 200, signed_in.text
        bearer = {"Authorization": f"Bearer {signed_in.headers['set-auth-jwt']}"}
        for more in ({}, {"Idempotency-Key": "k"}):
            created = await client.post("/api/tasks", json={"title": "t"}, headers=bearer | more)
            assert created.status_code == 201, created.text
        assert (await client.post("/api/auth/update-user", json={"name": "B"})).status_code == 200
        session = (await client.get("/api/auth/get-session")).json()
        assert session["user"]["email"] == body["email"].lower()
        gone = await client.post("/api/auth/delete-user", json={"password": PASSWORD})
        assert gone.status_code == 200, gone.text


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
async def test_differences_that_no_statement_sees_are_accepted_and_work(
    url: DatabaseURL, change: str
) -> None:
    await execute(url, change)
    async with running_on(url_text(url), rate_limit_enabled=True) as app:
        await lead_a_life(app)
    assert (await diagnosis(url)).severity is Severity.OK


async def test_two_problems_are_named_in_one_go_and_many_are_counted(url: DatabaseURL) -> None:
    await execute(url, 'ALTER TABLE "user" ADD a int NOT NULL; ALTER TABLE tasks DROP title')
    message = await refusal(url)
    assert 'column "a" is required' in message
    assert 'no column "title"' in message
    more = ", ".join(f"ADD column_{n} int NOT NULL" for n in range(100))
    await execute(url, f'ALTER TABLE "user" {more}')
    assert "and 98 more of this kind" in await refusal(url)


async def test_the_remedies_are_statements_that_remedy(empty: DatabaseURL) -> None:
    """Prisma's tables become ours by what is proposed, said at one start after the other."""
    await execute(empty, FOREIGN["Prisma"][0])
    for _ in range(20):
        found = await diagnosis(empty)
        if found.severity is not Severity.ERROR:
            break
        proposed = re.findall(r"\((ALTER TABLE .*?)\)(?:;|$)", found.message)
        assert proposed, found.message
        await execute(empty, "; ".join(proposed))
    async with running_on(url_text(empty)) as app:
        await lead_a_life(app)


@pytest.fixture
async def in_a_schema(empty: DatabaseURL) -> AsyncIterator[DatabaseURL]:
    """A role with a schema of its own; in `public` there are other tables of the same names."""
    await execute(empty, made_by("drizzle") + "CREATE TABLE tasks (id int)")
    role = f"role_{empty.database}"
    await execute(
        empty,
        f"CREATE ROLE {role} LOGIN PASSWORD 'p' IN ROLE pg_read_all_data;"
        f"CREATE SCHEMA ours AUTHORIZATION {role};"
        f"ALTER ROLE {role} SET search_path = ours, public",
    )
    yield replace(empty, user=role, password="p")
    await execute(empty, f"DROP OWNED BY {role}; DROP ROLE {role}")


async def test_tables_of_the_same_names_in_another_schema_are_not_ours(
    in_a_schema: DatabaseURL,
) -> None:
    assert (await diagnosis(in_a_schema)).severity is Severity.WARNING
    async with running_on(url_text(in_a_schema)) as app:
        await lead_a_life(app)
    assert (await diagnosis(in_a_schema)).severity is Severity.OK
    await execute(in_a_schema, "ALTER TABLE session RENAME TO former_session")
    assert 'table "session" has no column "expiresAt"' in await refusal(in_a_schema)


async def test_a_role_without_the_right_to_write_is_refused(url: DatabaseURL) -> None:
    role = f"role_{url.database}"
    await execute(
        url, f"CREATE ROLE {role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
    )
    message = await refusal(replace(url, user=role))
    assert "may not be used for INSERT, UPDATE, DELETE by this role" in message
    await execute(url, f"DROP OWNED BY {role}; DROP ROLE {role}")


async def test_each_worker_asks_one_statement(url: DatabaseURL) -> None:
    asked: list[str] = []
    async with connected(url) as connection:
        connection.add_query_logger(lambda record: asked.append(record.query))
        await check(connection)
    assert asked == [find_tables()]


async def test_tables_of_another_role_are_refused_before_the_first_migration_fails(
    empty: DatabaseURL,
) -> None:
    role = f"role_{empty.database}"
    await execute(
        empty,
        f"{BETTER_AUTH_DDL} CREATE ROLE {role} LOGIN; GRANT ALL ON SCHEMA public TO {role};"
        f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}",
    )
    message = await refusal(replace(empty, user=role))
    assert 'table "user" belongs to ' in message
    await execute(empty, f"DROP OWNED BY {role}; DROP ROLE {role}")


async def test_a_migration_that_fails_is_one_sentence_without_sql(empty: DatabaseURL) -> None:
    await execute(empty, "CREATE TYPE tasks AS ENUM ('a')")
    message = await refusal(empty)
    assert 'type "tasks" already exists; HINT: ' in message
    assert "CREATE TABLE" not in message
    with pytest.raises(asyncpg.DuplicateObjectError):
        await migrate(empty.connect_arguments())
