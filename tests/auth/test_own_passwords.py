"""Passwords that were hashed elsewhere, quiet sign-up, and options that contradict each other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import argon2
import asyncpg
import bcrypt
import httpx
import pytest
from fastapi import FastAPI

from authward import BetterAuth, BetterAuthOptions, ConfigurationError
from authward.options import EmailAndPasswordOptions
from authward.password_options import PasswordOptions, is_scrypt
from authward.plugins import JwksOptions, JwtOptions, jwt
from taskward.database.url import DatabaseURL
from tests.conftest import BASE_URL, CreateDatabase, new_email
from tests.support.auth_options import UNLIMITED
from tests.support.servers import ORIGIN, SECRET

PASSWORD = "correct horse battery staple"
OPTIONS = BetterAuthOptions(
    secret=SECRET, base_url=BASE_URL, trusted_origins=(ORIGIN,), rate_limit=UNLIMITED
)
STORED = """SELECT password FROM account JOIN "user" u ON u.id = "userId" WHERE u.email = $1"""
REPLACE = """
    UPDATE account SET password = $2 FROM "user" u WHERE u.id = "userId" AND u.email = $1
"""


def _bcrypt(stored: str, password: str) -> bool:
    return bcrypt.checkpw(password.encode(), stored.encode())


def _argon2(stored: str, password: str) -> bool:
    return argon2.PasswordHasher().verify(stored, password)


IMPORTED: dict[str, tuple[Callable[[str, str], bool], str]] = {
    "bcrypt": (_bcrypt, bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()),
    "argon2": (_argon2, argon2.PasswordHasher(time_cost=1, memory_cost=1024).hash(PASSWORD)),
}


@pytest.fixture
async def pool(create_migrated_database: CreateDatabase) -> AsyncIterator[Any]:
    url = await create_migrated_database()
    arguments = DatabaseURL.parse(url).connect_arguments()
    async with asyncpg.create_pool(**arguments, min_size=1, max_size=4) as opened:
        yield opened


def _client(pool: Any, **passwords: Any) -> httpx.AsyncClient:
    chosen = replace(OPTIONS, email_and_password=EmailAndPasswordOptions(**passwords))
    app = FastAPI()
    BetterAuth(chosen, pool).install(app)
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url=f"{BASE_URL}/api/auth/")


async def _post(client: httpx.AsyncClient, path: str, email: str, password: str) -> httpx.Response:
    body = {"name": "Ada", "email": email, "password": password}
    return await client.post(path, json=body, headers={"origin": ORIGIN})


@pytest.mark.parametrize("kind", IMPORTED)
async def test_an_imported_hash_lets_its_user_in_and_is_replaced_at_once(
    pool: Any, kind: str
) -> None:
    verify, stored = IMPORTED[kind]
    client, email = _client(pool, password=PasswordOptions(verify=verify)), new_email()
    assert (await _post(client, "sign-up/email", email, "another one")).status_code == 200
    assert is_scrypt(await pool.fetchval(STORED, email))
    await pool.execute(REPLACE, email, stored)
    assert (await _post(client, "sign-in/email", email, "wrong password")).status_code == 401
    assert await pool.fetchval(STORED, email) == stored
    answers = await asyncio.gather(
        *(_post(client, "sign-in/email", email, PASSWORD) for _ in range(4))
    )
    assert [answer.status_code for answer in answers] == [200] * 4
    replaced = await pool.fetchval(STORED, email)
    assert is_scrypt(replaced)
    assert (await _post(client, "sign-in/email", email, PASSWORD)).status_code == 200
    assert await pool.fetchval(STORED, email) == replaced


async def test_a_hash_that_no_function_knows_is_nobodys_password(pool: Any) -> None:
    client, email = _client(pool, password=PasswordOptions(verify=_argon2)), new_email()
    await _post(client, "sign-up/email", email, PASSWORD)
    await pool.execute(REPLACE, email, "$1$md5$crypt")
    assert (await _post(client, "sign-in/email", email, PASSWORD)).status_code == 401


async def test_hashes_of_ones_own_are_renewed_where_the_application_says_so(pool: Any) -> None:
    hasher = argon2.PasswordHasher(time_cost=1, memory_cost=2048)
    passwords = PasswordOptions(
        hash=hasher.hash, verify=_argon2, needs_rehash=hasher.check_needs_rehash
    )
    client, email = _client(pool, password=passwords), new_email()
    await _post(client, "sign-up/email", email, PASSWORD)
    weak = IMPORTED["argon2"][1]
    await pool.execute(REPLACE, email, weak)
    assert (await _post(client, "sign-in/email", email, PASSWORD)).status_code == 200
    renewed = await pool.fetchval(STORED, email)
    assert renewed != weak
    assert "m=2048" in renewed


@pytest.mark.parametrize(
    ("options", "sign_up", "sign_in"),
    [
        ({"enabled": False}, "EMAIL_PASSWORD_SIGN_UP_DISABLED", "EMAIL_PASSWORD_DISABLED"),
        (
            {"disable_sign_up": True},
            "EMAIL_PASSWORD_SIGN_UP_DISABLED",
            "INVALID_EMAIL_OR_PASSWORD",
        ),
    ],
)
async def test_passwords_can_be_turned_off(
    pool: Any, options: dict[str, Any], sign_up: str, sign_in: str
) -> None:
    client, email = _client(pool, **options), new_email()
    assert (await _post(client, "sign-up/email", email, PASSWORD)).json()["code"] == sign_up
    assert (await _post(client, "sign-in/email", email, PASSWORD)).json()["code"] == sign_in


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"email_and_password": EmailAndPasswordOptions(min_password_length=0)}, "min_password"),
        ({"email_and_password": EmailAndPasswordOptions(max_password_length=7)}, "min_password"),
        (
            {
                "email_and_password": EmailAndPasswordOptions(
                    password=PasswordOptions(hash=lambda password: password)
                )
            },
            "verify",
        ),
        ({"disabled_paths": ("sign-up",)}, "disabled_paths"),
        ({"disabled_paths": "/sign-up"}, "disabled_paths"),
        (
            {"plugins": (jwt(JwtOptions(shared_secret=False)),), "jwks_url": "https://a.example"},
            "jwks_url",
        ),
    ],
)
def test_options_that_cannot_be_are_refused_by_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        BetterAuth(replace(OPTIONS, **changes), None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (JwtOptions(jwks=JwksOptions(algorithm="HS512")), "algorithm"),
        (JwtOptions(jwks=JwksOptions(algorithm="RS256", modulus_length=512)), "modulus_length"),
        (JwtOptions(issuer="https://a.example"), "issuer"),
        (JwtOptions(shared_secret=False, expiration_time=0), "expiration_time"),
    ],
)
def test_options_of_jwt_that_cannot_be_are_refused_by_name(options: JwtOptions, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        jwt(options)
