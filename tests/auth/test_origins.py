"""Trusted origins: the original's own verdicts, and patterns that nobody should configure."""

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authward.security.origins import InvalidOriginError, TrustedOrigins, check_trusted_origin
from tests.conftest import TRUSTED_ORIGIN

# What `matchesOriginPattern` of better-auth 1.7.25 says under Node.js: each pattern with the URLs
# it trusts and those it does not. White space, backslashes and what is not ASCII are escaped.
ORIGINS = r"""
http://localhost:3000
    yes http://localhost:3000 http://localhost:3000/ http://localhost:3000/a/b?c#d
        HTTP://LOCALHOST:3000 http://localhost:03000 http://evil.com@localhost:3000
        http://user:pw@localhost:3000/x http:localhost:3000 http:/localhost:3000
        http:\\\\localhost:3000 http:////localhost:3000 http://localhost:3000\\@evil.com
        \x20http://localhost:3000 http://localhost:3000\x09 http://local\x09host:3000
        http://localhost:3000\x00 \x00http://localhost:3000 http://loc%61lhost:3000
        http://\uff4cocalhost:3000 ht\x0atp://localhost:3000
    no  http://localhost:3000:3000 http://localhost http://localhost:30000
        http://localhost:3001 https://localhost:3000 http://127.0.0.1:3000
        http://localhost.:3000 http://localhost:3000.evil.com http://localhost:3000@evil.com
        http://evil.com#http://localhost:3000 http://evil.com/http://localhost:3000
        http://evil.com?http://localhost:3000 http://evil.com\\@localhost:3000
        http://localhost%00:3000 http://localhost%2eevil.com:3000 http://localhost:\uff13000
        //localhost:3000 /\\localhost:3000 localhost:3000 null http:// http://[
        ws://localhost:3000 ftp://localhost:3000 blob:http://localhost:3000/x
        javascript://localhost:3000/%0aalert(1) data:text/html,http://localhost:3000
        file:///http://localhost:3000 http://localhost:3000\x0d\x0aX:\x20y
        http://\u043b\u043e\u0441alhost:3000
https://app.example.com
    yes https://app.example.com https://app.example.com:443 https://APP.Example.COM/x
        https://app.example\u3002com https://app%2Eexample.com https://app\xad.example.com
    no  http://app.example.com http://app.example.com:443 https://app.example.com.
        https://app.example.com.evil.com https://evilapp.example.com https://example.com
        https://app.example.com:8443 https://\u0430pp.example.com https://app\u200d.example.com
        https://app\u2024example.com
https://xn--bcher-kva.example
    yes https://b\xfccher.example https://B\xdcCHER.example/ https://xn--bcher-kva.example
        https://xn--BCHER-kva.example https://b%C3%BCcher.example
    no  https://bucher.example
https://b\xfccher.example
    no  https://b\xfccher.example https://xn--bcher-kva.example
http://[::1]:3000
    yes http://[::1]:3000 http://[0:0:0:0:0:0:0:1]:3000
    no  http://[::1] http://[::ffff:7f00:1]:3000
http://127.0.0.1:3000
    yes http://127.0.0.1:3000 http://127.1:3000 http://2130706433:3000 http://0x7f.0.0.1:3000
        http://0177.0.0.1:3000 http://127.0.0.1.:3000
    no  http://127.0.0.1.evil.com:3000
https://*.example.com
    yes https://a.example.com https://a.b.example.com https://.example.com
        https://a.example.com:443 https://A.EXAMPLE.COM https://evil.com@a.example.com
        https://b\xfccher.example.com https://*.example.com https://evil.com\x0a.example.com
        https://evil.com\x0d.example.com https://a.example.com: https://a..example.com
    no  https://example.com https://a.example.com:8443 http://a.example.com
        https://a.example.com. https://a.example.com.evil.com https://evilexample.com
        https://evil.com/.example.com https://evil.com?.example.com
        https://evil.com#.example.com https://evil.com\\.example.com
        https://evil.com%2f.example.com https://a.example.com@evil.com
        https://evil.com:.example.com //a.example.com a.example.com myapp://a.example.com
        https://%2f.example.com https://\u2100.example.com https://evil.com\uff0f.example.com
        https://evil.com\uff20.example.com https://[::1].example.com
*.example.com
    yes https://a.example.com http://a.example.com https://evil.com@a.example.com
        https://a.EXAMPLE.com
    no  http://a.example.com:8080 https://example.com https://a.example.com.
        https://evil.com/.example.com https://evil.com#a.example.com
        https://a.example.com@evil.com a.example.com //a.example.com
*.example.com:8080
    yes http://a.example.com:8080
    no  http://a.example.com http://a.example.com:80801
http://localhost:*
    yes http://localhost:3000
    no  http://localhost http://localhost: http://localhost:99999
        http://localhost.evil.com:3000 http://localhost:3000@evil.com https://localhost:3000
http://localhost:300?
    yes http://localhost:3000 http://localhost:3009
    no  http://localhost:300 http://localhost:30000
https://app-?.example.com
    yes https://app-1.example.com https://app-..example.com
    no  https://app-12.example.com https://app-.example.com https://app-/.example.com
https://pre*.example.com
    yes https://preview.example.com https://pre.example.com https://pre.a.example.com
    no  https://pre.evil.com/.example.com
https://**.example.com
    yes https://a.example.com https://a.b.example.com
    no  https://example.com
http://192.168.*.*
    yes http://192.168.1.1 http://192.168.1.1:80 http://192.168.1.1:3000 http://192.168.1
    no  http://192.168.evil.com http://192.168.1.evil.com http://192.168.1.1.evil.com
        http://192.168.1.256 http://192.168.1.1@evil.com
http://192.168.*.*:*
    yes http://192.168.1.1:3000
    no  http://192.168.evil.com:3000 http://192.168.1.1
192.168.*.*
    yes http://192.168.1.1 http://192.168.1.1:3000 https://192.168.9.9
    no  http://192.168.evil.com
10.*
    yes http://10.0.0.1 http://10.1
    no  http://10.evil.com
myapp://
    yes myapp:// myapp://x MYAPP://x myapp:x myapp:/x
    no  myapp2://x myapp http://myapp myapp://x\x0a my\x20app://x
myapp://callback
    yes myapp://callback myapp://CALLBACK/ myapp://callback/deep myapp://callback?x=1
        myapp://callback#x
    no  myapp://callback.evil myapp://callbackevil myapp://callback@evil myapp://user@callback
        myapp://other myapp://callback:80
myapp://host/cb
    yes myapp://host/cb myapp://host/cb/ myapp://host/cb/deep myapp://host/x/../cb
        myapp://host//cb myapp://host/%63b myapp://host/cb%2fx myapp://host/%E0%A4%A/../cb
    no  myapp://host/cbx myapp://host/cb/../evil myapp://host/cb/%2e%2e/evil myapp://host/
        myapp://host myapp://host/CB
exp://*/--/cb
    yes exp://10.0.0.1:8081/--/cb exp://x/--/cb exp://x/--/cb/
    no  exp://x/y exp://u@x/--/cb exp://x/--/cbx
exp://192.168.*.*
    yes exp://192.168.1.5 exp://192.168.1.5:8081 exp://192.168.1.5/x EXP://192.168.1.5
    no  exp://192.168.evil.com
exp://192.168.*.*:*/**
    yes exp://192.168.1.5:8081/x/y exp://192.168.1.5:8081/ exp://192.168.1.5:8081
    no  exp://192.168.evil.com:8081/x
myapp://*.example
    yes myapp://a.example myapp://a.example/x myapp://a.example?x
    no  myapp://a@b.example myapp://evil/.example myapp://evil?.example
http://*:3000
    yes http://a:3000
exp://**
    yes exp://a/b
exp://*/a/**
    yes exp://x/a/b/c exp://x/a
    no  exp://x/b/a
exp://*/**/z
    yes exp://x/z exp://x/a/b/z
    no  exp://x/a/bz
exp://*/a/**/z
    yes exp://x/a/z exp://x/a/b/z
    no  exp://x/abc/z exp://x/a/bz
exp://*/a?c
    yes exp://x/abc
    no  exp://x/a/c
exp://*/a*
    yes exp://x/abc
    no  exp://x/ab/c
"""

