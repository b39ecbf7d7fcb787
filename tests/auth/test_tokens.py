"""Access tokens: what is issued, what is accepted, and that nothing else ever is."""

import json
import time
from secrets import token_hex
from typing import Any

import httpx
import jwt
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from authward.security.jwt import InvalidTokenError, TokenSigner
from taskward.settings import Settings
from tests.conftest import BASE_URL, TRUSTED_ORIGIN, User
from tests.support.forged_tokens import (
    ATTACKS,
    EXPIRED,
    HEADER,
    INVALID,
    KEY,
    USER,
    Attack,
    Forger,
    expired,
    new_signer,
)

assert len(ATTACKS) >= 80


@pytest.fixture(scope="module")
def forger(settings: Settings) -> Forger:
    assert settings.better_auth_secret
    return Forger(settings.better_auth_secret.get_secret_value())


def bearing(token: str | bytes) -> dict[bytes, bytes]:
    return {b"authorization": b"Bearer " + (token.encode() if isinstance(token, str) else token)}


def test_an_issued_token_names_the_user_for_fifteen_minutes_and_never_an_email() -> None:
    before = int(time.time())
    token = new_signer().issue(USER)
    claims = jwt.decode(token, KEY, ["HS256"], audience=BASE_URL, issuer=BASE_URL)
    assert set(claims) == {"sub", "iat", "exp", "iss", "aud"}
    assert claims["sub"] == USER
    assert claims["iss"] == claims["aud"] == BASE_URL
    assert before <= claims["iat"] <= int(time.time())
    assert claims["exp"] - claims["iat"] == 900
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}


@pytest.mark.parametrize("user", [USER, 'a "quoted" \\ one', "Zoë ✓", "a\0b"])
def test_an_issued_token_is_byte_for_byte_what_pyjwt_would_make_of_its_claims(user: str) -> None:
    token = new_signer().issue(user, "https://elsewhere.example")
    claims = jwt.decode(token, KEY, ["HS256"], audience="https://elsewhere.example")
    assert claims["sub"] == user
    assert token == jwt.encode(claims, KEY, "HS256")


def test_no_public_key_of_anybody_signs_tokens() -> None:
    public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----"
    signer = TokenSigner(public, issuer=BASE_URL, lifetime=900)
    for _ in range(2):
        with pytest.raises(jwt.InvalidKeyError):
            signer.issue(USER)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"iss": None, "aud": None},
        {"iss": None, "aud": None, "iat": None},
        {"iss": f'"{TRUSTED_ORIGIN}"', "aud": f'"{TRUSTED_ORIGIN}"'},
        {"aud": f'["http://elsewhere.example","{TRUSTED_ORIGIN}"]'},
        {"nbf": "1", "email": '"a@example.com"', "scope": '{"a":[1,2]}'},
        {"exp": "99999999999.5", "sub": f'"{"a" * 255}"'},
        {"exp": "1e11", "sub": '"-_09AZaz"'},
    ],
    ids=str,
)
async def test_a_front_end_with_the_shared_secret_may_issue_tokens(
    client: httpx.AsyncClient, forger: Forger, changes: dict[str, str | None]
) -> None:
    response = await client.get("/api/tasks", headers=bearing(forger.token(**changes)))
    assert (response.status_code, response.json()) == (200, [])
    headers = {"Authorization": "bEARER " + forger.sign('{"alg":"HS256"}', forger.payload())}
    assert (await client.get("/api/tasks", headers=headers)).status_code == 200


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
async def test_no_other_token_is_accepted(
    app: FastAPI, client: httpx.AsyncClient, forger: Forger, attack: Attack
) -> None:
    headers, title = bearing(attack(forger)), token_hex(8)
    read = await client.get("/api/tasks", headers=headers)
    written = await client.post("/api/tasks", headers=headers, json={"title": title})
    for response in (read, written):
        assert response.status_code == 401
        assert response.json() == {"detail": "Invalid token"}
        assert response.headers["www-authenticate"] == INVALID
    assert await app.state.database.fetch("SELECT FROM tasks WHERE title = $1", title) == []


async def test_a_rightly_signed_token_whose_time_is_over_is_told_so(
    client: httpx.AsyncClient, forger: Forger
) -> None:
    response = await client.get("/api/tasks", headers=bearing(expired(forger)))
    assert (response.status_code, response.json()) == (401, {"detail": "Token expired"})
    assert response.headers["www-authenticate"] == EXPIRED


@pytest.mark.parametrize("value", [None, "", "Basic dTpw", "{}", "JWT {}", "Bearer\t{}"])
async def test_a_request_without_a_bearer_token_is_not_authenticated(
    client: httpx.AsyncClient, forger: Forger, value: str | None
) -> None:
    token = forger.token()
    headers = {} if value is None else {"Authorization": value.format(token)}
    response = await client.get(f"/api/tasks?token={token}", headers=headers)
    assert (response.status_code, response.json()) == (401, {"detail": "Not authenticated"})
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("first", ["Bearer", "Basic"])
async def test_two_authorization_headers_are_one_too_many(
    client: httpx.AsyncClient, alice: User, first: str
) -> None:
    good = alice.headers["Authorization"]
    both = [("Authorization", good.replace("Bearer", first)), ("Authorization", good)]
    assert (await client.get("/api/tasks", headers=both)).status_code == 401


def test_the_cache_is_bounded_and_keeps_nothing_that_is_wrong() -> None:
    signer = new_signer()
    for number in range(10_001):
        token = signer.issue(f"user_{number}")
        assert signer.verify(token) == f"user_{number}"
    with pytest.raises(InvalidTokenError):
        signer.verify(token[:-2])
    assert len(signer._verified) == 10_000
    assert token in signer._verified


@given(st.text() | st.binary().map(lambda b: b.decode("latin-1")))
def test_random_text_is_never_a_token(text: str) -> None:
    with pytest.raises(InvalidTokenError):
        new_signer().verify(text)


@given(st.data())
def test_a_token_with_any_change_is_refused(data: st.DataObject) -> None:
    signer = new_signer()
    token = signer.issue(USER)
    start = data.draw(st.integers(0, len(token)))
    end = data.draw(st.integers(start, min(len(token), start + 3)))
    inserted = data.draw(st.text("ABab09-_.=+/ é\n", max_size=3) | st.text(max_size=3))
    mutated = token[:start] + inserted + token[end:]
    if mutated == token:
        assert signer.verify(mutated) == USER
        return
    with pytest.raises(InvalidTokenError):
        signer.verify(mutated)


NAMES = ["sub", "exp", "iss", "aud", "alg"]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.sampled_from(NAMES), v),
    max_leaves=8,
)


@given(JSON_VALUES, JSON_VALUES)
def test_whatever_is_signed_the_answer_is_its_subject_or_a_refusal(
    header: Any, claims: Any
) -> None:
    signer = new_signer()
    for head in (HEADER, json.dumps(header)):
        try:
            subject = signer.verify(Forger(KEY).sign(head, json.dumps(claims)))
        except InvalidTokenError:
            continue
        assert subject == claims["sub"]
