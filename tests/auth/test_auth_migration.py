"""`migrate` of the auth package: it makes what Better Auth's own migration makes, to the name."""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from authward.migrate import MigrationError, index_name, migrate
from authward.plugins import username
from authward.plugins.oauth_provider.schema import TABLES as OAUTH_TABLES
from authward.schema import AuthSchema, DBField, DBTable, Reference
from authward.schema.fields import DBIndex
from authward.security.key_set import JWKS
from authward.timestamps import now
from taskward.database.url import DatabaseURL
from tests.conftest import CreateDatabase
from tests.support.auth_catalog import catalog
from tests.support.servers import JS, node

LEADER = Reference("user", on_delete="set null")
USER_FIELDS = {
    "nickname": DBField(type="string", required=False),
    "age": DBField(type="number", required=False, index=True),
    "followers": DBField(type="number", bigint=True, default_value=0),
    "isBot": DBField(type="boolean", default_value=False),
    "since": DBField(type="date", default_value=now),
    "born": DBField(type="date", required=False, field_name="born_on"),
    "settings": DBField(type="json", required=False),
    "tags": DBField(type="string[]", required=False),
    "marks": DBField(type="number[]", required=False),
    "plan": DBField(type=("free", "paid"), required=False),
    "motto": DBField(type="string", default_value='it\'s "quoted"'),
    "handle": DBField(type="string", required=False, unique=True),
    "leader": DBField(
        type="string", required=False, references=Reference("user", on_delete="set null")
    ),
}
SESSION_FIELDS = {"device": DBField(type="string", required=False, field_name="device_name")}
OWN = {
    "team": DBTable(
        name="own_team",
        fields={
            "name": DBField(type="string", unique=True),
            "ownerId": DBField(type="string", references=Reference("user"), index=True),
            "size": DBField(type="number"),
        },
        indexes=(
            DBIndex(fields=("ownerId", "size")),
            DBIndex(fields=("name", "ownerId"), unique=True, name="team_names"),
        ),
    ),
    "user": DBTable(fields={"teamId": DBField(type="string", required=False)}),
}


def in_their_words(name: str, field: DBField) -> dict[str, Any]:
    default = "<now>" if callable(field.default_value) else field.default_value
    reference = field.references
    theirs = {
        "type": list(field.type) if isinstance(field.type, tuple) else field.type,
        "required": field.required,
        "defaultValue": default,
        "fieldName": field.field_name,
        "unique": field.unique or None,
        "index": field.index or None,
        "bigint": field.bigint or None,
        "references": reference
        and {"model": reference.model, "field": reference.field, "onDelete": reference.on_delete},
    }
    return {key: value for key, value in theirs.items() if value is not None}


def fields_in_their_words(fields: Any) -> dict[str, Any]:
    return {name: in_their_words(name, field) for name, field in fields.items()}


def table_in_their_words(table: DBTable) -> dict[str, Any]:
    indexes = [
        {"fields": list(i.fields), "unique": i.unique, **({"name": i.name} if i.name else {})}
        for i in table.indexes
    ]
    return {
        "fields": fields_in_their_words(table.fields),
        **({"modelName": table.name} if table.name else {}),
        "indexes": indexes,
    }


class Case:
    """The same fields for both."""

    def __init__(self, *, additional: bool = False, own: bool = False) -> None:
        fields = {"user": USER_FIELDS, "session": SESSION_FIELDS} if additional else {}
        ours = {"jwt": {"jwks": JWKS}, "oauth-provider": OAUTH_TABLES, "own": OWN}
        plugins = {"username": username().schema, **ours} if own else {}
        self.schema = AuthSchema(plugins, fields)
        self.options: dict[str, Any] = {"rateLimit": {"storage": "database"}}
        for model, of in fields.items():
            self.options[model] = {"additionalFields": fields_in_their_words(of)}
        if own:
            self.options["username"] = {}
            self.options["mcp"] = {
                "loginPage": "/sign-in",
                "consentPage": "/consent",
                "resource": "https://resource.example/mcp",
            }
            self.options["own"] = {name: table_in_their_words(t) for name, t in OWN.items()}


CORE = Case()
ALL = Case(additional=True, own=True)
Jobs = Sequence[tuple[str, Case]]