# The same function's verdicts on where a browser may be sent from http://localhost:3000; but
# for what `test_redirects.py` has, which the original lets through.
REDIRECTS = r"""
http://localhost:3000
    yes / /dashboard /a/b?c=d#e /a/../b /\xfcber /\u20ac /a?next=//evil.com /a?x=%2f%2fevil
        /a#%5c /a\u2028b /./a /a//b /@evil.com /:80 /? /# /%00 /%
        /%zz /\x20a /a\x20b http://localhost:3000/ok http://localhost:3000/\u20ac
    no  /a?x=\\\\evil.com //evil.com ///evil.com /\\evil.com /\x09/evil.com /a\\b /%2fevil.com
        /%2Fevil.com /%5cevil.com /a%5Cb /a\x7f /a\x85 dashboard ./a ../a ?a #a
        http://evil.com/ javascript:alert(1) http://[ mailto:a@b.co \\\\evil.com
        http:/\\evil.com /a\x0ab
"""


def verdicts(table: str) -> Iterator[tuple[str, str, bool]]:
    """The pattern, the URL and whether it is trusted, for each URL of a table."""
    pattern, trusted = "", False
    for line in table.strip().splitlines():
        words = [word.encode().decode("unicode_escape") for word in line.split()]
        if not line.startswith(" "):
            [pattern] = words
            continue
        if not line.startswith("     "):
            trusted = words.pop(0) == "yes"
        for url in words:
            yield pattern, url, trusted


