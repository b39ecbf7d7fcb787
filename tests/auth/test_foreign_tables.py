"""Tables with other names and types, as a server of one's own has them: ids, lists, mistakes."""

import re
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from authward import BetterAuth, BetterAuthOptions, ConfigurationError, plugins
from authward.options import (
    AccountOptions,
    AdvancedOptions,
    DatabaseOptions,
    RateLimitOptions,
    SessionOptions,
    UserOptions,
)
from authward.plugins import username
from authward.plugins.oauth_provider.rows import CLIENTS
from authward.schema import DBField
from authward.schema.style import DRIZZLE, TableStyle
from authward.security.rate_counters import DatabaseCounter
from authward.security.rate_limit import Limit
from authward.storage.mapping import MappedPool
from authward.storage.statements import new_id
from authward.storage.where import Where
from taskward.database.url import DatabaseURL
from tests.conftest import BASE_URL, CreateDatabase

OPTIONS = BetterAuthOptions(secret="s" * 32, base_url=BASE_URL)
MOMENT = datetime(2026, 1, 8, 10, 30, 0, 123000, UTC)
ANY: Any = None


def ids(generate_id: Any, **more: Any) -> BetterAuthOptions:
    return replace(
        OPTIONS, advanced=AdvancedOptions(database=DatabaseOptions(generate_id=generate_id)), **more
    )


async def server(create_database: CreateDatabase, options: BetterAuthOptions) -> BetterAuth:
    """A server on a database of its own, with tables that it has made."""
    arguments = DatabaseURL.parse(await create_database()).connect_arguments()
    auth = BetterAuth(options, await asyncpg.create_pool(**arguments, min_size=0, max_size=2))
    await auth.migrate()
    assert await auth.migrate() == []
    return auth


async def a_user(auth: BetterAuth, **values: Any) -> dict[str, Any]:
    given = {"name": "Ada", "email": f"{uuid.uuid4().hex}@example.com", **values}
    return await auth.context.adapter.create(auth.pool, "user", given)


async def close(auth: BetterAuth) -> None:
    pool: Any = auth.pool
    await (pool.executor if isinstance(pool, MappedPool) else pool).close()


async def test_rows_are_the_same_whatever_the_tables_are(create_database: CreateDatabase) -> None:
    """Times, lists and ids come back as they were, and are found by each condition."""
    fields = {
        "favouriteTags": DBField(type="string[]", required=False),
        "marks": DBField(type="number[]", required=False),
        "lastSeen": DBField(type="date", required=False),
    }
    user = UserOptions(model_name="person", additional_fields=fields)
    style = replace(DRIZZLE, use_plural=True)
    auth = await server(create_database, ids("uuid", tables=style, user=user))
    adapter, pool = auth.context.adapter, auth.pool
    values = {"favouriteTags": ["a", 'b"c'], "marks": [1, 2], "lastSeen": MOMENT}
    row = await a_user(auth, **values)
    assert {name: row[name] for name in values} == values
    nobody = str(uuid.uuid4())
    conditions: list[Any] = [
        {"id": row["id"]},
        {"lastSeen": MOMENT},
        [Where("id", ["x", nobody, row["id"]], "in")],
        [Where("id", ["x", nobody], "not_in")],
        [Where("id", row["id"][:8], "starts_with")],
        [Where("lastSeen", [MOMENT], "in")],
        [Where("lastSeen", MOMENT, "lte"), Where("id", "x", "ne")],
    ]
    for where in conditions:
        assert await adapter.find_many(pool, "user", where) == [row], where
    for where in ({"id": "x"}, {"id": ""}, {"id": nobody}, [Where("id", ["x"], "in")]):
        assert await adapter.find_many(pool, "user", where) == []
    [changed] = await adapter.update(pool, "user", {"id": row["id"]}, {"favouriteTags": []})
    assert changed == row | {"favouriteTags": []}
    stored = await pool.fetchrow("SELECT favourite_tags, last_seen FROM persons")
    assert stored is not None
    assert tuple(stored) == ([], MOMENT.replace(tzinfo=None))
    await close(auth)


async def test_a_function_makes_the_ids_of_all_rows(create_database: CreateDatabase) -> None:
    asked: list[str] = []

    def generate(model: str) -> str:
        asked.append(model)
        return f"{model}-{len(asked)}"

    auth = await server(create_database, ids(generate))
    assert (await a_user(auth))["id"] == "user-1"
    assert await new_id(auth.pool, "session") == "session-2"
    await close(auth)


async def test_the_database_makes_ids_by_whatever_default_it_has(
    create_database: CreateDatabase,
) -> None:
    auth = await server(create_database, ids(generate_id=False))
    with pytest.raises(ConfigurationError, match="has no default"):
        await a_user(auth)
    await auth.pool.fetch("ALTER TABLE \"user\" ALTER id SET DEFAULT 'u' || gen_random_uuid()")
    assert re.fullmatch("u[0-9a-f-]{36}", (await a_user(auth))["id"])
    await close(auth)


