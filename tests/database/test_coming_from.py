"""The statements of docs/coming-from.md, on the tables of those whom one comes from."""

import re
from collections.abc import Callable

import asyncpg
import httpx
from fastapi import FastAPI

from authward import BetterAuth, BetterAuthOptions
from authward.options import EmailAndPasswordOptions
from authward.password_options import PasswordOptions
from taskward.database.url import DatabaseURL
from tests.auth.test_own_passwords import IMPORTED, PASSWORD
from tests.conftest import BASE_URL, CreateDatabase
from tests.database.better_auth_tables import BETTER_AUTH_DDL
from tests.support.auth_options import UNLIMITED
from tests.support.databases import connected
from tests.support.servers import ROOT, SECRET

# As the documentation of each has them, as far as the statements know them.
AUTH_JS = """
CREATE TABLE users (id serial PRIMARY KEY, name varchar(255), email varchar(255),
    "emailVerified" timestamptz, image text);
CREATE TABLE accounts (id serial PRIMARY KEY, "userId" integer NOT NULL, type varchar(255) NOT NULL,
    provider varchar(255) NOT NULL, "providerAccountId" varchar(255) NOT NULL, refresh_token text,
    access_token text, expires_at bigint, id_token text, scope text, session_state text,
    token_type text);
INSERT INTO users (name, email, "emailVerified") VALUES ('Ada', 'Ada@x.example', now()),
    (NULL, 'bob@x.example', NULL), ('No address', NULL, NULL);
INSERT INTO accounts ("userId", type, provider, "providerAccountId", scope, expires_at)
    VALUES (1, 'oauth', 'github', '77', 'read:user user:email', 1767225600);
"""
BCRYPT, ARGON2 = (IMPORTED[name][1] for name in ("bcrypt", "argon2"))
SUPABASE = f"""
CREATE SCHEMA auth;
CREATE TABLE auth.users (id uuid PRIMARY KEY, email varchar(255), encrypted_password varchar(255),
    email_confirmed_at timestamptz, raw_user_meta_data jsonb, created_at timestamptz,
    updated_at timestamptz, deleted_at timestamptz);
CREATE TABLE auth.identities (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), provider_id text,
    user_id uuid, provider text, created_at timestamptz, updated_at timestamptz);
INSERT INTO auth.users VALUES
    ('00000000-0000-4000-8000-000000000001', 'Ada@x.example', '{BCRYPT}', now(),
     '{{"name": "Ada"}}', now(), now(), NULL),
    ('00000000-0000-4000-8000-000000000002', 'bob@x.example', '', NULL, '{{}}', now(), now(), NULL),
    ('00000000-0000-4000-8000-000000000003', 'gone@x.example', 'x', NULL, '{{}}', now(), now(),
     now());
INSERT INTO auth.identities (provider_id, user_id, provider, created_at, updated_at) VALUES
    ('77', '00000000-0000-4000-8000-000000000002', 'github', now(), now()),
    ('x', '00000000-0000-4000-8000-000000000001', 'email', now(), now());
"""
FASTAPI_USERS = f"""
CREATE TABLE "user" (id uuid PRIMARY KEY, email varchar(320) NOT NULL UNIQUE,
    hashed_password varchar(1024) NOT NULL, is_active boolean NOT NULL,
    is_superuser boolean NOT NULL, is_verified boolean NOT NULL);
INSERT INTO "user" VALUES
    ('00000000-0000-4000-8000-000000000001', 'Ada@x.example', '{ARGON2}',
     true, false, true),
    ('00000000-0000-4000-8000-000000000002', 'gone@x.example', '$2b$12$abc', false, false, false);
"""
USERS = 'SELECT name, email, "emailVerified" FROM "user" ORDER BY email'
ACCOUNTS = """
    SELECT email, "providerId", "accountId" = "user".id, password, scope
    FROM account JOIN "user" ON "user".id = "userId" ORDER BY email
"""


def statements(heading: str) -> list[str]:
    """The statements under a heading of the page."""
    page = (ROOT / "docs" / "coming-from.md").read_text()
    section = page.partition(f"### {heading}\n")[2].partition("\n###")[0]
    block = re.search("```sql\n(.*?)```", section, re.DOTALL)
    assert block is not None
    return [sql for sql in block[1].split(";") if sql.strip()]


async def moved(
    url: str, theirs: str, heading: str, *, first: int = 0
) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """Run them; `first` of them before our tables are made."""
    wanted = statements(heading)
    async with connected(DatabaseURL.parse(url)) as connection:
        for sql in (theirs, *wanted[:first], BETTER_AUTH_DDL, *wanted[first:]):
            await connection.execute(sql)
        users, accounts = [await connection.fetch(query) for query in (USERS, ACCOUNTS)]
        return [tuple(row) for row in users], [tuple(row) for row in accounts]


async def sign_in(url: str, email: str, verify: Callable[[str, str], bool]) -> int:
    """The status of a sign-in where the rows have been moved to."""
    passwords = EmailAndPasswordOptions(password=PasswordOptions(verify=verify))
    options = BetterAuthOptions(
        secret=SECRET, base_url=BASE_URL, rate_limit=UNLIMITED, email_and_password=passwords
    )
    arguments, app = DatabaseURL.parse(url).connect_arguments(), FastAPI()
    async with asyncpg.create_pool(**arguments, min_size=1, max_size=1) as pool:
        BetterAuth(options, pool).install(app)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
            body = {"email": email, "password": PASSWORD}
            return (await client.post("/api/auth/sign-in/email", json=body)).status_code


async def test_users_of_auth_js_keep_the_account_at_their_provider(
    create_database: CreateDatabase,
) -> None:
    assert await moved(await create_database(), AUTH_JS, "NextAuth / Auth.js") == (
        [("Ada", "ada@x.example", True), ("", "bob@x.example", False)],
        [("ada@x.example", "github", False, None, "read:user,user:email")],
    )


async def test_users_of_supabase_sign_in_with_their_password_and_keep_their_providers(
    create_database: CreateDatabase,
) -> None:
    url = await create_database()
    assert await moved(url, SUPABASE, "Supabase") == (
        [("Ada", "ada@x.example", True), ("bob", "bob@x.example", False)],
        [
            ("ada@x.example", "credential", True, BCRYPT, None),
            ("bob@x.example", "github", False, None, None),
        ],
    )
    assert await sign_in(url, "ada@x.example", IMPORTED["bcrypt"][0]) == 200
    assert await sign_in(url, "bob@x.example", IMPORTED["bcrypt"][0]) == 401


async def test_users_of_fastapi_users_sign_in_with_their_password(
    create_database: CreateDatabase,
) -> None:
    url = await create_database()
    assert await moved(url, FASTAPI_USERS, "fastapi-users", first=1) == (
        [("Ada", "ada@x.example", True)],
        [("ada@x.example", "credential", True, ARGON2, None)],
    )
    assert await sign_in(url, "ada@x.example", IMPORTED["argon2"][0]) == 200
