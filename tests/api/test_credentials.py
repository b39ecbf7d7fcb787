"""Who asks: credentials that are missing, wrong, over, too many, or of another scheme."""

import time

import httpx
import jwt
import pytest

from taskward.settings import Settings
from tests.api.errors import EXPIRED, INVALID, NOT_AUTHENTICATED, assert_is_an_error
from tests.conftest import User


async def test_without_credentials_it_is_401_not_authenticated(client: httpx.AsyncClient) -> None:
    for credentials in (
        {},
        {"Authorization": ""},
        {"Authorization": "Basic YTpi"},
        {"Cookie": "a"},
    ):
        answer = await client.get("/api/tasks", headers=credentials)
        assert_is_an_error(answer, 401)
        assert (answer.json()["detail"], answer.headers["www-authenticate"]) == NOT_AUTHENTICATED


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "a.b", "a.b.c.d", "null", "undefined", "[object Object]", "é"]
)
async def test_a_malformed_token_is_401_invalid(client: httpx.AsyncClient, token: str) -> None:
    header = f"Bearer {token}".encode("latin-1")
    answer = await client.get("/api/tasks", headers={b"Authorization": header})
    assert_is_an_error(answer, 401)
    assert (answer.json()["detail"], answer.headers["www-authenticate"]) == INVALID


async def test_a_token_under_a_different_secret_is_401_invalid(client: httpx.AsyncClient) -> None:
    token = jwt.encode({"sub": "user_1", "exp": time.time() + 600}, "x" * 32, "HS256")
    answer = await client.get("/api/tasks", headers={"Authorization": f"Bearer {token}"})
    assert_is_an_error(answer, 401)
    assert (answer.json()["detail"], answer.headers["www-authenticate"]) == INVALID


async def test_an_expired_token_is_401_and_told_so(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    secret, claims = settings.better_auth_secret, {"sub": "user_1", "exp": int(time.time()) - 1}
    assert secret is not None
    token = jwt.encode(claims, secret.get_secret_value(), "HS256")
    answer = await client.get("/api/tasks", headers={"Authorization": f"Bearer {token}"})
    assert_is_an_error(answer, 401)
    assert (answer.json()["detail"], answer.headers["www-authenticate"]) == EXPIRED


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
async def test_the_scheme_counts_in_any_case(
    client: httpx.AsyncClient, alice: User, scheme: str
) -> None:
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    answer = await client.get("/api/tasks", headers={"Authorization": f"{scheme} {token}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("scheme", ["Basic", "Digest", "Custom", "Bearer2", "Bearers"])
async def test_a_right_token_under_another_scheme_is_no_credentials(
    client: httpx.AsyncClient, alice: User, scheme: str
) -> None:
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    answer = await client.get("/api/tasks", headers={"Authorization": f"{scheme} {token}"})
    assert_is_an_error(answer, 401)
    assert (answer.json()["detail"], answer.headers["www-authenticate"]) == NOT_AUTHENTICATED


async def test_two_authorization_headers_are_401_even_if_both_are_right(
    client: httpx.AsyncClient, alice: User, bob: User
) -> None:
    right, other = alice.headers["Authorization"], bob.headers["Authorization"]
    for pair in [(right, right), (right, other), (right, "Basic YTpi"), ("Basic YTpi", right)]:
        headers = [("Authorization", value) for value in pair]
        assert_is_an_error(await client.get("/api/tasks", headers=headers), 401)


async def test_a_token_anywhere_but_in_the_header_is_401(
    client: httpx.AsyncClient, alice: User
) -> None:
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    for query in ("token", "access_token", "Authorization"):
        answer = await client.get(f"/api/tasks?{query}={token}", headers={"Cookie": f"t={token}"})
        assert answer.status_code == 401
