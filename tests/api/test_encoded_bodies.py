"""Bodies that are compressed or in another charset: 415 that says what helps."""

import gzip
import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import PASSWORD, User, new_email

CODED = ["gzip", "GZIP", "x-gzip", "br", "deflate", "zstd", "identity, gzip", "nonsense"]
PLAIN = ["identity", "Identity", "", "identity, identity"]
TASKS = [("POST", "/api/tasks"), ("POST", "/api/tasks/"), ("PUT", "/api/tasks/0")]
PLAIN_AUTH = ["signup", "login", "login/email"]
MESSAGE = "Content-Encoding is not supported: send the body as it is"


def headers(coding: str, more: dict[str, str] | None = None) -> dict[str, str]:
    return {"Content-Type": "application/json", "Content-Encoding": coding, **(more or {})}


def packed(body: Any) -> bytes:
    return gzip.compress(json.dumps(body).encode())


@pytest.mark.parametrize("coding", CODED)
@pytest.mark.parametrize(("method", "path"), TASKS)
async def test_a_compressed_task_is_415_and_says_what_is_taken(
    client: httpx.AsyncClient, alice: User, method: str, path: str, coding: str
) -> None:
    sent = headers(coding, alice.headers)
    answer = await client.request(method, path, content=packed({"title": "t"}), headers=sent)
    assert (answer.status_code, answer.json()) == (415, {"detail": MESSAGE})
    assert answer.headers["accept-encoding"] == "identity"
    assert (await client.get("/api/tasks", headers=alice.headers)).json() == []


@pytest.mark.parametrize("coding", PLAIN)
async def test_a_body_that_says_that_it_is_not_compressed_is_taken(
    client: httpx.AsyncClient, alice: User, coding: str
) -> None:
    sent = headers(coding, alice.headers)
    answer = await client.post("/api/tasks", content=b'{"title": "t"}', headers=sent)
    assert answer.status_code == 201
    credentials = json.dumps({"email": new_email(), "password": PASSWORD, "name": "A"})
    for path in ("sign-up/email", "login"):
        answer = await client.post(
            f"/api/auth/{path}", content=credentials, headers=headers(coding)
        )
        assert answer.status_code == 200
        client.cookies.clear()


async def test_a_stranger_is_told_to_sign_in_first_and_a_toggle_ignores_its_body(
    client: httpx.AsyncClient, alice: User
) -> None:
    body = packed({"title": "t"})
    answer = await client.post("/api/tasks", content=body, headers=headers("gzip"))
    assert answer.status_code == 401
    created = await client.post("/api/tasks", json={"title": "t"}, headers=alice.headers)
    path = f"{created.headers['location']}/complete"
    answer = await client.patch(path, content=body, headers=headers("gzip", alice.headers))
    assert (answer.status_code, answer.json()["completed"]) == (200, True)


@pytest.mark.parametrize("coding", CODED)
@pytest.mark.parametrize("path", PLAIN_AUTH)
async def test_compressed_credentials_are_415(
    client: httpx.AsyncClient, path: str, coding: str
) -> None:
    body = packed({"email": new_email(), "password": PASSWORD})
    answer = await client.post(f"/api/auth/{path}", content=body, headers=headers(coding))
    assert (answer.status_code, answer.json()) == (415, {"detail": MESSAGE})
    assert answer.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("coding", CODED)
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
async def test_under_the_protocols_own_paths_it_is_in_the_protocols_words(
    client: httpx.AsyncClient, coding: str, kind: str
) -> None:
    body = packed({"email": new_email(), "password": PASSWORD})
    sent = headers(coding, {"Content-Type": kind})
    answer = await client.post("/api/auth/sign-in/email", content=body, headers=sent)
    assert answer.status_code == 415
    assert answer.json() == {"code": "UNSUPPORTED_MEDIA_TYPE", "message": MESSAGE}
    assert answer.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("path", ["/api/tasks", "/api/auth/login", "/api/auth/sign-in/email"])
async def test_nothing_of_a_compressed_body_is_read(app: FastAPI, alice: User, path: str) -> None:
    async def receive() -> Any:
        raise AssertionError("it was read")

    started: list[Any] = []

    async def send(message: Any) -> None:
        started.append(message)

    given = headers("gzip", {**alice.headers, "Content-Length": "99"})
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "http_version": "1.1",
        "scheme": "http",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
    }
    await app(scope, receive, send)
    assert started[0]["status"] == 415


@pytest.mark.parametrize("charset", ["iso-8859-1", "windows-1252", '"latin1"', "x"])
@pytest.mark.parametrize("path", ["/api/tasks", "/api/auth/signup"])
async def test_text_that_names_another_charset_is_415_unless_it_can_be_read_all_the_same(
    client: httpx.AsyncClient, alice: User, path: str, charset: str
) -> None:
    sent = alice.headers | {"Content-Type": f"application/json; charset={charset}"}
    body = {"title": "caf\u00e9", "email": new_email(), "password": PASSWORD}
    text = json.dumps(body, ensure_ascii=False)
    refused = await client.post(path, content=text.encode("latin-1"), headers=sent)
    wanted = {"detail": "JSON is UTF-8: send the body in that charset"}
    assert (refused.status_code, refused.json()) == (415, wanted)
    assert (await client.post(path, content=json.dumps(body), headers=sent)).status_code == 201


@pytest.mark.parametrize("charset", ["", "; charset=utf-8", ";charset=UTF-8", '; charset="utf8"'])
async def test_broken_utf_8_is_still_no_valid_json(
    client: httpx.AsyncClient, alice: User, charset: str
) -> None:
    sent = alice.headers | {"Content-Type": f"application/json{charset}"}
    answer = await client.post("/api/tasks", content=b'{"title": "caf\xe9"}', headers=sent)
    assert (answer.status_code, answer.json()["detail"]) == (422, "body: is not valid JSON")
