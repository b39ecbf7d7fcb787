"""Sign-up and sign-in for front ends without the Better Auth client: `signup`, `login`."""

import json
from typing import Any

import httpx
import jwt
import pytest
from fastapi import FastAPI
from nacl import bindings as libsodium

from authward.plugins.token_login import AccessToken
from tests.conftest import BASE_URL, PASSWORD, TRUSTED_ORIGIN, new_email
from tests.support.factories import Browser, rows_of

LOGINS = ["login", "login/email"]
ALL = ["signup", *LOGINS]
COOKIE = "better-auth.session_token"


async def post(client: httpx.AsyncClient, path: str, body: Any, **headers: str) -> httpx.Response:
    """A request of a new browser: without cookies, and the answer's are not kept."""
    client.cookies.clear()
    response = await client.post(
        f"/api/auth/{path}",
        content=body if isinstance(body, bytes) else json.dumps(body),
        headers={"content-type": "application/json", **headers},
    )
    client.cookies.clear()
    return response


def assert_signed_in(response: httpx.Response, email: str) -> dict[str, Any]:
    answer: dict[str, Any] = response.json()
    assert answer.keys() == AccessToken.model_fields.keys()
    assert answer["user_id"] == answer["user"]["id"]
    assert answer["token"] == answer["access_token"]
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 900)
    assert answer["user"]["email"] == email
    assert (
        jwt.decode(answer["token"], options={"verify_signature": False})["sub"]
        == (answer["user"]["id"])
    )
    cookie = response.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie
    assert "Max-Age=604800" in cookie
    return answer


