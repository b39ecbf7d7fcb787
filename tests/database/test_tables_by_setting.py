"""Tables that Prisma and Drizzle made, with the setting that takes them as they are."""

from datetime import UTC, datetime

import asyncpg
import httpx
import pytest

from taskward.auth_plugins import added_schema
from taskward.cli.findings import Severity
from taskward.database.url import DatabaseURL
from taskward.migrations import migrate
from tests.conftest import BASE_URL, PASSWORD, new_email, settings_for, url_text
from tests.database.better_auth_tables import IN_NEPAL, MADE_BY_OTHERS, made_by
from tests.database.test_foreign_tables import (
    diagnosis,
    empty,
    execute,
    lead_a_life,
    refusal,
)
from tests.support.databases import connected
from tests.support.factories import running_on

__all__ = ["empty"]  # fixtures

LONG = pytest.mark.long
SHORT = ("prisma-uuid", "drizzle-serial")
EACH_OF_OTHERS = [
    pytest.param(name, marks=() if name in SHORT else LONG) for name in MADE_BY_OTHERS
]


def rate_limits(name: str) -> str:
    return "rate_limit" if name.startswith("drizzle") else '"rateLimit"'


async def columns(url: DatabaseURL) -> list[asyncpg.Record]:
    """The columns of the tables that are not Taskward's own."""
    query = """
        SELECT table_name, column_name, data_type, is_nullable, column_default
        FROM information_schema.columns WHERE table_schema = 'public'
            AND table_name NOT IN ('tasks', 'idempotency_keys', 'deleted_users', 'alembic_version')
        ORDER BY 1, ordinal_position
    """
    async with connected(url) as connection:
        rows: list[asyncpg.Record] = await connection.fetch(query)
        return rows


@pytest.mark.parametrize("name", EACH_OF_OTHERS)
async def test_tables_of_prisma_and_drizzle_work_by_a_setting_whatever_the_zone(
    empty: DatabaseURL, name: str
) -> None:
    settings = MADE_BY_OTHERS[name]
    await execute(empty, made_by(name) + IN_NEPAL)
    before = await columns(empty)
    for setting, value in settings.items():
        message = await refusal(empty, **{**settings, setting: None})
        assert f"{setting.upper()}={value}" in message
    async with running_on(url_text(empty), rate_limit_enabled=True, **settings) as app:
        await lead_a_life(app)
    known = {row["table_name"] for row in before}
    assert [row for row in await columns(empty) if row["table_name"] in known] == before
    async with connected(empty) as connection:
        assert await connection.fetchval(f"SELECT count(*) FROM {rate_limits(name)}")
    assert (await diagnosis(empty, **settings)).severity is Severity.OK


@pytest.mark.parametrize("name", ["prisma", pytest.param("drizzle-uuid", marks=LONG)])
async def test_times_without_a_zone_are_utc_in_the_rows(empty: DatabaseURL, name: str) -> None:
    await execute(empty, made_by(name) + IN_NEPAL)
    async with running_on(url_text(empty), **MADE_BY_OTHERS[name]) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
            body = {"email": new_email(), "password": PASSWORD, "name": "Ada"}
            shown = (await client.post("/api/auth/sign-up/email", json=body)).json()["user"]
    column = '"createdAt"' if name == "prisma" else "created_at"
    async with connected(empty) as connection:
        stored = await connection.fetchval(f'SELECT {column} FROM "user"')
    assert stored.isoformat(timespec="milliseconds") + "Z" == shown["createdAt"]
    assert abs((datetime.now(UTC) - stored.replace(tzinfo=UTC)).total_seconds()) < 60