ORIGIN_VERDICTS, REDIRECT_VERDICTS = list(verdicts(ORIGINS)), list(verdicts(REDIRECTS))
PATTERNS = sorted({pattern for pattern, _, _ in ORIGIN_VERDICTS})
URLS = sorted({url for _, url, _ in ORIGIN_VERDICTS + REDIRECT_VERDICTS})


@pytest.mark.parametrize(("pattern", "url", "trusted"), ORIGIN_VERDICTS, ids=ascii)
def test_an_origin_is_trusted_exactly_if_the_original_trusts_it(
    pattern: str, url: str, trusted: bool
) -> None:
    assert TrustedOrigins([pattern]).is_trusted_origin(url) is trusted


@pytest.mark.parametrize(("pattern", "url", "trusted"), REDIRECT_VERDICTS, ids=ascii)
def test_a_redirect_is_trusted_exactly_if_the_original_trusts_it(
    pattern: str, url: str, trusted: bool
) -> None:
    assert TrustedOrigins([pattern]).is_trusted_redirect(url) is trusted


def test_the_tables_are_as_long_as_they_were_written() -> None:
    assert len(ORIGIN_VERDICTS) == 247
    assert len(REDIRECT_VERDICTS) == 47


@pytest.mark.parametrize(
    "url", ["", " ", "\0", "\ud800", "http://\udcff", "http://[\ud800]", "/\ud800"], ids=ascii
)
def test_no_url_and_half_a_character_are_trusted_by_no_pattern(url: str) -> None:
    origins = TrustedOrigins(PATTERNS)
    assert not origins.is_trusted_origin(url)
    assert not origins.is_trusted_redirect(url)


@given(st.sampled_from(PATTERNS), st.sampled_from(URLS), st.text(max_size=5), st.integers(0, 40))
def test_no_text_makes_the_comparison_fail(
    pattern: str, url: str, inserted: str, position: int
) -> None:
    origins = TrustedOrigins([pattern])
    hostile = url[:position] + inserted + url[position:]
    assert origins.is_trusted_origin(hostile) in {True, False}
    assert origins.is_trusted_redirect(hostile) in {True, False}


@given(st.text(st.characters(exclude_characters="/\\?#@:"), min_size=1))
def test_a_suffix_never_turns_a_stranger_into_a_friend(suffix: str) -> None:
    origins = TrustedOrigins(["https://app.example.com"])
    assert not origins.is_trusted_origin(f"https://evil.{suffix}.example.org")
    assert not origins.is_trusted_origin(f"https://app.example.com.{suffix}.evil.org")


