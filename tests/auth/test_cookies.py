"""Cookies: signed as the original signs them, read whatever else the browser sends along."""

import base64
import hmac

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import example, given
from hypothesis import strategies as st

from authward.security.cookies import (
    CookieNames,
    CookieSigner,
    decode_uri_component,
    encode_uri_component,
    parse_cookies,
)
from tests.conftest import PASSWORD, TRUSTED_ORIGIN, new_email
from tests.support.factories import running_on
from tests.support.password_hashes import watch_comparisons

SECRET = "tests-only-0123456789abcdef0123456789"
NAME = "better-auth.session_token"
TOKEN = "vQ7bYc0aZkT3mN9xLpR2sW8dGhJ4fU6e"
SIGNER = CookieSigner(SECRET)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))

# Made with the original's `signCookieValue` (better-call) under Node.js.
SIGNED = {
    TOKEN: f"{TOKEN}.hppzNtj3U5Llx2RvCSK4MDyTxX0zcMKJti%2FVjd%2FyA%2FA%3D",
    "true": "true.G8WCzTh68c5%2Fc%2BnsolStTi%2F4SXGRqkGKlK25gRhDCHc%3D",
    "a.b": "a.b.LMUZdmGtyTlm7GoKs73kkX1RwIeUozNPZVk9IXfh5wc%3D",
    "é€😀": "%C3%A9%E2%82%AC%F0%9F%98%80.4l6%2F1EnR4MzS1dXGp%2F8vaK%2BbLlmG4zWAwXtYzRJ5nHI%3D",
    "a b+c/d=": "a%20b%2Bc%2Fd%3D.UMrq5hJtBpN%2BqSs9RFxQDCNZ5jV5QolIP3kfBwla9Dg%3D",
    'x😀;"%': "x%F0%9F%98%80%3B%22%25.rlhYwJWW7yWMuRfwd2oGtLE8cvC5%2Fo%2FwLrd0onTdtWk%3D",
}
# What Node's `encodeURIComponent` makes of the ASCII characters 1 to 127.
ENCODED_ASCII = (
    "%01%02%03%04%05%06%07%08%09%0A%0B%0C%0D%0E%0F%10%11%12%13%14%15%16%17%18%19%1A%1B%1C%1D%1E%1F"
    "%20!%22%23%24%25%26'()*%2B%2C-.%2F0123456789%3A%3B%3C%3D%3E%3F%40ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "%5B%5C%5D%5E_%60abcdefghijklmnopqrstuvwxyz%7B%7C%7D~%7F"
)
FOREIGN = [
    b'prefs={"a":1,"b":"x, y"}',
    b"valueless",
    b"=",
    b"==",
    b"=value",
    b"empty=",
    b'quoted="a b"',
    b'half="a',
    b'quote="',
    b"latin=\xe9\xff",
    b"\xe9\xff=1",
    "utf=€😀".encode(),
    b"percent=%",
    b"percent=%zz%e9%00",
    b"",
    b" ",
    b";;; ;",
    b"better-auth.session_token_x=1",
    b"xbetter-auth.session_token=1",
    b"better-auth.session_data=%7B%7D",
    b"better-auth.session_token",
    b"__proto__=1",
    b"long=" + b"x" * 4000,
]


@pytest.mark.parametrize("value", SIGNED, ids=ascii)
def test_a_value_is_signed_as_the_original_signs_it(value: str) -> None:
    assert encode_uri_component(SIGNER.sign(value)) == SIGNED[value]
    assert SIGNER.verify(decode_uri_component(SIGNED[value])) == value


def test_percent_encoding_is_that_of_javascript() -> None:
    assert encode_uri_component("".join(map(chr, range(1, 128)))) == ENCODED_ASCII
    assert encode_uri_component("é€\u2028😀") == "%C3%A9%E2%82%AC%E2%80%A8%F0%9F%98%80"
    assert encode_uri_component("\0\uffff") == "%00%EF%BF%BF"


@given(TEXT)
def test_percent_encoding_can_be_undone(text: str) -> None:
    encoded = encode_uri_component(text)
    assert encoded.isascii()
    assert decode_uri_component(encoded) == text


@pytest.mark.parametrize("text", ["%", "%z", "%e9", "a%", "%C3", "%ED%A0%80", "100%", "%F5%80"])
def test_malformed_percent_encoding_is_left_alone(text: str) -> None:
    assert decode_uri_component(text) == text


@given(TEXT.filter(bool))
def test_a_signed_value_survives_the_way_to_the_browser_and_back(value: str) -> None:
    cookie = CookieNames(secure=False).set_cookie(NAME, SIGNER.sign(value), 60)
    pair = cookie.partition(";")[0]
    assert SIGNER.verify(parse_cookies(f"a=1; {pair}; b=2")[NAME]) == value


@given(TEXT.filter(bool), st.data())
def test_no_change_makes_another_value_of_a_signed_one(value: str, data: st.DataObject) -> None:
    signed = SIGNER.sign(value)
    start = data.draw(st.integers(0, len(signed)))
    end = data.draw(st.integers(start, len(signed)))
    mutated = signed[:start] + data.draw(st.text("AZaz09+/=. ", max_size=4)) + signed[end:]
    assert SIGNER.verify(mutated) in {None, value}


