"""Errors: always the same JSON, whoever asks for whatever, and nothing in it but what helps."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import httpx
import pytest

from taskward.app import create_app
from taskward.database.url import DatabaseURL
from tests.api.errors import assert_is_an_error
from tests.conftest import BASE_URL, TRUSTED_ORIGIN, CreateDatabase, User, settings_for

MEBIBYTE = 1_048_576
MARKER = "xyzzy-do-not-echo"
UNTRUSTED = ["http://evil.example", "http://localhost:3001", "https://localhost:3000", "null"]
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Case:
    """A request that fails; every text in it that could be echoed has the marker."""

    status: int
    method: str
    path: str
    content: bytes = b""
    signed_in: bool = True

    async def send(self, client: httpx.AsyncClient, user: User, **headers: str) -> httpx.Response:
        credentials = user.headers if self.signed_in else {}
        return await client.request(
            self.method, self.path, content=self.content, headers=JSON | credentials | headers
        )


CASES = [
    Case(400, "GET", f"/api/tasks?status={MARKER}"),
    Case(401, "GET", f"/api/tasks?token={MARKER}", signed_in=False),
    Case(401, "POST", "/api/tasks", b'{"title":"%s' % MARKER.encode(), signed_in=False),
    Case(404, "GET", f"/{MARKER}"),
    Case(404, "POST", f"/api/{MARKER}", b"{}", signed_in=False),
    Case(404, "GET", f"/api/tasks/0?{MARKER}"),
    Case(404, "GET", f"/static-offline-docs/{MARKER}"),
    Case(405, "DELETE", f"/api/tasks?{MARKER}"),
    Case(405, "POST", f"/docs?{MARKER}"),
    Case(413, "POST", "/api/tasks", MARKER.encode() * MEBIBYTE),
    Case(422, "GET", f"/api/tasks/{MARKER}"),
    Case(422, "POST", "/api/tasks", b'{"title":"%s' % MARKER.encode()),
    Case(422, "POST", "/api/tasks", b'{"title":["%s"]}' % MARKER.encode()),
    Case(422, "POST", "/api/tasks", b'{"title":"%s"}' % (MARKER.encode() * 20)),
    Case(422, "POST", "/api/tasks", b'{"title":"","%s":1}' % MARKER.encode()),
    Case(422, "POST", "/api/tasks", b'"%s"' % MARKER.encode()),
    Case(422, "PUT", f"/api/tasks/{MARKER}", b'{"title":{"%s":0}}' % MARKER.encode()),
]
EVERY_CASE = pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.status} {c.method}")


# The shape


@EVERY_CASE
async def test_every_error_is_json_with_a_string_detail_and_a_request_id(
    client: httpx.AsyncClient, alice: User, case: Case
) -> None:
    assert_is_an_error(await case.send(client, alice), case.status)


@EVERY_CASE
async def test_no_error_echoes_what_was_sent(
    client: httpx.AsyncClient, alice: User, case: Case
) -> None:
    answer = await case.send(client, alice, **{"X-Request-ID": f"{MARKER} ", "Cookie": MARKER})
    assert MARKER not in answer.text
    assert MARKER not in str(answer.headers)
    assert alice.headers["Authorization"].removeprefix("Bearer ") not in answer.text


async def test_a_422_lists_every_problem_and_says_them_in_one_sentence(
    client: httpx.AsyncClient, alice: User
) -> None:
    body = {"title": "x" * 201, "description": 5}
    answer = await client.post("/api/tasks", json=body, headers=alice.headers)
    assert answer.json() == {
        "detail": "title: at most 200 characters; description: must be a string",
        "errors": [
            {
                "loc": ["body", "title"],
                "msg": "at most 200 characters",
                "type": "string_too_long",
            },
            {"loc": ["body", "description"], "msg": "must be a string", "type": "string_type"},
        ],
    }


# Bodies


@pytest.mark.parametrize(
    "content",
    [
        *(b"{", b'{"title":"t"} x', b"{'title':'t'}", b'{"title":"t",}', b"\xff\xfe\xfa"),
        *(b'{"title":"\xff"}', b'{"title":"a\nb"}', b"[" * 200_000, b'{"title":' * 100_000),
        b'{"title":"t","n":' + b"9" * 10_000 + b"}",
    ],
    ids=lambda content: repr(content[:16]),
)
async def test_what_is_not_json_is_422_however_it_is_broken(
    client: httpx.AsyncClient, alice: User, content: bytes
) -> None:
    for method, path in [("POST", "/api/tasks"), ("PUT", "/api/tasks/0")]:
        answer = await client.request(method, path, content=content, headers=alice.headers | JSON)
        assert_is_an_error(answer, 422)
        assert answer.json()["detail"] == "body: is not valid JSON"
        assert answer.json()["errors"][0]["loc"] == ["body"]


@pytest.mark.parametrize("content", [b"null", b"[]", b"1", b"true", b'"text"', b"NaN"])
async def test_json_that_is_no_object_is_422(
    client: httpx.AsyncClient, alice: User, content: bytes
) -> None:
    answer = await client.post("/api/tasks", content=content, headers=alice.headers | JSON)
    assert_is_an_error(answer, 422)


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x"]
)
async def test_a_body_that_does_not_say_it_is_json_is_422_and_told_so(
    client: httpx.AsyncClient, alice: User, kind: str | None
) -> None:
    headers = alice.headers | ({"Content-Type": kind} if kind else {})
    answer = await client.post("/api/tasks", content=b'{"title":"t"}', headers=headers)
    assert_is_an_error(answer, 422)
    assert "application/json" in answer.json()["detail"]


async def test_no_body_at_all_is_422(client: httpx.AsyncClient, alice: User) -> None:
    answer = await client.post("/api/tasks", headers=alice.headers)
    assert_is_an_error(answer, 422)
    assert answer.json()["detail"] == "body: is required"


@pytest.mark.parametrize(("length", "status"), [(MEBIBYTE, 201), (MEBIBYTE + 1, 413)])
async def test_a_body_may_have_one_mebibyte_announced_or_not(
    client: httpx.AsyncClient, alice: User, length: int, status: int
) -> None:
    content = b'{"title":"t"}'.ljust(length)

    async def unannounced() -> AsyncIterator[bytes]:
        for start in range(0, length, 65_536):
            yield content[start : start + 65_536]

    for body in (content, unannounced()):
        answer = await client.post("/api/tasks", content=body, headers=alice.headers | JSON)
        assert answer.status_code == status
        if status == 413:
            assert_is_an_error(answer, 413)


@pytest.mark.parametrize("announced", [str(MEBIBYTE + 1), "9" * 30])
async def test_a_body_announced_as_too_long_is_refused_before_a_byte_is_read(
    client: httpx.AsyncClient, alice: User, announced: str
) -> None:
    read: list[int] = []

    async def body() -> AsyncIterator[bytes]:
        read.append(1)
        yield b"{}"

    headers = alice.headers | JSON | {"Content-Length": announced}
    answer = await client.post("/api/tasks", content=body(), headers=headers)
    assert_is_an_error(answer, 413)
    assert read == []


# Browsers


def cors(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-")}


@EVERY_CASE
async def test_a_page_of_a_trusted_origin_may_read_every_error(
    client: httpx.AsyncClient, alice: User, case: Case
) -> None:
    answer = await case.send(client, alice, Origin=TRUSTED_ORIGIN)
    assert answer.status_code == case.status
    assert answer.headers["access-control-allow-origin"] == TRUSTED_ORIGIN
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "X-Request-ID" in answer.headers["access-control-expose-headers"]
    assert "Origin" in answer.headers["vary"]


@EVERY_CASE
@pytest.mark.parametrize("origin", UNTRUSTED)
async def test_a_page_of_any_other_origin_may_read_nothing(
    client: httpx.AsyncClient, alice: User, case: Case, origin: str
) -> None:
    answer = await case.send(client, alice, Origin=origin)
    assert cors(answer) == {}
    assert "Origin" in answer.headers["vary"]


def preflight(origin: str, method: str = "POST") -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type,x-request-id",
    }


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_a_preflight_of_a_trusted_origin_is_204_and_allows_the_real_request(
    client: httpx.AsyncClient, method: str
) -> None:
    answer = await client.options("/api/tasks/1", headers=preflight(TRUSTED_ORIGIN, method))
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers
    assert answer.headers["access-control-allow-origin"] == TRUSTED_ORIGIN
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert method in answer.headers["access-control-allow-methods"].split(", ")
    allowed = answer.headers["access-control-allow-headers"].lower().replace(" ", "").split(",")
    assert {"authorization", "content-type", "x-request-id"} <= set(allowed)
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("origin", UNTRUSTED)
async def test_a_preflight_of_any_other_origin_is_refused_with_json(
    client: httpx.AsyncClient, origin: str
) -> None:
    answer = await client.options("/api/tasks", headers=preflight(origin))
    assert_is_an_error(answer, 400)
    assert cors(answer) == {}


async def test_a_wildcard_origin_admits_its_subdomains_and_nothing_else(database_url: str) -> None:
    pattern = "https://*.example.com"
    app = create_app(settings_for(database_url, better_auth_trusted_origins=pattern))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        for origin, admitted in {
            "https://app.example.com": True,
            "https://example.com": False,
            "http://app.example.com": False,
            "https://app.example.com.evil.example": False,
            "https://evilexample.com": False,
        }.items():
            answer = await client.get("/nowhere", headers={"Origin": origin})
            assert answer.headers.get("access-control-allow-origin") == (
                origin if admitted else None
            )


# Request ids


@pytest.mark.parametrize("request_id", ["a", "A-1_b.2", "0" * 128])
async def test_a_sane_request_id_is_kept(client: httpx.AsyncClient, request_id: str) -> None:
    for path in ("/api/tasks", "/nowhere", "/docs"):
        answer = await client.get(path, headers={"X-Request-ID": request_id})
        assert answer.headers.get_list("x-request-id") == [request_id]


@pytest.mark.parametrize("request_id", ["", "0" * 129, "a b", "a,b", "<script>", "\xe9", "a\tb"])
async def test_any_other_request_id_is_replaced_by_a_fresh_one(
    client: httpx.AsyncClient, request_id: str
) -> None:
    headers = {b"X-Request-ID": request_id.encode("latin-1")}
    answers = [await client.get("/nowhere", headers=headers) for _ in range(2)]
    one, other = (answer.headers["x-request-id"] for answer in answers)
    assert one != other
    assert request_id not in {one, other}


# The server's own trouble


async def test_an_internal_error_is_500_without_any_detail(
    create_migrated_database: CreateDatabase,
) -> None:
    url = await create_migrated_database()
    app = create_app(settings_for(url))
    token = app.state.better_auth.tokens.issue("user_1")
    headers = {"Authorization": f"Bearer {token}", "Origin": TRUSTED_ORIGIN}
    connection = await asyncpg.connect(**DatabaseURL.parse(url).connect_arguments())
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE_URL) as client,
    ):
        await connection.execute("ALTER TABLE tasks RENAME TO elsewhere")
        for method in ("GET", "POST"):
            body = {"title": MARKER}
            answer = await client.request(method, "/api/tasks", json=body, headers=headers)
            assert_is_an_error(answer, 500)
            assert answer.json() == {"detail": "Internal server error"}
            assert answer.headers["access-control-allow-origin"] == TRUSTED_ORIGIN
    await connection.close()
