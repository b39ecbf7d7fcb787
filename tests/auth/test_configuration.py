"""Mistakes in options and plugins: refused when the server is created, in a sentence."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from structlog.testing import capture_logs

from authward import (
    AdvancedOptions,
    BetterAuth,
    BetterAuthOptions,
    Code,
    ConfigurationError,
    CookieAttributes,
    CookieCacheOptions,
    CookieOptions,
    CrossSubDomainCookies,
    DatabaseHook,
    DBField,
    DBTable,
    Endpoint,
    EndpointContext,
    ErrorCode,
    Hook,
    Limit,
    Plugin,
    RateLimitOptions,
    RateLimitRule,
    Reference,
    SessionOptions,
    UserOptions,
)
from authward.plugins import UsernameOptions, username
from authward.plugins.schema_options import TableOptions
from authward.schema.fields import DBIndex
from tests.conftest import BASE_URL

SECRET = "tests-only-5f0c8e7d6b1a4293a8c6e0d1"
ANY: Any = None
TEXT = DBField(type="string", required=False)


async def handler(_: EndpointContext) -> None:
    """Do nothing."""


async def health() -> str:
    return "OK"


def wrong(value: object) -> Any:
    """A value that the types do not allow."""
    return value


def create(**options: Any) -> BetterAuth:
    given = {"secret": SECRET, "base_url": BASE_URL, **options}
    return BetterAuth(BetterAuthOptions(**given), ANY)


def plugin(**parts: Any) -> BetterAuth:
    return create(plugins=(Plugin(id="mine", **parts),))


def field(name: str, **attributes: Any) -> BetterAuth:
    added = {name: DBField(**{"type": "string", "required": False, **attributes})}
    return create(user=UserOptions(additional_fields=added))


def endpoint(**attributes: Any) -> BetterAuth:
    return plugin(endpoints=[Endpoint(handler=handler, **attributes)])


def table(fields: dict[str, DBField], **more: Any) -> BetterAuth:
    return plugin(schema={"thing": DBTable(fields=fields, **more)})


def error_codes(name: str, members: dict[str, tuple[int, str]]) -> Any:
    make: Any = ErrorCode
    return make(name, members)


def codes(**enumerations: Any) -> BetterAuth:
    """Plugins with these error codes, by their ids."""
    return create(plugins=tuple(Plugin(id=i, error_codes=e) for i, e in enumerations.items()))


def router() -> APIRouter:
    made = APIRouter()
    made.add_api_route("/get-session", health)
    return made


def cookies(base_url: str = BASE_URL, **options: Any) -> BetterAuth:
    return create(base_url=base_url, advanced=AdvancedOptions(**options))


def attributes(**given: Any) -> BetterAuth:
    return cookies(default_cookie_attributes=CookieAttributes(**given))


def cache(**given: Any) -> BetterAuth:
    return create(session=SessionOptions(cookie_cache=CookieCacheOptions(**given)))


def limits(**given: Any) -> BetterAuth:
    return create(rate_limit=RateLimitOptions(**given))


ACROSS = "advanced.cross_sub_domain_cookies"
DEFAULTS = "advanced.default_cookie_attributes"
MISTAKES: dict[str, tuple[Callable[[], object], str]] = {
    "SameSite=None over http": (lambda: attributes(same_site="none"), "same_site=none needs https"),
    "Partitioned over http": (lambda: attributes(partitioned=True), "partitioned needs https"),
    "SameSite=None without Secure": (
        lambda: cookies(
            "https://a.example",
            default_cookie_attributes=CookieAttributes(same_site="none", secure=False),
        ),
        "same_site=none needs https (base_url) and secure cookies",
    ),
    "another SameSite": (lambda: attributes(same_site=wrong("None")), f"{DEFAULTS}.same_site is"),
    "a text as Secure": (lambda: attributes(secure=wrong("yes")), f"{DEFAULTS}.secure is not"),
    "a path that ends the cookie": (lambda: attributes(path="/; x"), f"{DEFAULTS}.path is"),
    "a year and more": (lambda: attributes(max_age=10**9), f"{DEFAULTS}.max_age is 1 to"),
    "no domain": (lambda: attributes(domain="a b"), f"{DEFAULTS}.domain is a domain"),
    "a domain of another site": (
        lambda: attributes(domain="example.com"),
        "its domain 'example.com' is not one of base_url's host",
    ),
    "a domain for nothing": (
        lambda: cookies(cross_sub_domain_cookies=CrossSubDomainCookies(domain="localhost")),
        f"{ACROSS} has a domain, but is not enabled",
    ),
    "a mapping as domain": (
        lambda: cookies(cross_sub_domain_cookies=wrong({"enabled": True})),
        f"{ACROSS} is CrossSubDomainCookies(",
    ),
    "a prefix with a space": (lambda: cookies(cookie_prefix="a b"), "advanced.cookie_prefix must"),
    "one name for two cookies": (
        lambda: cookies(cookies={"state": CookieOptions(name="better-auth.session_token")}),
        "two cookies would have one name",
    ),
    "a text as cookie": (
        lambda: cookies(cookies={"state": wrong("x")}),
        "advanced.cookies['state'] is CookieOptions(…)",
    ),
    "an unknown strategy": (
        lambda: cache(strategy=wrong("jws")),
        "session.cookie_cache.strategy is one of compact, jwt, jwe",
    ),
    "a cache for no time": (lambda: cache(max_age=0), "session.cookie_cache.max_age is 1 to"),
    "a number as version": (lambda: cache(version=wrong(1)), "session.cookie_cache.version is"),
    "a number as cookie cache": (
        lambda: create(session=SessionOptions(cookie_cache=wrong(1))),
        "session.cookie_cache is CookieCacheOptions(…)",
    ),
    "no window": (lambda: limits(window=0), "rate_limit.window is a number from 1"),
    "a text as max": (lambda: limits(max=wrong("5")), "rate_limit.max is a number from 1"),
    "another storage": (lambda: limits(storage=wrong("redis")), "rate_limit.storage is database"),
    "a rule for no path": (
        lambda: limits(custom_rules={"ok": False}),
        "rate_limit.custom_rules['ok']: a path begins with /",
    ),
    "a number as rule": (
        lambda: limits(custom_rules={"/ok": wrong(5)}),
        "rate_limit.custom_rules['/ok'] is a Limit(…), False or an async function",
    ),
    "a rule without end": (
        lambda: limits(custom_rules={"/ok": Limit(window=10**9, max=1)}),
        "rate_limit.custom_rules['/ok'].window is a number",
    ),
    "no secret": (lambda: create(secret=""), "secret is missing"),
    "a blank secret": (lambda: create(secret="  "), "secret is missing"),
    "None as secret": (lambda: create(secret=None), "secret is missing"),
    "an empty old secret": (lambda: create(old_secrets=("",)), "old_secrets is missing"),
    "one text as old secrets": (lambda: create(old_secrets=SECRET), "old_secrets is a tuple"),
    "a URL without scheme": (lambda: create(base_url="localhost:80"), "'localhost:80'"),
    "no text as URL": (lambda: create(base_url=None), "base_url is a URL such as"),
    "a URL with a query": (lambda: create(base_url=f"{BASE_URL}?a=b"), "base_url is a URL such as"),
    "a query after a path": (lambda: create(base_url=f"{BASE_URL}/api?a"), "not '/api?a'"),
    "a path that leads away": (lambda: create(base_url=f"{BASE_URL}/a/../b"), "not '/a/../b'"),
    "a path with two slashes": (lambda: create(base_url=f"{BASE_URL}//b"), "not '//b'"),
    "a URL of all sites": (lambda: create(base_url="https://*.a.b"), "base_url is a URL such as"),
    "no name of the application": (lambda: create(app_name=" "), "app_name is a text"),
    "a path without slash": (lambda: create(base_path="auth"), "base_path begins with /"),
    "one text as origins": (lambda: create(trusted_origins=BASE_URL), "trusted_origins is a tuple"),
    "no origin": (lambda: create(trusted_origins=("a.b",)), "trusted_origins: 'a.b'"),
    "an object as group": (lambda: create(session={}), "session is SessionOptions(…), not {}"),
    "a time as text": (
        lambda: create(session=SessionOptions(expires_in=wrong("5"))),
        "session.expires_in is a number of seconds, not '5'",
    ),
    "no time": (lambda: create(jwt_expires_in=0), "jwt_expires_in is a number of seconds"),
    "an unknown type": (lambda: field("plan", type="text"), "'plan' of 'user' has the type 'text'"),
    "a type of Python": (lambda: field("plan", type=str), "'plan' of 'user' has the type"),
    "a list as type": (lambda: field("plan", type=["a"]), "'plan' of 'user' has the type ['a']"),
    "a default of another type": (
        lambda: field("size", type="number", default_value="big"),
        "'size' of 'user' cannot have the default value 'big': expected a whole number",
    ),
    "a field without name": (lambda: field(""), "'' of 'user' needs a name of 1 to 63 bytes"),
    "a long name": (lambda: field("é" * 32), "needs a name of 1 to 63 bytes"),
    "NUL in a name": (lambda: field("a\0"), "needs a name of 1 to 63 bytes"),
    "a system column": (lambda: field("xmin"), "the name of a system column, 'xmin'"),
    "an object as field": (
        lambda: create(user=UserOptions(additional_fields={"plan": wrong({})})),
        "'plan' of 'user' is no DBField",
    ),
    "an object as table": (lambda: plugin(schema={"thing": {}}), "the plugin 'mine': 'thing' is"),
    "two fields, one column": (
        lambda: table({"a": TEXT, "b": DBField(type="string", field_name="a")}),
        "'b' of 'thing' has the same column as 'a'",
    ),
    "a table that names its id": (lambda: table({"id": TEXT}), "'thing' names 'id'"),
    "a reference to no field": (
        lambda: table({"owner": DBField(type="string", references=Reference("user", "no"))}),
        "thing.owner refers to no field",
    ),
    "an index over no field": (
        lambda: table({"a": TEXT}, indexes=[DBIndex(fields=["b"])]),
        "an index of 'thing' is over 'b'",
    ),
    "a plugin without id": (lambda: create(plugins=(Plugin(id=""),)), "a plugin needs a text"),
    "a path of an endpoint without slash": (lambda: endpoint(path="greet"), "not 'greet'"),
    "an empty path": (lambda: endpoint(path=""), "not ''"),
    "a slash at the end": (lambda: endpoint(path="/greet/"), "not '/greet/'"),
    "one text as methods": (lambda: endpoint(path="/a", methods="GET"), "the methods of /a"),
    "a method in lower case": (lambda: endpoint(path="/a", methods=("get",)), "the methods of /a"),
    "a path with another parameter": (
        lambda: endpoint(path="/reset-password/{x}", methods=("GET",)),
        "the plugin 'mine' and the core both serve GET /reset-password/{x}",
    ),
    "a path that a parameter takes": (
        lambda: endpoint(path="/reset-password/mine", methods=("GET",)),
        "the plugin 'mine' and the core both serve GET /reset-password/mine",
    ),
    "a router's path": (
        lambda: plugin(routers=[router()]),
        "the plugin 'mine' and the core both serve GET /get-session",
    ),
    "two paths, one name": (
        lambda: plugin(
            endpoints=[
                Endpoint(path="/greet/all", handler=handler),
                Endpoint(path="/greet-all", handler=handler),
            ]
        ),
        "/greet/all and /greet-all would both be api.greet_all: give one Endpoint a name",
    ),
    "a path with the name of the core's": (
        lambda: endpoint(path="/sign-in-email"),
        "/sign-in/email and /sign-in-email would both be api.sign_in_email",
    ),
    "a plain function as handler": (
        lambda: plugin(endpoints=[Endpoint(path="/a", handler=wrong(table))]),
        "the plugin 'mine': the handler of /a is no async function",
    ),
    "a plain function within": (
        lambda: plugin(endpoints=[Endpoint(path="/a", handler=wrong(partial(table, {})))]),
        "the plugin 'mine': the handler of /a is no async function",
    ),
    "a plain function in a hook": (
        lambda: plugin(before=[Hook(handler=wrong(table))]),
        "the plugin 'mine': the handler of a hook in before is no async function",
    ),
    "another message for a code of the core": (
        lambda: codes(A=error_codes("A", {"USER_NOT_FOUND": (400, "Nobody")})),
        "the plugin 'A' and the core have other messages for 'USER_NOT_FOUND'",
    ),
    "a function as hook": (lambda: plugin(before=[handler]), "in before is no Hook"),
    "a path as matcher": (
        lambda: plugin(after=[Hook(handler=handler, matcher=wrong("/ok"))]),
        "the matcher of a hook in after is no function: '/ok'",
    ),
    "a hook of an unknown model": (
        lambda: create(database_hooks=(DatabaseHook(model=wrong("users"), action="create"),)),
        "a database hook is for 'users': choose user, session, account, verification",
    ),
    "a hook of an unknown action": (
        lambda: plugin(database_hooks=[DatabaseHook(model="user", action=wrong("insert"))]),
        "a database hook is for 'insert': choose create, update, delete",
    ),
    "one text as a rule's paths": (
        lambda: plugin(rate_limit=[RateLimitRule(60, 2, paths=wrong("/greet"))]),
        "the plugin 'mine': the paths of a rate rule",
    ),
    "a rule that allows nothing": (
        lambda: plugin(rate_limit=[RateLimitRule(60, 0, paths=("/greet",))]),
        "the plugin 'mine': window and max_requests",
    ),
    "shorter than the shortest": (
        lambda: username(UsernameOptions(min_username_length=9, max_username_length=3)),
        "min_username_length is more than max_username_length",
    ),
    "an unknown field's column": (
        lambda: username(UsernameOptions(schema={"user": TableOptions(fields={"user_name": "x"})})),
        "schema['user'].fields has 'user_name'",
    ),
    "an unknown moment": (
        lambda: username(UsernameOptions(validate_username=wrong("post"))),
        "validate_username is one of pre-normalization, post-normalization",
    ),
}


@pytest.mark.parametrize(("make", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_refused_in_a_sentence_that_names_it(
    make: Callable[[], object], sentence: str
) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(sentence)) as caught:
        make()
    assert SECRET not in str(caught.value)


def test_what_is_right_is_taken() -> None:
    create(old_secrets=(SECRET,), trusted_origins=("https://*.example.com", "myapp://"))
    field("größe", type="number", default_value=3)
    field("plan", type=("free", "paid"), default_value="free")
    endpoint(path="/reset/{token}/now", methods=("GET", "POST"))
    endpoint(path="/sign-in-email", name="sign_in_by_mail")
    plugin(endpoints=[Endpoint(path="/a", handler=partial(handler))])
    again = error_codes("Again", {"USER_NOT_FOUND": (404, Code.USER_NOT_FOUND.message)})
    codes(A=again, B=again)
    table({"owner": DBField(type="string", references=Reference("user", "email"))})


@pytest.mark.parametrize(
    ("given", "base_path", "url"),
    [
        (f"{BASE_URL}/", "/api/auth", f"{BASE_URL}/api/auth"),
        (f"{BASE_URL}/auth", "/api/auth", f"{BASE_URL}/auth"),
        (f"{BASE_URL}/my/auth/", "/other", f"{BASE_URL}/my/auth"),
    ],
)
async def test_a_path_in_the_base_url_is_where_the_endpoints_are(
    given: str, base_path: str, url: str
) -> None:
    """As in the original, where such a path takes the place of `basePath`."""
    uncounted = RateLimitOptions(enabled=False)
    auth = create(base_url=given, base_path=base_path, rate_limit=uncounted)
    auth.install(app := FastAPI())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        assert (await client.get(f"{url}/ok")).json() == {"ok": True}
        assert (await client.get(f"{url}/ok/ok")).status_code == 404
    assert (auth.options.base_url, auth.options.url) == (BASE_URL, url)


HTTPS = "https://api.example.com"
CROSS_SITE = AdvancedOptions(default_cookie_attributes=CookieAttributes(same_site="none"))


@pytest.mark.parametrize(
    ("origin", "advanced", "is_warned_of"),
    [
        ("https://app.other.example", AdvancedOptions(), True),
        ("http://app.example.com", AdvancedOptions(), True),
        ("https://*.vercel.app", AdvancedOptions(), True),
        ("https://app.example.com", AdvancedOptions(), False),
        ("https://*.example.com", AdvancedOptions(), False),
        ("http://localhost:3000", AdvancedOptions(), False),
        ("myapp://", AdvancedOptions(), False),
        ("https://app.other.example", CROSS_SITE, False),
    ],
)
def test_a_page_that_browsers_will_not_send_the_session_is_warned_of(
    origin: str, advanced: AdvancedOptions, *, is_warned_of: bool
) -> None:
    with capture_logs() as lines:
        create(base_url=HTTPS, trusted_origins=(origin,), advanced=advanced)
    assert [line["origins"] for line in lines if "origins" in line] == [[origin]] * is_warned_of
