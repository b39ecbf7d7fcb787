"""Whatever is sent to the Better Auth server: JSON or nothing comes back, and never a 5xx."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle, product
from typing import Any, TypeAlias
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from authward.server import ENDPOINTS
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase
from tests.support.factories import create_user, running_on

Headers: TypeAlias = dict[bytes, bytes]
COOKIE = "better-auth.session_token"
HASHES = ("sign-in/email", "login", "login/email")
LONE = "\ud800"
DEEP = 200_000
ROWS = """
SELECT u.id, u::text AS users, a::text AS accounts, s::text AS sessions, a.password FROM "user" u
FULL JOIN account a ON a."userId" = u.id FULL JOIN session s ON s."userId" = u.id ORDER BY 1, 3, 4
"""


@dataclass(frozen=True)
class Target:
    """An operation of the server, and what it reads."""

    method: str
    path: str
    fields: tuple[str, ...]
    query: tuple[str, ...]


def targets() -> Iterator[Target]:
    for endpoint in ENDPOINTS:
        fields = tuple(endpoint.body.fields) if endpoint.body else ()
        query = tuple(endpoint.query.fields) if endpoint.query else ()
        path = endpoint.path.replace("{provider}", "github").replace("{token}", "unknown")
        for method in endpoint.methods:
            yield Target(method, path.removeprefix("/"), fields, query)
    for path in ("signup", "login", "login/email"):
        yield Target("POST", path, ("email", "password", "name"), ())


TARGETS = list(targets())
POSTS = [target for target in TARGETS if target.method == "POST"]
of_every_target = pytest.mark.parametrize(
    "target", TARGETS, ids=lambda target: f"{target.method} {target.path}"
)
of_every_post = pytest.mark.parametrize("target", POSTS, ids=lambda target: target.path)
REDIRECTS = ("callbackURL", "redirectTo", "errorCallbackURL", "newUserCallbackURL")
EVIL_URLS = [
    *("http://[", "//evil.com", "/\\evil.com", "http://evil.com", "javascript:alert(1)"),
    *("http://localhost:3000@evil.com", "\0", LONE, "/a\nb", "/%5cevil.com"),
]
VALUES: list[Any] = [
    *(None, True, 10**400, -1.5, [], ["a"], {}, {"a": {"b": []}}, "\0", LONE, f"a{LONE}@b.co"),
    *("", "a@b.co\n", "x" * 30_000, "http://["),
]
BODIES = {
    "nothing": b"",
    "half": b'{"email":',
    "null": b"null",
    "array": b"[]",
    "array of objects": b'[{"email":"a@b.co"}]',
    "number": b"5",
    "text": b'"text"',
    "true": b"true",
    "NaN": b'{"email":NaN}',
    "infinity": b'{"name":1e999,"email":-1e999}',
    "long number": b'{"name":' + b"9" * 5_000 + b"}",
    "deep arrays": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep value": b'{"email":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "unclosed": b"[" * DEEP,
    "not UTF-8": b'{"email":"\xff\xfe","password":"\xc3"}',
    "key not UTF-8": b'{"\xff":1}',
    "BOM": b"\xef\xbb\xbf{}",
    "UTF-16": '{"email":"a@b.co"}'.encode("utf-16"),
    "duplicate keys": b'{"email":"a@b.co","email":{},"name":1,"name":"a","token":[],"token":"a"}',
    "NUL key": b'{"\\u0000":1,"a\\u0000b":2}',
    "lone surrogate as key": b'{"\\ud800":1}',
    "prototype": b'{"__proto__":{"emailVerified":true},"constructor":{"prototype":{}}}',
    "single quotes": b"{'email':'a@b.co'}",
    "form": b"email=a%40b.co&password=%00&name=%ff",
    "trailing": b"{} {}",
    "comment": b'{"email":"a@b.co"/**/}',
    "raw line end": b'{"email":"a@b.co\n"}',
    "NUL bytes": b"\0" * 1000,
    "many keys": b"{" + b",".join(b'"%d":0' % n for n in range(50_000)) + b"}",
    "1 MB name": b'{"name":"' + b"n" * 1_000_000 + b'"}',
}
KINDS = [
    *(b"", b"text/plain", b"text/html", b"\xff", b"application/json;charset=\xff", b";", b","),
    *(b"application/json; charset=utf-16", b"APPLICATION/JSON", b"application/json,text/plain"),
    *(b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x", b"application/*"),
]


@dataclass(frozen=True)
class User:
    """Somebody signed in, made without hashing a password."""

    email: str
    headers: Headers

    def body(self, target: Target) -> dict[str, Any]:
        """A body that is right, as far as that goes without hashing: passwords are too long."""
        password = "p" * 129 if target.path in HASHES else PASSWORD
        values = {"email": self.email, "name": "Ada", "password": password, "provider": "github"}
        return {name: values.get(name, "text") for name in target.fields if name not in REDIRECTS}


@pytest.fixture(scope="module")
async def hostile(create_migrated_database: CreateDatabase) -> AsyncIterator[FastAPI]:
    """The app on a database of its own, so that each request can be held against all its rows."""
    async with running_on(await create_migrated_database()) as app:
        yield app


@pytest.fixture(scope="module")
async def browser(hostile: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(hostile)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        yield client


async def signed_in(app: FastAPI) -> User:
    email, cookie = await create_user(app.state.database, app.state.better_auth)
    return User(email, {b"cookie": f"{COOKIE}={cookie}".encode(), b"origin": BASE_URL.encode()})


async def attack(
    client: httpx.AsyncClient,
    target: Target,
    content: bytes | None = None,
    headers: Headers | None = None,
    *,
    query: str = "",
) -> httpx.Response:
    """Send a request; whatever it is, the answer is decent."""
    kind = {} if content is None else {b"content-type": b"application/json"}
    response = await client.request(
        target.method,
        f"/api/auth/{target.path}{query}",
        content=content,
        headers={**kind, **(headers or {})},
    )
    client.cookies.clear()
    note = (target, (content or b"")[:200], headers, query, response.status_code, response.text)
    assert response.status_code < 500, note
    assert response.headers.get("content-type", "application/json") == "application/json", note
    assert not response.content or json.loads(response.content) is not Ellipsis, note
    assert not re.search(r"[\x00-\x1f\x7f]", response.headers.get("location", "")), note
    return response


@asynccontextmanager
async def nothing_written(app: FastAPI) -> AsyncIterator[list[httpx.Response]]:
    """Hold all rows against what they were; what was answered with a success may change them."""
    fetch = app.state.database.fetch
    before = await fetch(ROWS)
    responses: list[httpx.Response] = []
    yield responses
    after = await fetch(ROWS)
    if all(response.status_code >= 400 for response in responses):
        assert after == before
    assert all(row["id"] and row["password"] for row in after)


@of_every_post
async def test_a_body_that_is_no_proper_json_is_refused_in_json(
    hostile: FastAPI, browser: httpx.AsyncClient, target: Target
) -> None:
    person = await signed_in(hostile)
    async with nothing_written(hostile) as responses:
        for content in BODIES.values():
            responses.append(await attack(browser, target, content, person.headers))


@of_every_post
async def test_a_field_of_any_wrong_type_is_refused_in_json(
    hostile: FastAPI, browser: httpx.AsyncClient, target: Target
) -> None:
    person = await signed_in(hostile)
    async with nothing_written(hostile) as responses:
        for field, value in product(target.fields, VALUES):
            if is_hashed(field, value):
                continue
            content = json.dumps({**person.body(target), field: value}).encode()
            responses.append(await attack(browser, target, content, person.headers))


def is_hashed(field: str, value: Any) -> bool:
    """Whether the value would be tried as a password, which takes its time; one is enough."""
    return "assword" in field and isinstance(value, str) and value not in {"", LONE}


@of_every_target
async def test_hostile_redirects_are_refused_wherever_they_stand(
    hostile: FastAPI, browser: httpx.AsyncClient, target: Target
) -> None:
    person = await signed_in(hostile)
    for url, name in zip(EVIL_URLS, cycle(REDIRECTS), strict=False):
        body = json.dumps({**person.body(target), name: url}).encode()
        refused = await attack(browser, target, body, person.headers)
        assert refused.status_code >= 400 or target.method == "GET" or "callback" in target.path
        encoded = quote(url.encode("utf-8", "surrogatepass"))
        query = "?token=unknown&" + "&".join(f"{name}={encoded}" for name in REDIRECTS)
        response = await attack(browser, target, b"{}", person.headers, query=query)
        assert "evil.com" not in httpx.URL(response.headers.get("location", "")).host


@of_every_target
async def test_odd_queries_and_paths_are_no_failure(
    browser: httpx.AsyncClient, target: Target
) -> None:
    for value in ("", "%00", "%ff", "%ED%A0%80", "x" * 1_000, "[]", "%", "a&token=b"):
        query = "&".join(f"{name}={value}" for name in (*target.query, "disableRefresh", "error"))
        await attack(browser, target, query=f"?{query}")
    for suffix in ("/", "/%00", "%00", "/%ff", "//", "/..%2f", ";a", "/" + "x" * 5_000):
        path = Target(target.method, f"{target.path}{suffix}", (), ())
        await attack(browser, path)


@of_every_post
async def test_odd_content_types_are_no_failure(browser: httpx.AsyncClient, target: Target) -> None:
    for kind in KINDS:
        headers = {b"content-type": kind}
        await attack(browser, target, b"email=%00&password=%ff", headers)


@of_every_post
async def test_a_body_of_20_mb_is_413_before_it_is_read(
    browser: httpx.AsyncClient, target: Target
) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(320):
            sent += 65_536
            yield b" " * 65_536

    headers = {"content-type": "application/json"}
    announced = {**headers, "content-length": "20971520"}
    response = await browser.post(f"/api/auth/{target.path}", content=chunks(), headers=announced)
    assert (response.status_code, sent) == (413, 0)
    assert any(isinstance(response.json().get(name), str) for name in ("message", "detail"))
    response = await browser.post(f"/api/auth/{target.path}", content=chunks(), headers=headers)
    assert 400 <= response.status_code < 500
    assert sent <= 2 * 1_048_576


@pytest.mark.parametrize(
    "url",
    [
        *("/\u20ac", "/\u00e9", "/a b", f"{BASE_URL}/\u20ac?\u00e9#\U0001f600", "/%0d%0aX:%20y"),
        *(f"{BASE_URL}/\r\nX-Injected: yes", f"\r\n{BASE_URL}", f"{BASE_URL}/\0", "/a\x7f"),
        *(f"{BASE_URL}/\x85", f"{BASE_URL}\t", f"{BASE_URL}/{'x' * 100_000}", f"{BASE_URL}/{LONE}"),
    ],
    ids=lambda url: ascii(url[:40]),
)
async def test_where_a_sign_in_leads_cannot_break_its_answer(
    hostile: FastAPI, browser: httpx.AsyncClient, url: str
) -> None:
    person = await signed_in(hostile)
    body = {"email": person.email, "password": PASSWORD, "callbackURL": url}
    target = Target("POST", "sign-in/email", (), ())
    async with nothing_written(hostile) as responses:
        response = await attack(browser, target, json.dumps(body).encode())
        responses.append(response)
    assert "x-injected" not in response.headers


HEADER_NAMES = [
    *(b"cookie", b"authorization", b"origin", b"referer", b"content-type", b"user-agent"),
    *(
        b"x-forwarded-for",
        b"host",
        b"accept",
        b"sec-fetch-site",
        b"sec-fetch-mode",
        b"x-request-id",
    ),
    *(b"content-encoding", b"accept-language", b"x-forwarded-host", b"x-forwarded-proto"),
]
STARTS = [
    *(b"", b"Bearer ", f"{COOKIE}=".encode(), b"better-auth.session_data=", b"http://"),
    *(b"better-auth.dont_remember=", b"application/json;", b"1.2.3.4, ", b"[", b"%"),
]
HEADER_BYTES = st.binary(max_size=40).map(lambda raw: raw.translate(None, b"\r\n\0"))
HEADERS = st.dictionaries(
    st.sampled_from(HEADER_NAMES),
    st.builds(bytes.__add__, st.sampled_from(STARTS), HEADER_BYTES),
    max_size=4,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
NAMES = sorted({name for target in TARGETS for name in target.fields} - {"password"})


@given(target=st.sampled_from(TARGETS), headers=HEADERS)
async def test_no_header_makes_the_server_fail(
    browser: httpx.AsyncClient, target: Target, headers: Headers
) -> None:
    await attack(browser, target, b'{"email":"a@b.co"}', headers)


@given(
    target=st.sampled_from(POSTS),
    body=st.dictionaries(st.sampled_from(NAMES), JSON | st.text(), max_size=5) | JSON,
)
async def test_no_json_makes_the_server_fail(
    hostile: FastAPI, browser: httpx.AsyncClient, target: Target, body: Any
) -> None:
    person = await signed_in(hostile)
    await attack(browser, target, json.dumps(body).encode(), person.headers)
