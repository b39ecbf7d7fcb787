"""The tables as the original's own migration makes them, and as other tools do."""

from pathlib import Path

import taskward.tasks.schemas  # noqa: F401

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


MADE_BY_OTHERS: dict[str, dict[str, object]] = {
    "prisma": {"better_auth_tables": "prisma"},
    "prisma-uuid": {"better_auth_tables": "prisma", "better_auth_generate_id": "uuid"},
    "prisma-serial": {"better_auth_tables": "prisma", "better_auth_generate_id": "serial"},
    "drizzle": {"better_auth_tables": "drizzle"},
    "drizzle-uuid": {"better_auth_tables": "drizzle", "better_auth_generate_id": "uuid"},
    "drizzle-serial": {"better_auth_tables": "drizzle", "better_auth_generate_id": "serial"},
}
"""The settings for each file of `foreign_tables/`."""
IN_NEPAL = """; DO $$ BEGIN EXECUTE format(
    'ALTER DATABASE %I SET timezone = ''Asia/Kathmandu''', current_database()); END $$"""


def made_by(tool: str) -> str:
    """The statements with which Prisma or Drizzle makes the tables: a file of `foreign_tables/`."""
    return (Path(__file__).parent / "foreign_tables" / f"{tool}.sql").read_text()
