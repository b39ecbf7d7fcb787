"""Plugins' columns have the types that the statements are written for, or the start says so."""

import httpx
import pytest

from taskward.auth_plugins import added_schema
from taskward.cli.findings import Severity
from taskward.database.url import DatabaseURL
from taskward.migrations import migrate
from taskward.migrations.errors import MigrationError
from taskward.migrations.table_check import check
from taskward.settings import Settings
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase, new_email, settings_for, url_text
from tests.database.better_auth_tables import MADE_BY_OTHERS, made_by
from tests.database.test_foreign_tables import diagnosis, empty, execute, refusal
from tests.support.databases import connected
from tests.support.factories import running_on

__all__ = ["empty"]  # fixtures

CHOSEN = {
    "better_auth_plugins": (
        *("username", "admin", "organization", "two-factor", "passkey"),
        *("api-key", "device-authorization"),
    )
}
PRISMA = MADE_BY_OTHERS["prisma-uuid"] | CHOSEN
WRONG = {
    "a number for a boolean": (
        'passkey ALTER "backedUp" TYPE int USING 0',
        'table "passkey", column "backedUp" is integer, not boolean',
    ),
    "a text for a number": (
        "passkey ALTER counter TYPE text USING counter::text",
        'table "passkey", column "counter" is text, not integer',
    ),
    "too small a number": (
        'apikey ALTER "rateLimitMax" TYPE smallint',
        'table "apikey", column "rateLimitMax" is smallint, not integer',
    ),
    "JSON for a text": (
        "apikey ALTER permissions TYPE jsonb USING NULL",
        'table "apikey", column "permissions" is jsonb, not text',
    ),
    "bytes for a text": (
        "passkey ALTER \"publicKey\" TYPE bytea USING ''",
        'table "passkey", column "publicKey" is bytea, not text',
    ),
    "a zone where there is none": (
        '"twoFactor" ALTER "lockedUntil" TYPE timestamptz',
        (
            'table "twoFactor", column "lockedUntil" is timestamp with time zone, '
            "not timestamp without time zone"
        ),
    ),
    "a day for a time": (
        'invitation ALTER "expiresAt" TYPE date',
        'table "invitation", column "expiresAt" is date, not timestamp without time zone',
    ),
    "a text for an id": (
        'member DROP CONSTRAINT "member_userId_fkey", ALTER "userId" TYPE text',
        'table "member", column "userId" is text, not uuid',
    ),
    "another key": (
        "passkey ALTER id DROP DEFAULT, ALTER id TYPE text",
        'table "passkey", column "id" is text, not uuid',
    ),
    "too short": (
        "organization ALTER slug TYPE varchar(20)",
        'table "organization", column "slug" is character varying(20), not text',
    ),
    "a column of users": (
        "\"user\" ALTER banned TYPE text USING ''",
        'table "user", column "banned" is text, not boolean',
    ),
}
AS_GOOD = """
CREATE EXTENSION citext; CREATE DOMAIN words AS text CHECK (value <> 'x');
CREATE DOMAIN moment AS timestamp(6);
ALTER TABLE organization ALTER name TYPE words, ALTER slug TYPE citext;
ALTER TABLE organization ALTER "createdAt" TYPE moment;
ALTER TABLE invitation ALTER "expiresAt" TYPE timestamp, ALTER role TYPE varchar(255);
ALTER TABLE passkey ALTER counter TYPE bigint, ALTER "credentialID" TYPE varchar(1000);
ALTER TABLE apikey ALTER name TYPE varchar, ALTER remaining TYPE bigint;
ALTER TABLE apikey ALTER key TYPE varchar(255);
ALTER TABLE "deviceCode" ALTER "pollingInterval" TYPE bigint, ALTER "userCode" TYPE varchar(255);
ALTER TABLE "twoFactor" ALTER secret TYPE varchar(2000);
ALTER TABLE "twoFactor" ALTER "failedVerificationCount" TYPE bigint;
ALTER TABLE "user" ALTER username TYPE citext, ALTER role TYPE varchar(255)
"""