async def test_ids_that_the_database_makes_may_be_uuids(create_database: CreateDatabase) -> None:
    auth = await server(create_database, ids(generate_id=False, tables=TableStyle(ids="uuid")))
    row = await a_user(auth)
    assert str(uuid.UUID(row["id"])) == row["id"]
    await close(auth)


async def test_a_counted_request_takes_no_id_of_the_database_in_vain(
    create_database: CreateDatabase,
) -> None:
    auth = await server(create_database, ids("serial"))
    counter = DatabaseCounter(auth.pool, longest_window=60)
    waits = [await counter.consume("k", Limit(window=10, max=3)) for _ in range(5)]
    assert [wait is None for wait in waits] == [True] * 3 + [False] * 2
    assert await new_id(auth.pool, "rateLimit") == "2"
    await close(auth)


async def test_tables_of_plugins_have_the_names_that_their_options_say(
    create_database: CreateDatabase,
) -> None:
    """Also where a plugin's statements are constants of its module."""
    keys = plugins.TableOptions(model_name="keys", fields={"publicKey": "shown"})
    clients = plugins.TableOptions(model_name="clients", fields={"clientId": "client"})
    chosen = (
        plugins.jwt(plugins.JwtOptions(jwks=plugins.JwksOptions(), schema={"jwks": keys})),
        plugins.oauth_provider(
            plugins.OAuthProviderOptions(
                login_page="/login", consent_page="/consent", schema={"oauthClient": clients}
            )
        ),
    )
    auth = await server(create_database, ids("uuid", plugins=chosen))
    assert auth.context.key_set is not None
    key = await auth.context.key_set.signing_key()
    row = {"clientId": "c", "redirectUris": ["https://a.example"], "createdAt": MOMENT}
    made = await CLIENTS.insert(auth.pool, row)
    found = await CLIENTS.find(auth.pool, clientId="c")
    assert found == made
    [stored] = await auth.pool.fetch("SELECT id::text, shown FROM keys")
    assert stored["id"] == key.kid
    assert [tuple(r) for r in await auth.pool.fetch("SELECT id::text, client FROM clients")] == [
        (made["id"], "c")
    ]
    await close(auth)


def test_a_plugin_whose_rows_are_its_own_takes_no_further_fields() -> None:
    more = plugins.TableOptions(additional_fields={"note": DBField(type="string")})
    with pytest.raises(ConfigurationError, match=re.escape("jwt: schema['jwks'] adds no fields")):
        plugins.jwt(plugins.JwtOptions(schema={"jwks": more}))


def test_a_server_with_better_auths_own_tables_has_no_mapping() -> None:
    assert BetterAuth(OPTIONS, ANY).pool is None
    assert isinstance(BetterAuth(replace(OPTIONS, tables="drizzle"), ANY).pool, MappedPool)


WRONG = {
    "tables is 'prisma' or 'drizzle'": {"tables": "kysely"},
    "tables.times is one of": {"tables": TableStyle(times=ANY)},
    "tables.snake_case is one of": {"tables": TableStyle(snake_case=ANY)},
    "who makes them?": {"tables": TableStyle(ids="integer")},
    "user.model_name is a text": {"user": UserOptions(model_name=ANY or 7)},  # type: ignore[arg-type]
    "session.fields are names": {"session": SessionOptions(fields=["x"])},  # type: ignore[arg-type]
    "user.fields has 'mail', which is no field": {"user": UserOptions(fields={"mail": "m"})},
    "have one table, 'user'": {"session": SessionOptions(model_name="user")},
    "has the same column as": {"user": UserOptions(fields={"name": "email"})},
    "needs a name of 1 to 63 bytes": {"account": AccountOptions(model_name="x" * 64)},
    "the name of a system column": {"rate_limit": RateLimitOptions(fields={"count": "xmin"})},
}


@pytest.mark.parametrize(("message", "options"), WRONG.items(), ids=WRONG)
def test_a_mistake_is_refused_by_name(message: str, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        BetterAuth(replace(OPTIONS, **options), ANY)


@pytest.mark.parametrize("wrong", ["cuid", True, 1, ""])
def test_ids_that_nobody_makes_are_refused(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="generate_id is 'uuid', 'serial'"):
        BetterAuth(ids(wrong), ANY)


def test_ids_of_two_kinds_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="'uuid' makes no ids of type 'text'"):
        BetterAuth(ids("uuid", tables=TableStyle(ids="text")), ANY)


def test_tables_of_plugins_follow_the_style() -> None:
    auth = BetterAuth(replace(OPTIONS, tables="drizzle", plugins=(username(),)), ANY)
    assert auth.context.schema.column("user", "displayUsername") == "display_username"
    assert auth.context.schema.column("user", "banExpires") == "ban_expires"
