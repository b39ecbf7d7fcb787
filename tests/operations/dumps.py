"""Databases that are dumped and restored, and files beside them."""

from pathlib import Path

import pytest

from taskward.database.url import DatabaseURL
from tests.conftest import CreateDatabase, url_text
from tests.operations.commands import Environment
from tests.support.databases import connected
from tests.support.servers import auth_settings

ROWS = """
INSERT INTO "user" (id, name, email, "emailVerified", image) VALUES
    ('ada', 'Ada', 'ada@example.com', true, repeat('data:image/png;base64,', 100000)),
    ('bob', E'B\\nob\\t\\\\.', 'bob@example.com', false, NULL);
INSERT INTO tasks (user_id, title, description)
    SELECT CASE n % 2 WHEN 0 THEN 'ada' ELSE 'bob' END, 'Task ' || n,
           E'\\\\.\\nCOPY x (y) FROM stdin;'
    FROM generate_series(1, 500) AS n;
"""


FINGERPRINT = """
SELECT (SELECT string_agg(u::text, '|' ORDER BY id) FROM "user" u) AS users,
       (SELECT md5(string_agg(t::text, '|' ORDER BY id)) FROM tasks t) AS tasks
"""


async def new_database(create_migrated_database: CreateDatabase, sql: str = ROWS) -> DatabaseURL:
    """A database with tables, and rows."""
    url = DatabaseURL.parse(await create_migrated_database())
    await execute(url, sql)
    return url


async def execute(url: DatabaseURL, sql: str) -> None:
    async with connected(url) as connection:
        await connection.execute(sql)


async def fingerprint(url: DatabaseURL) -> tuple[object, ...]:
    async with connected(url) as connection:
        return tuple(await connection.fetchrow(FINGERPRINT) or ())


def write(name: str, content: bytes) -> None:
    Path(name).write_bytes(content)


def read(name: str) -> bytes:
    return Path(name).read_bytes()


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def use(environment: Environment, url: DatabaseURL) -> None:
    text = url_text(url)
    more = f"&sslrootcert={url.sslrootcert}" if url.sslrootcert else ""
    environment(auth_settings(text + more))


@pytest.fixture
async def source(create_migrated_database: CreateDatabase, environment: Environment) -> DatabaseURL:
    """A database with users and tasks, to which DATABASE_URL leads."""
    url = await new_database(create_migrated_database)
    use(environment, url)
    return url