@pytest.mark.parametrize("scheme", ["javascript", "data", "vbscript", "JavaScript"])
@pytest.mark.parametrize("pattern", ["*.example.com", "https://*.example.com", TRUSTED_ORIGIN])
def test_no_pattern_trusts_a_url_that_runs_as_a_script(pattern: str, scheme: str) -> None:
    origins = TrustedOrigins([pattern])
    for host in ("a.example.com", "localhost:3000"):
        assert not origins.is_trusted_redirect(f"{scheme}://{host}/%0aalert(1)")


@pytest.mark.parametrize(
    ("pattern", "start", "end"),
    [
        ("http://192.168.*.*:3000", "http://192.168.", ""),
        ("https://*.*.example.com", "https://", "x"),
        ("https://*.example.com", "https://", ".example.com.x"),
        ("myapp://*/*a*b", "myapp://a/", "x"),
        ("myapp://*.*.x", "myapp://", "y"),
    ],
)
def test_a_long_hostile_origin_costs_no_time(pattern: str, start: str, end: str) -> None:
    origins = TrustedOrigins([pattern])
    began = time.thread_time()
    assert not origins.is_trusted_redirect(f"{start}{'a.' * 10_000}{end}")
    assert time.thread_time() - began < 0.5


@pytest.mark.parametrize(
    ("configured", "kept"),
    [
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://localhost:3000/", "http://localhost:3000"),
        ("HTTPS://App.Example.COM", "https://app.example.com"),
        ("https://app.example.com:443", "https://app.example.com"),
        ("http://app.example.com:80/", "http://app.example.com"),
        ("https://b\u00fccher.example", "https://xn--bcher-kva.example"),
        ("http://[0:0::1]:3000", "http://[::1]:3000"),
        ("https://*.example.com", "https://*.example.com"),
        ("HTTPS://*.Example.COM", "https://*.example.com"),
        ("*.example.com", "*.example.com"),
        ("https://app-?.example.com", "https://app-?.example.com"),
        ("http://localhost:*", "http://localhost:*"),
        ("http://192.168.*.*:3000", "http://192.168.*.*:3000"),
        ("myapp://", "myapp://"),
        ("myapp://callback", "myapp://callback"),
        ("exp://192.168.*.*:*/**", "exp://192.168.*.*:*/**"),
    ],
)
def test_an_origin_is_kept_in_the_spelling_that_requests_have(configured: str, kept: str) -> None:
    assert check_trusted_origin(configured) == kept


@pytest.mark.parametrize(
    "pattern",
    [
        *("*", "**", "?*", "*.*", "*.*.*", "*:3000", "*:*", "*.*:3000", "http://*", "https://*"),
        *("https://**", "http://*:*", "http://*:3000", "https://*.*", "https://?*", "https://*."),
        *("http://*/", "https://*/*", "*://*", "*://example.com/*", "https://[*]"),
        *("https://*.example.com/", "https://*.example.com/a", "https://*.example.com?a=b"),
        *("https://*.example.com#a", "https://user@*.example.com", "https://*.example.com\\a"),
        *("https://a.example.com/b", "https://a.example.com/?"),
        *("https://a.example.com#b", "https://user@a.example.com", "https://u:p@a.example.com"),
        *(
            "",
            "null",
            "localhost",
            "localhost:3000",
            "example.com",
            "//example.com",
            "/",
            "https://",
        ),
        *("http://[", "http://a b", "https:example.com", "http://localhost:99999", "https://a\0b"),
    ],
)
def test_what_would_trust_everybody_or_nobody_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidOriginError):
        check_trusted_origin(pattern)


@given(st.text("*?.:/[]#@ht", max_size=12) | st.text(max_size=12))
def test_no_pattern_that_is_kept_trusts_an_unrelated_site(pattern: str) -> None:
    try:
        kept = check_trusted_origin(pattern)
    except InvalidOriginError:
        return
    assert not TrustedOrigins([kept]).is_trusted_origin("https://w7.unrelated-x9q.org:8443")