@given(st.text())
@example("")
@example(".")
@example(f".{'A' * 43}=")
@example(f"a.{'A' * 43}=")
@example(f"a.{'é' * 43}=")
@example(f"a.{'=' * 44}")
@example(f"a.{'A' * 1_000_000}=")
def test_what_nobody_signed_is_nothing(text: str) -> None:
    assert SIGNER.verify(text) is None


def forgeries() -> dict[str, str]:
    mac = hmac.digest(SECRET.encode(), TOKEN.encode(), "sha256")
    return {
        "unsigned": TOKEN,
        "empty signature": f"{TOKEN}.",
        "another secret": CookieSigner(SECRET + "x").sign(TOKEN),
        "another value's": f"{TOKEN}.{SIGNER.sign('true').partition('.')[2]}",
        "unpadded": f"{TOKEN}.{base64.b64encode(mac).decode()[:-1]}",
        "hexadecimal": f"{TOKEN}.{mac.hex()}",
        "truncated": f"{TOKEN}.{base64.b64encode(mac[:16]).decode()}",
        "with white space": f"{TOKEN}.{base64.b64encode(mac).decode()[:20]} ",
        "extended": f"x{SIGNER.sign(TOKEN)}",
        "SHA-1": f"{TOKEN}.{base64.b64encode(hmac.digest(SECRET.encode(), b'a', 'sha1')).decode()}",
        "JWT": f"eyJhbGciOiJub25lIn0.{base64.b64encode(mac).decode()}",
    }


@pytest.mark.parametrize("forged", forgeries().values(), ids=forgeries())
def test_a_forged_signature_is_refused(forged: str) -> None:
    assert SIGNER.verify(forged) is None


def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = watch_comparisons(monkeypatch)
    assert SIGNER.verify(f"{TOKEN}.{'A' * 43}=") is None
    assert compared == [(32, 32)]


@given(st.lists(st.text(max_size=20).filter(lambda t: NAME not in t), max_size=4), st.data())
def test_foreign_cookies_never_hide_ours(foreign: list[str], data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(foreign)))
    header = "; ".join([*foreign[:position], f"{NAME}={SIGNED[TOKEN]}", *foreign[position:]])
    assert SIGNER.verify(parse_cookies(header)[NAME]) == TOKEN


def test_the_first_of_two_equal_names_counts() -> None:
    assert parse_cookies("a=1; a=2;a=3") == {"a": "1"}


def test_quotes_around_a_value_are_no_part_of_it() -> None:
    assert parse_cookies(f'{NAME}="{SIGNED["true"]}"')[NAME] == SIGNER.sign("true")


def test_cookies_are_kept_from_scripts_and_other_sites() -> None:
    plain, secure = CookieNames(secure=False), CookieNames(secure=True)
    assert plain.set_cookie(plain.session_token, "a b", 60) == (
        "better-auth.session_token=a%20b; Max-Age=60; Path=/; HttpOnly; SameSite=Lax"
    )
    assert secure.set_cookie(secure.dont_remember, "true") == (
        "__Secure-better-auth.dont_remember=true; Path=/; HttpOnly; Secure; SameSite=Lax"
    )


@pytest.fixture(scope="module")
async def cookie(app: FastAPI) -> bytes:
    """The `Cookie` header of somebody who is signed in."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        body = {"name": "C", "email": new_email(), "password": PASSWORD}
        response = await client.post("/api/auth/sign-up/email", json=body)
    return response.headers["set-cookie"].partition(";")[0].encode()


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda f: ascii(f[:20]))
async def test_a_session_is_found_among_foreign_cookies(
    client: httpx.AsyncClient, cookie: bytes, foreign: bytes
) -> None:
    after, before = b"; ".join([foreign, cookie]), b"; ".join([cookie, foreign])
    split = [(b"cookie", foreign), (b"cookie", cookie)]
    for headers in ([(b"cookie", after)], [(b"cookie", before)], split):
        response = await client.get("/api/auth/get-session", headers=headers)
        assert response.status_code == 200
        assert response.json() is not None


async def test_a_forged_cookie_is_no_session(client: httpx.AsyncClient, cookie: bytes) -> None:
    name, _, value = cookie.decode().partition("=")
    token, dot, signature = value.partition(".")
    forged = CookieSigner(SECRET).sign(token).partition(".")[2]
    for other in (token, f"{token}.", f"{token}.{forged}", f"{token[:-1]}-{dot}{signature}"):
        headers = {"cookie": f"{name}={other}", "origin": TRUSTED_ORIGIN}
        response = await client.get("/api/auth/get-session", headers=headers)
        assert (response.status_code, response.json()) == (200, None)
        assert (await client.get("/api/auth/token", headers=headers)).status_code == 401


async def test_over_https_only_secure_cookies_are_set_and_believed(database_url: str) -> None:
    origin = "https://tasks.example.com"
    body = {"name": "C", "email": new_email(), "password": PASSWORD}
    async with (
        running_on(database_url, better_auth_url=origin) as app,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=origin) as client,
    ):
        response = await client.post("/api/auth/sign-up/email", json=body)
        client.cookies.clear()
        pair, *attributes = response.headers["set-cookie"].split("; ")
        assert pair.startswith("__Secure-better-auth.session_token=")
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(attributes)
        for cookie, signed_in in ((pair, True), (pair.removeprefix("__Secure-"), False)):
            found = await client.get("/api/auth/get-session", headers={"cookie": cookie})
            assert (found.json() is not None) is signed_in