async def migrate_theirs(jobs: Jobs) -> None:
    """Let the original migrate these databases, one after the other."""
    described = [{"url": url, "options": case.options} for url, case in jobs]
    run = await asyncio.to_thread(
        subprocess.run,
        [node(), "original-migration.mjs"],
        cwd=JS,
        env={**os.environ, "JOBS": json.dumps(described)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


@dataclass
class Theirs:
    """Databases that the original has made: the core, all at once, and all after the core."""

    core: str
    everything: str
    one_after_the_other: str
    to_be_continued: str


@pytest.fixture(scope="module")
async def theirs(create_database: CreateDatabase) -> Theirs:
    made = Theirs(*[await create_database() for _ in range(4)])
    later = made.one_after_the_other
    cores = [(url, CORE) for url in (made.core, later, made.to_be_continued)]
    await migrate_theirs([*cores, (made.everything, ALL), (later, ALL)])
    return made


@pytest.fixture
async def url(create_database: CreateDatabase) -> str:
    return await create_database()


@asynccontextmanager
async def pool_of(url: str) -> AsyncIterator[asyncpg.Pool]:
    arguments = DatabaseURL.parse(url).connect_arguments()
    async with asyncpg.create_pool(**arguments, min_size=1, max_size=8) as pool:
        yield pool


@pytest.fixture
async def pool(url: str) -> AsyncIterator[asyncpg.Pool]:
    async with pool_of(url) as pool:
        yield pool


async def test_a_new_database_is_the_one_that_the_original_makes(
    url: str, pool: asyncpg.Pool, theirs: Theirs
) -> None:
    await migrate(pool, ALL.schema)
    assert await catalog(url) == await catalog(theirs.everything)


async def test_what_is_missing_is_added_as_the_original_adds_it(
    url: str, pool: asyncpg.Pool, theirs: Theirs
) -> None:
    await migrate(pool, CORE.schema)
    assert await catalog(url) == await catalog(theirs.core)
    await migrate(pool, ALL.schema)
    assert await catalog(url) == await catalog(theirs.one_after_the_other)


async def test_the_original_may_come_first(theirs: Theirs) -> None:
    async with pool_of(theirs.to_be_continued) as pool:
        await migrate(pool, ALL.schema)
    assert await catalog(theirs.to_be_continued) == await catalog(theirs.one_after_the_other)


async def test_rows_that_are_there_get_the_defaults(url: str, pool: asyncpg.Pool) -> None:
    await migrate(pool, CORE.schema)
    await pool.execute(
        """INSERT INTO "user" (id, name, email, "emailVerified") VALUES ('1', 'n', 'e', true)"""
    )
    await migrate(pool, ALL.schema)
    row = await pool.fetchrow('SELECT followers, "isBot", motto, since FROM "user"')
    assert row is not None
    assert tuple(row)[:3] == (0, False, 'it\'s "quoted"')
    assert row["since"] is not None


async def test_the_second_run_changes_nothing(url: str, pool: asyncpg.Pool) -> None:
    assert len(await migrate(pool, ALL.schema)) > 5
    before = await catalog(url)
    assert await migrate(pool, ALL.schema) == []
    assert await catalog(url) == before


async def test_the_original_finds_nothing_to_do_after_ours(url: str, pool: asyncpg.Pool) -> None:
    await migrate(pool, ALL.schema)
    before = await catalog(url)
    await migrate_theirs([(url, ALL)])
    assert await catalog(url) == before


async def test_eight_that_migrate_at_once_make_one_database(url: str, pool: asyncpg.Pool) -> None:
    done = await asyncio.gather(*(migrate(pool, ALL.schema) for _ in range(8)))
    assert sum(statements != [] for statements in done) == 1


async def test_a_required_column_without_default_is_refused_where_rows_are(
    url: str, pool: asyncpg.Pool
) -> None:
    await migrate(pool, CORE.schema)
    await pool.execute(
        """INSERT INTO "user" (id, name, email, "emailVerified") VALUES ('1', 'n', 'e', true)"""
    )
    before = await catalog(url)
    fields = {"nickname": DBField(type="string", required=False), "code": DBField(type="string")}
    with pytest.raises(MigrationError, match=r"'user' has rows, so the required column 'code'"):
        await migrate(pool, AuthSchema({}, {"user": fields}))
    assert await catalog(url) == before


async def test_an_index_of_the_same_name_that_is_another_one_is_refused(pool: asyncpg.Pool) -> None:
    await pool.execute("CREATE TABLE other (id text); CREATE INDEX team_names ON other (id)")
    with pytest.raises(MigrationError, match=r"index 'team_names' of 'other'"):
        await migrate(pool, ALL.schema)


def test_too_long_a_name_of_an_index_ends_in_a_hash_as_the_originals_does() -> None:
    name = index_name("t" * 40, ["c" * 40], unique=True)
    script = f"""
        import {{ getDatabaseFieldIndexName as name }} from "@better-auth/core/db/internal";
        console.log(name("{"t" * 40}", "{"c" * 40}", true));
    """
    run = subprocess.run(
        [node(), "--input-type=module", "--eval", script],
        cwd=JS,
        capture_output=True,
        text=True,
        check=True,
    )
    assert name == run.stdout.strip()
    assert len(name) == 63