def assert_refused(response: httpx.Response, status: int) -> str:
    """An error that any front end can show; returns what it shows."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert "set-cookie" not in response.headers
    detail = response.json()["detail"]
    assert isinstance(detail, str)
    assert detail
    return detail


async def test_signing_up_answers_201_with_a_token_for_the_tasks(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    email = new_email()
    body = {"email": email, "password": PASSWORD, "name": "Ada"}
    response = await post(client, "signup", body)
    assert response.status_code == 201
    answer = assert_signed_in(response, email)
    assert answer["user"]["name"] == "Ada"
    headers = {"Authorization": f"Bearer {answer['token']}"}
    assert (await client.get("/api/tasks", headers=headers)).json() == []
    [user] = (await rows_of(app, email))["user"]
    assert user["id"] == answer["user"]["id"]


async def test_without_a_name_the_email_address_gives_one(client: httpx.AsyncClient) -> None:
    email = new_email()
    for body in (
        {"email": email, "password": PASSWORD},
        {"email": f"b{email}", "password": PASSWORD, "name": None},
    ):
        user = (await post(client, "signup", body)).json()["user"]
        assert user["name"] == body["email"].partition("@")[0]  # type: ignore[union-attr]


@pytest.mark.parametrize("path", LOGINS)
async def test_signing_in_answers_200_with_a_token_for_the_tasks(
    client: httpx.AsyncClient, ada: Browser, path: str
) -> None:
    response = await post(client, path, {"email": ada.email.upper(), "password": PASSWORD})
    assert response.status_code == 200
    answer = assert_signed_in(response, ada.email)
    assert answer["user"] == ada.user
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    assert (await client.get("/api/tasks", headers=headers)).status_code == 200


async def test_the_cookie_that_comes_with_the_token_is_a_session_of_the_protocol(
    client: httpx.AsyncClient, ada: Browser
) -> None:
    response = await post(client, "login", {"email": ada.email, "password": PASSWORD})
    cookie = response.headers["set-cookie"].partition(";")[0]
    found = await client.get("/api/auth/get-session", headers={"cookie": cookie})
    assert found.json()["user"] == ada.user


@pytest.mark.parametrize("path", [*LOGINS, "sign-in/email"])
async def test_an_unknown_address_and_a_wrong_password_look_and_cost_the_same(
    client: httpx.AsyncClient, ada: Browser, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    hashes: list[int] = []
    real = libsodium.crypto_pwhash_scryptsalsa208sha256_ll

    def scrypt(password: bytes, salt: bytes, n: int, r: int, p: int, **options: Any) -> Any:
        hashes.append(n * r * p)
        return real(password, salt, n, r, p, **options)

    monkeypatch.setattr(libsodium, "crypto_pwhash_scryptsalsa208sha256_ll", scrypt)
    wrong = await post(client, path, {"email": ada.email, "password": "wrong password"})
    unknown = await post(client, path, {"email": new_email(), "password": "wrong password"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.content == unknown.content
    headers = [
        {k: v for k, v in response.headers.items() if k != "x-request-id"}
        for response in (wrong, unknown)
    ]
    assert headers[0] == headers[1]
    assert hashes == [16_384 * 16] * 2


@pytest.mark.parametrize("path", LOGINS)
async def test_a_user_without_a_password_cannot_sign_in_with_any(
    app: FastAPI, client: httpx.AsyncClient, ada: Browser, path: str
) -> None:
    change = 'UPDATE account SET password = $1 WHERE "userId" = $2'
    for stored in (None, "", ":"):
        await app.state.database.fetch(change, stored, ada.user["id"])
        response = await post(client, path, {"email": ada.email, "password": PASSWORD})
        assert_refused(response, 401)
        assert response.headers["www-authenticate"].startswith("Bearer")


async def test_a_taken_address_is_422_and_stays_as_it_was(
    app: FastAPI, client: httpx.AsyncClient, ada: Browser
) -> None:
    before = await rows_of(app, ada.email)
    body = {"email": ada.email.upper(), "password": "another password", "name": "Eve"}
    assert "already exists" in assert_refused(await post(client, "signup", body), 422)
    assert await rows_of(app, ada.email) == before


GOOD: dict[str, Any] = {"email": "a@example.com", "password": PASSWORD}


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"password": PASSWORD}, "email"),
        ({"email": "a@example.com"}, "password"),
        ({}, "email"),
        ({**GOOD, "email": "nobody"}, "email"),
        ({**GOOD, "email": "a@example.com\n"}, "email"),
        ({**GOOD, "email": None}, "email"),
        ({**GOOD, "email": ["a@example.com"]}, "email"),
        ({**GOOD, "password": 12345678}, "password"),
        ({**GOOD, "password": None}, "password"),
        ({**GOOD, "password": "p" * 129}, "password"),
        ({**GOOD, "password": "\U0001f511" * 65}, "password"),
        ([], "body"),
        ("text", "body"),
        (5, "body"),
        (b"{", "body"),
        (b"", "body"),
    ],
    ids=lambda value: ascii(value)[:50],
)
@pytest.mark.parametrize("path", ALL)
async def test_what_is_wrong_with_a_request_is_said_in_words_and_in_a_list(
    client: httpx.AsyncClient, path: str, body: Any, where: str
) -> None:
    response = await post(client, path, body)
    detail = assert_refused(response, 422)
    errors = response.json()["errors"]
    assert where in detail
    assert any(where in error["loc"] for error in errors)
    for error in errors:
        assert set(error) == {"loc", "msg", "type"}
        assert error["msg"] in detail
    assert "nobody" not in response.text
    assert PASSWORD not in response.text


@pytest.mark.parametrize("path", ALL)
@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b'{"email":"\xff"}', b"[" * 9_999, b"9" * 9_999]
)
async def test_what_is_not_json_is_422_however_it_is_broken(
    client: httpx.AsyncClient, path: str, body: bytes
) -> None:
    assert assert_refused(await post(client, path, body), 422) == "body: is not valid JSON"


@pytest.mark.parametrize("name", ["n" * 1000, "NUL \0", 5, ["Ada"], "\ud800"], ids=ascii)
async def test_a_name_that_cannot_be_kept_is_422(
    app: FastAPI, client: httpx.AsyncClient, name: Any
) -> None:
    email = new_email()
    body = {"email": email, "password": PASSWORD, "name": name}
    assert "name" in assert_refused(await post(client, "signup", body), 422)
    assert (await rows_of(app, email))["user"] == []


@pytest.mark.parametrize(
    ("password", "status"),
    [
        ("\U0001f511" * 3, 422),
        ("\U0001f511" * 4, 201),
        ("\U0001f511" * 64, 201),
        ("\ud800" * 8, 201),
        ("\0" * 8, 201),
    ],
    ids=ascii,
)
async def test_any_password_that_javascript_counts_as_8_to_128_characters_works_everywhere(
    client: httpx.AsyncClient, password: str, status: int
) -> None:
    body = {"email": new_email(), "password": password}
    assert (await post(client, "signup", body)).status_code == status
    if status == 201:
        for path in ("login", "sign-in/email"):
            assert (await post(client, path, body)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"cookie": "a=1", "origin": "http://evil.example"},
        {"cookie": "a=1", "origin": "null"},
        {"cookie": "a=1", "origin": ""},
        {"cookie": "a=1", "referer": "http://evil.example/form"},
        {"cookie": "a=1", "sec-fetch-site": "same-site"},
        {"origin": "http://evil.example"},
        {"referer": "http://evil.example/form"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
        {"sec-fetch-site": "cross-site", "origin": "http://evil.example"},
        {"origin": "\u00e9\u00ff"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ALL)
async def test_a_form_of_another_site_signs_nobody_up_or_in(
    app: FastAPI, client: httpx.AsyncClient, path: str, headers: dict[str, str]
) -> None:
    email = new_email()
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    response = await client.post(
        f"/api/auth/{path}", json={"email": email, "password": PASSWORD}, headers=encoded
    )
    assert_refused(response, 403)
    assert (await rows_of(app, email))["user"] == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-mode": "cors"},
        {"cookie": "a=1"},
        {"cookie": "a=1", "sec-fetch-mode": "cors"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ALL)
async def test_a_program_signs_up_and_in_with_and_without_a_cookie_jar(
    client: httpx.AsyncClient, ada: Browser, path: str, headers: dict[str, str]
) -> None:
    email = new_email() if path == "signup" else ada.email
    response = await post(client, path, {"email": email, "password": PASSWORD}, **headers)
    assert_signed_in(response, email)


FORM_KINDS = [
    *("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"),
    *(
        "text/plain; application/json",
        "text/plain;application/json",
        "TEXT/PLAIN, application/json",
    ),
    *("text/json", "application/jsonp", "application/x-www-form-urlencoded; +json", "json"),
]


@pytest.mark.parametrize("kind", FORM_KINDS)
@pytest.mark.parametrize("path", ALL)
async def test_what_a_page_may_send_without_asking_signs_nobody_up_or_in(
    app: FastAPI, client: httpx.AsyncClient, ada: Browser, path: str, kind: str
) -> None:
    email = new_email() if path == "signup" else ada.email
    content = json.dumps({"email": email, "password": PASSWORD}).encode()
    for headers in (
        {"content-type": kind} if kind else {},
        {"content-type": kind, "cookie": "a=1"},
    ):
        response = await client.post(f"/api/auth/{path}", content=content, headers=headers)
        assert response.status_code in {403, 415, 422}
        assert "set-cookie" not in response.headers
    assert len((await rows_of(app, email))["user"]) == (email == ada.email)


@pytest.mark.parametrize("origin", [BASE_URL, TRUSTED_ORIGIN])
@pytest.mark.parametrize("path", ALL)
async def test_a_trusted_site_signs_up_and_in_with_and_without_cookies(
    client: httpx.AsyncClient, ada: Browser, path: str, origin: str
) -> None:
    email = new_email() if path == "signup" else ada.email
    body = {"email": email, "password": PASSWORD}
    headers = {"origin": origin, "cookie": "a=1", "sec-fetch-site": "same-site"}
    response = await post(client, path, body, **headers)
    assert response.is_success
    assert response.headers["access-control-allow-origin"] == origin
    assert response.headers["access-control-allow-credentials"] == "true"


@pytest.mark.parametrize("path", ALL)
async def test_other_content_types_are_refused(client: httpx.AsyncClient, path: str) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; x"):
        content = json.dumps({"email": new_email(), "password": PASSWORD}).encode()
        headers = {"content-type": kind}
        response = await client.post(f"/api/auth/{path}", content=content, headers=headers)
        assert response.status_code in {415, 422}
        assert isinstance(response.json()["detail"], str)