@pytest.mark.parametrize("name", ["drizzle-uuid", pytest.param("prisma-serial", marks=LONG)])
async def test_plugins_keep_their_rows_in_tables_of_the_same_kind(
    empty: DatabaseURL, name: str
) -> None:
    chosen = ("username", "admin", "organization", "two-factor", "passkey")
    settings = MADE_BY_OTHERS[name] | {"better_auth_plugins": chosen}
    await execute(empty, made_by(name) + IN_NEPAL)
    async with running_on(url_text(empty), **settings) as app:
        transport, headers = httpx.ASGITransport(app), {"origin": BASE_URL}
        async with httpx.AsyncClient(
            transport=transport, base_url=f"{BASE_URL}/api/auth/", headers=headers
        ) as client:
            body = {"email": new_email(), "password": PASSWORD, "name": "Ada", "username": "ada"}
            assert (await client.post("sign-up/email", json=body)).status_code == 200
            made = await client.post("organization/create", json={"name": "X", "slug": "x"})
            assert made.status_code == 200, made.text
            [listed] = (await client.get("organization/list")).json()
            assert (listed["id"], listed["createdAt"]) == (
                made.json()["id"],
                made.json()["createdAt"],
            )
            assert (await client.get("passkey/list-user-passkeys")).json() == []
            enabled = await client.post("two-factor/enable", json={"password": PASSWORD})
            assert enabled.status_code == 200, enabled.text
            await execute(empty, "UPDATE \"user\" SET role = 'admin'")
            users = (await client.get("admin/list-users")).json()["users"]
            assert [each["username"] for each in users] == ["ada"]
            new = {"email": new_email(), "name": "Bob", "password": PASSWORD}
            created = await client.post("admin/create-user", json=new)
            assert created.status_code == 200, created.text
            for wrong in ("x", "1 or 1=1", created.json()["user"]["id"] + "0"):
                gone = await client.post("admin/ban-user", json={"userId": wrong})
                assert gone.status_code == 404, gone.text
            bob = {"userId": created.json()["user"]["id"], "banExpiresIn": 60}
            assert (await client.post("admin/ban-user", json=bob)).status_code == 200


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param("banned = true", "BANNED_USER", marks=LONG),
        pytest.param(
            "banned = true, ban_expires = now() AT TIME ZONE 'UTC' + interval '1 min'",
            "BANNED_USER",
            marks=LONG,
        ),
        ("banned = true, ban_expires = now() AT TIME ZONE 'UTC' - interval '1 min'", None),
        ("two_factor_enabled = true", "TWO_FACTOR_REQUIRED"),
    ],
)
async def test_bans_and_second_factors_hold_in_drizzles_tables(
    empty: DatabaseURL, change: str, code: str | None
) -> None:
    await execute(empty, made_by("drizzle-serial") + IN_NEPAL)
    async with running_on(url_text(empty), **MADE_BY_OTHERS["drizzle-serial"]) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
            body = {"email": new_email(), "password": PASSWORD, "name": "Ada"}
            await client.post("/api/auth/sign-up/email", json=body)
            await execute(empty, f'UPDATE "user" SET {change}')
            client.cookies.clear()
            answer = await client.post("/api/auth/sign-in/email", json=body)
    assert answer.json().get("code") == code, answer.text
    async with connected(empty) as connection:
        banned = await connection.fetchval('SELECT banned FROM "user"')
    assert banned is (change.startswith("banned") and code is not None)


@pytest.mark.parametrize("setting", ["prisma", "drizzle"])
async def test_the_wrong_setting_is_refused(empty: DatabaseURL, setting: str) -> None:
    other = {"prisma": "drizzle", "drizzle": "prisma"}[setting]
    await execute(empty, made_by(other))
    assert "has no column" in await refusal(empty, better_auth_tables=setting)


async def test_what_lacks_is_made_in_the_same_manner(empty: DatabaseURL) -> None:
    """Without tables, and later without one of them."""
    settings = MADE_BY_OTHERS["drizzle-uuid"]
    for _ in range(2):
        async with running_on(url_text(empty), rate_limit_enabled=True, **settings) as app:
            await lead_a_life(app)
        await execute(empty, "DROP TABLE rate_limit")


async def test_such_a_database_of_an_older_version_is_brought_up_to_date(
    empty: DatabaseURL,
) -> None:
    """What Taskward itself lacks is no fault of the tables that others have made."""
    settings = MADE_BY_OTHERS["drizzle-uuid"]
    await migrate(
        empty.connect_arguments(), added_schema(settings_for(url_text(empty), **settings))
    )
    await execute(
        empty,
        'DROP TRIGGER taskward_user_deleted ON "user"; DROP FUNCTION taskward_user_deleted;'
        "DROP TABLE deleted_users; UPDATE alembic_version SET version_num = '0002'",
    )
    async with running_on(url_text(empty), **settings) as app:
        await lead_a_life(app)