@pytest.fixture(scope="module")
async def prisma(create_database: CreateDatabase) -> tuple[DatabaseURL, Settings]:
    """Tables that Prisma has made, with those of plugins beside them."""
    url = DatabaseURL.parse(await create_database())
    settings = settings_for(url_text(url), **PRISMA)
    await execute(url, made_by("prisma-uuid"))
    await migrate(url.connect_arguments(), added_schema(settings))
    return url, settings


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG)
async def test_a_plugins_column_of_the_wrong_type_is_refused_by_name(
    prisma: tuple[DatabaseURL, Settings], change: str, message: str
) -> None:
    url, settings = prisma
    async with connected(url) as connection:
        await check(connection, added_schema(settings))
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(f"ALTER TABLE {change}")
        with pytest.raises(MigrationError) as refused:
            await check(connection, added_schema(settings))
        await transaction.rollback()
    assert message in str(refused.value)
    assert "more of this kind" not in str(refused.value)


async def test_the_server_does_not_start_on_it_and_the_doctor_says_so(empty: DatabaseURL) -> None:
    async with running_on(url_text(empty), **CHOSEN):
        pass
    await execute(empty, 'ALTER TABLE passkey ALTER "backedUp" TYPE int USING 0')
    message = 'table "passkey", column "backedUp" is integer, not boolean'
    for migrates in (True, False):
        assert message in await refusal(empty, migrate_on_start=migrates, **CHOSEN)
    found = await diagnosis(empty, **CHOSEN)
    assert found.severity is Severity.ERROR
    assert message in found.message


async def live(client: httpx.AsyncClient, url: DatabaseURL) -> None:
    """What reads and writes each plugin's table."""
    body = {"email": new_email(), "password": PASSWORD, "name": "Ada", "username": "ada"}

    async def post(path: str, **json: object) -> dict[str, object]:
        answer = await client.post(path, json=json)
        assert answer.status_code == 200, answer.text
        found: dict[str, object] = answer.json()
        return found

    await post("sign-up/email", **body)
    organization = (await post("organization/create", name="X", slug="x"))["id"]
    invited = {"email": new_email(), "role": "member", "organizationId": organization}
    await post("organization/invite-member", **invited)
    assert len((await client.get("organization/list-invitations")).json()) == 1
    key = await post("api-key/create", name="k")
    listed = (await client.get("api-key/list")).json()["apiKeys"]
    assert [each["id"] for each in listed] == [key["id"]]
    await post("two-factor/enable", password=PASSWORD)
    assert (await client.get("passkey/list-user-passkeys")).json() == []
    code = await post("device/code", client_id="c")
    found = await client.get("device", params={"user_code": str(code["user_code"])})
    assert found.status_code == 200, found.text
    await execute(url, "UPDATE \"user\" SET role = 'admin'")
    users = (await client.get("admin/list-users")).json()["users"]
    assert [each["username"] for each in users] == ["ada"]


async def test_types_that_are_as_good_are_accepted_and_work(empty: DatabaseURL) -> None:
    await execute(empty, made_by("prisma-uuid"))
    await migrate(empty.connect_arguments(), added_schema(settings_for(url_text(empty), **PRISMA)))
    await execute(empty, AS_GOOD)
    async with running_on(url_text(empty), **PRISMA) as app:
        transport, headers = httpx.ASGITransport(app), {"origin": BASE_URL}
        async with httpx.AsyncClient(
            transport=transport, base_url=f"{BASE_URL}/api/auth/", headers=headers
        ) as client:
            await live(client, empty)
    assert (await diagnosis(empty, **PRISMA)).severity is Severity.OK


@pytest.mark.parametrize("name", [None, "prisma-serial", "drizzle-uuid"])
async def test_tables_that_the_migration_makes_are_those_that_are_wanted(
    empty: DatabaseURL, name: str | None
) -> None:
    """Of all plugins that a setting turns on."""
    settings = settings_for(url_text(empty), **(MADE_BY_OTHERS[name] if name else {}), **CHOSEN)
    await migrate(empty.connect_arguments(), added_schema(settings))
    async with connected(empty) as connection:
        await check(connection, added_schema(settings))
