"""How much a request may hold: bytes, parts, fields, parameters; and how much an answer says."""

import json
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from authward.bodies import MAX_BODY_BYTES, MAX_FIELDS, is_too_complex
from authward.core.password_auth import IMAGE_MAX_LENGTH
from authward.security.origins import InvalidOriginError, TrustedOrigins, check_trusted_origin
from authward.server import ENDPOINTS
from taskward.http.middleware import MAX_PARAMETERS
from tests.conftest import BASE_URL, PASSWORD, User, new_email
from tests.support.factories import Browser, running_on

KIB = 1024
JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
WITH_IMAGE = ("/sign-up/email", "/update-user")
SMALL = [e.path for e in ENDPOINTS if e.body and "POST" in e.methods and e.path not in WITH_IMAGE]
PLAIN = ["/signup", "/login", "/login/email"]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.fixture
async def social(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app with a provider."""
    settings = {"github_client_id": "a", "github_client_secret": "b"}
    async with running_on(database_url, **settings) as app:
        transport = httpx.ASGITransport(app)
        origin = {"origin": BASE_URL}
        async with httpx.AsyncClient(
            transport=transport, base_url=BASE_URL, headers=origin
        ) as client:
            yield client


async def in_pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 10_000):
        yield content[start : start + 10_000]


@pytest.mark.parametrize("path", [*SMALL, *PLAIN])
async def test_a_body_below_api_auth_may_have_64_kib_announced_or_not(
    ada: Browser, path: str
) -> None:
    path = path.replace("{provider}", "github")
    right = b'{"image":"i"}'.ljust(MAX_BODY_BYTES)
    for length, too_large_message in ((MAX_BODY_BYTES, False), (MAX_BODY_BYTES + 1, True)):
        for content in (right.ljust(length), in_pieces(right.ljust(length))):
            headers = JSON if not isinstance(content, bytes) else {**JSON}
            url = f"/api/auth{path}"
            answer = await ada.client.post(url, content=content, headers=headers)
            assert (answer.status_code == 413) is too_large_message, answer.text
            if too_large_message:
                assert str(MAX_BODY_BYTES) in str(answer.json())
                assert ("detail" in answer.json()) is (path in PLAIN)


async def test_an_image_may_be_as_long_as_before(ada: Browser) -> None:
    image = "i" * IMAGE_MAX_LENGTH
    assert (await ada.post("update-user", image=image)).status_code == 200
    session = (await ada.get("get-session")).json()
    assert session["user"]["image"] == image
    body = {"email": new_email(), "name": "", "password": PASSWORD, "image": image}
    assert (await ada.post("sign-up/email", **body)).json()["user"]["image"] == image


@pytest.mark.parametrize("quote", [b"\\\\", b'\\"', b"\\u0001", b"%,:[]{}"], ids=repr)
async def test_an_image_may_hold_any_characters(ada: Browser, quote: bytes) -> None:
    content = b'{"image":"%s"}' % (quote * 20_000)
    answer = await ada.client.post("/api/auth/update-user", content=content, headers=JSON)
    assert answer.status_code == 200


INTRICATE = {
    "numbers": b"[%s]" % b",".join([b"1"] * 20_000),
    "objects": b"[%s]" % b",".join([b"{}"] * 20_000),
    "nested": b"[%s]" % b",".join([b"[" * 180 + b"]" * 180] * 100),
    "texts": b"[%s]" % b",".join([b'""'] * 10_000),
    "keys": b"{%s}" % b",".join(b'"%d":""' % n for n in range(5_000)),
    "digits": b"9" * 20_000,
}


@pytest.mark.parametrize("value", INTRICATE.values(), ids=INTRICATE)
async def test_json_of_many_parts_is_413_everywhere(
    client: httpx.AsyncClient, alice: User, ada: Browser, value: bytes
) -> None:
    for content in (value, b'{"title":"t","image":"i","x":%s}' % value):
        for path in ("sign-up/email", "sign-in/email", "update-user", "signup", "login"):
            answer = await ada.client.post(f"/api/auth/{path}", content=content, headers=JSON)
            assert answer.status_code == 413, path
            assert "too many parts" in answer.text
        for method, path in (("POST", "/api/tasks"), ("PUT", "/api/tasks/1")):
            headers = alice.headers | JSON
            answer = await client.request(method, path, content=content, headers=headers)
            assert (answer.status_code, "too many parts" in answer.json()["detail"]) == (413, True)


@given(JSON_VALUES)
def test_small_json_is_never_intricate(value: Any) -> None:
    assert not is_too_complex(json.dumps(value).encode()[: 16 * KIB])


@given(st.lists(st.text(), max_size=9), st.integers(0, 500))
def test_long_texts_and_white_space_make_nothing_intricate(texts: list[str], times: int) -> None:
    text = json.dumps([text * times for text in texts]).encode()
    assert not is_too_complex(text.ljust(len(text) + 100 * times))
    assert is_too_complex(text + b"[" * 17_000)


@pytest.mark.parametrize("text", [b'"' + b'\\"' * 400_000, b'"\\",' * 250_000, b'"' * 999_999])
@pytest.mark.parametrize("end", [b"", b"\\", b'"', b'\\"'], ids=repr)
def test_looking_for_parts_takes_no_time(text: bytes, end: bytes) -> None:
    began = time.thread_time()
    is_too_complex(text + end)
    assert time.thread_time() - began < 0.05


async def test_a_form_has_no_more_fields_than_a_person_fills(client: httpx.AsyncClient) -> None:
    for fields, status in ((MAX_FIELDS, 400), (MAX_FIELDS + 1, 413)):
        content = "&".join(f"f{number}=1" for number in range(fields))
        answer = await client.post("/api/auth/sign-in/email", content=content, headers=FORM)
        assert answer.status_code == status
    form = "&".join(["a=1"] * 20_000)
    answer = await client.post("/api/auth/callback/github", content=form, headers=FORM)
    assert answer.status_code == 413


@pytest.mark.parametrize("field", ["scopes", "additionalParams"])
async def test_a_provider_is_asked_for_no_more_than_a_url_holds(
    social: httpx.AsyncClient, field: str
) -> None:
    for count, value in ((MAX_FIELDS, "v"), (MAX_FIELDS + 1, "v"), (MAX_FIELDS, "v" * 100)):
        entries: Any = [value] * count
        if field == "additionalParams":
            entries = {f"p{number}": value for number in range(count)}
        body = {"provider": "github", field: entries}
        answer = await social.post("/api/auth/sign-in/social", json=body)
        fits = count == MAX_FIELDS and value == "v"
        assert answer.status_code == (200 if fits else 400), answer.text
        assert fits or ("Too big" in answer.json()["message"] and len(answer.content) < KIB)


async def test_an_error_lists_the_first_problems_only(social: httpx.AsyncClient) -> None:
    names = {f"{'n' * 90}{number}": 1 for number in range(MAX_FIELDS)}
    for field, entries in (("scopes", [1] * MAX_FIELDS), ("additionalParams", names)):
        body = {"provider": "github", field: entries}
        message = (await social.post("/api/auth/sign-in/social", json=body)).json()["message"]
        assert message.count("expected string") == 20
        assert len(message) <= 4 * KIB
    body = {"provider": "github", "additionalParams": {"n" * 60_000: 1}}
    assert len((await social.post("/api/auth/sign-in/social", json=body)).content) < 5 * KIB


async def test_a_property_that_is_no_text_is_named_without_failing(
    social: httpx.AsyncClient,
) -> None:
    content = b'{"provider":"github","additionalParams":{"\\ud800":1}}'
    answer = await social.post("/api/auth/sign-in/social", content=content, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")


async def test_a_query_has_no_more_parameters_than_anybody_needs(
    client: httpx.AsyncClient, alice: User
) -> None:
    for path in ("/api/tasks", "/api/auth/get-session", "/api/auth/error", "/nowhere"):
        query = "&".join(["a=1"] * (MAX_PARAMETERS + 1))
        answer = await client.get(f"{path}?{query}", headers=alice.headers)
        assert answer.status_code == 414
        assert set(answer.json()) <= {"code", "message", "detail"}
        answer = await client.get(f"{path}?{query.removesuffix('&a=1')}", headers=alice.headers)
        assert answer.status_code != 414


async def test_chunks_of_a_cookie_are_taken_back_up_to_a_hundred(ada: Browser) -> None:
    chunks = "; ".join(f"better-auth.session_data.{number}=x" for number in range(900))
    answer = await ada.client.post("/api/auth/sign-out", headers={"cookie": chunks})
    taken = answer.headers.get_list("set-cookie")
    assert len({cookie.partition("=")[0] for cookie in taken}) == 103
    assert sum(map(len, taken)) < 32 * KIB


@pytest.mark.parametrize("path", ["error?error=a&error_description=%ff", "callback/x?error=%ff"])
async def test_what_a_page_for_errors_is_told_is_short(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.get(f"/api/auth/{path}{'%ff' * 5_000}")
    assert answer.status_code == 302
    assert len(answer.headers["location"]) < 6 * KIB


async def test_the_content_type_that_is_refused_is_named_in_short(
    client: httpx.AsyncClient,
) -> None:
    kind = {"content-type": b"\xff" * 20_000}
    answer = await client.post("/api/auth/sign-out", content=b"x", headers=kind)  # type: ignore[arg-type]
    assert (answer.status_code, len(answer.content) < KIB) == (415, True)


@pytest.mark.parametrize(
    ("pattern", "url"),
    [
        ("https://*a*a*a*a*a*a*.example.com", f"https://{'a' * 200}.x.com"),
        ("https://*.*.*.*.*.*.example.com", f"https://{'a.' * 120}x"),
        ("*a*a*a*a*a*a*a*a*b", f"http://{'a' * 250}"),
        ("myapp://*/*/*/*/*/*", "myapp://a/" + "\\" * 2_000),
        ("myapp://*/*/*/*/*/*", "myapp://a/" + "%5c" * 600),
        ("myapp://*a*a*a*a*a*a*b", f"myapp://{'a' * 2_000}"),
        ("myapp://x/**/a/**/b", "myapp://x/" + "a/" * 1_000),
    ],
)
def test_a_pattern_of_many_wildcards_takes_no_time(pattern: str, url: str) -> None:
    origins = TrustedOrigins([check_trusted_origin(pattern)])
    began = time.thread_time()
    assert not origins.is_trusted_redirect(url)
    assert time.thread_time() - began < 0.05


def test_a_pattern_of_too_many_deep_wildcards_is_refused() -> None:
    with pytest.raises(InvalidOriginError):
        check_trusted_origin("myapp://x/**/a/**/b/**/c")


@given(st.lists(st.sampled_from(["a", "b", "*", "?"]), max_size=7), st.text("ab", max_size=9))
def test_a_wildcard_within_a_host_means_what_it_did(parts: list[str], host: str) -> None:
    pattern = f"https://{''.join(parts)}.example.com"
    plain = re.escape(pattern).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    url = f"https://{host}.example.com"
    assert TrustedOrigins([pattern]).is_trusted_origin(url) is bool(re.fullmatch(plain, url))
