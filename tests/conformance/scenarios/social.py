"""POST /sign-in/social, POST /link-social, GET and POST /callback/:provider."""

from collections.abc import Iterator
from typing import Any, Final

from tests.conformance.model import (
    WRONG_TYPES,
    Call,
    Headers,
    Sql,
    email,
    get,
    post,
    scenario,
    session,
    signed_up,
)
from tests.support.fake_provider import Script

SIGN_IN: Final = "/sign-in/social"
LINK: Final = "/link-social"
LIST: Final = "/list-accounts"
RESERVED: Final = ("state", "client_id", "redirect_uri", "response_type", "nonce", "scope")
BODIES: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"scopes": ["repo", "a b", "openid", ""]},
    {"scopes": []},
    {"loginHint": "é&=@\ud800\x00"},
    {"loginHint": ""},
    {"additionalParams": {"prompt": "none", "x y": "é/~*'", "tenant": "other"}},
    {"additionalParams": {"include_granted_scopes": "false", "login_hint": "me"}},
    {"disableRedirect": True},
    {"disableRedirect": False, "callbackURL": "", "requestSignUp": True},
    {"additionalData": {"callbackURL": "https://evil.example", "a": None}},
    {"idToken": None},
)
FIELDS: Final = (
    *("provider", "newUserCallbackURL", "disableRedirect", "idToken", "scopes", "requestSignUp"),
    *("loginHint", "additionalParams", "additionalData", "unknown"),
)
NESTED: Final[tuple[dict[str, Any], ...]] = (
    {"idToken": {}},
    {"idToken": {"token": None}},
    {"idToken": {"token": "x", "nonce": 1, "accessToken": 2, "refreshToken": 3}},
    {"idToken": {"token": "x", "expiresAt": "soon"}},
    {"idToken": {"token": "x", "user": 5}},
    {"idToken": {"token": "x", "user": {"name": [], "email": 1}}},
    {"idToken": {"token": "x", "user": {"name": {"firstName": 1, "lastName": None}}}},
    {"idToken": {"token": "x", "unknown": 1}},
    {"scopes": ["a", 1, None, ["b"]]},
    {"additionalParams": {"a": 1, "b": None, "c": "d"}},
    {"additionalParams": {"a": 1, "state": "x"}},
    *({"additionalParams": {name: "x"}} for name in RESERVED),
    {"additionalParams": {"STATE": "x"}},
    {"additionalData": {"a": {"b": [1]}}},
    {"provider": 1, "scopes": 2, "idToken": 3},
)
STATEMENTS: Final = {
    "verify": 'update "user" set "emailVerified" = true where email = $1',
    "copy the ID token": (
        'update "user" set name = (select "idToken" from account '
        'where "userId" = "user".id and "idToken" is not null) where email = $1'
    ),
    "age": "update verification set value = "
    'replace(value, \'"expiresAt"\', \'"expiresAt": 1, "was"\') where identifier = $1',
    "break": "update verification set value = $2 where identifier = $1",
    "double": (
        'insert into account (id, "accountId", "providerId", "userId", "createdAt", "updatedAt") '
        'select md5(id::text || $2)::uuid, "accountId", "providerId", "userId", now(), now() '
        'from account where "providerId" = $1 and "accountId" = $2'
    ),
}


def begin(provider: str = "fake", save: str = "a", name: str = "", **body: Any) -> Call:
    """Somebody presses the provider's button."""
    sent = {"provider": provider, "callbackURL": "/done", **body}
    return post(SIGN_IN, name or f"{save} goes to {provider}", json=sent, save=save)


def script(who: str = "ada", begun: str = "a", *, verified: bool = True, **claims: Any) -> Script:
    """The provider says who it is."""
    usual = {"sub": f"{who}-<<here>>", "email": email(who), "email_verified": verified}
    named = {"name": who.title(), "nonce": f"<<{begun}.nonce>>"}
    return Script(claims={**usual, **named, **claims}, challenge=f"<<{begun}.code_challenge>>")


def back(
    given: Script | None = None,
    *,
    begun: str = "a",
    provider: str = "fake",
    save: str = "",
    name: str = "",
    query: str = "",
    headers: Headers = (),
    cookie: str | None = None,
) -> Call:
    """The browser is back from the provider."""
    code = (given or script(begun=begun)).quoted()
    path = f"/callback/{provider}?state=<<{begun}.state>>&code={code}{query}"
    sent = f"<<{begun}.state_cookie>>" if cookie is None else cookie
    label = name or f"{begun} is back from {provider}"
    return get(path, label, cookie=sent, save=save, headers=headers)


def answered(query: str, name: str = "", begun: str = "a", provider: str = "fake") -> Call:
    path = f"/callback/{provider}?state=<<{begun}.state>>{query}"
    return get(path, name or f"back with {query}", cookie=f"<<{begun}.state_cookie>>")


def verified(who: str = "ada") -> Sql:
    return Sql(STATEMENTS["verify"], (email(who),))


def by_provider(who: str = "ada", provider: str = "fake", **claims: Any) -> Iterator[Call]:
    """Somebody signs in by the provider and asks for what it led to."""
    begun = f"{who}_begun"
    yield begin(provider, begun)
    yield back(script(who, begun, **claims), begun=begun, provider=provider, save=who)
    yield from after(who)


def after(who: str = "ada") -> Iterator[Call]:
    yield session(who)
    yield get(LIST, f"{who}'s accounts", cookie=f"<<{who}.cookie>>")


def linking(who: str = "ada", provider: str = "fake", save: str = "a", **body: Any) -> Call:
    sent = {"provider": provider, "callbackURL": "/linked", **body}
    return post(LINK, f"{who} links {provider}", json=sent, save=save, cookie=f"<<{who}.cookie>>")


def checks(path: str, setting: str, **more: Any) -> Iterator[Call]:
    for field in FIELDS:
        for kind, value in WRONG_TYPES.items():
            body = {"provider": "nobody", field: value}
            yield post(path, f"{field} is {kind}", json=body, **more)
    for nested in NESTED:
        body = {"provider": "nobody", **nested}
        yield post(path, f"{setting}: {nested}", json=body, **more)
    for kind, value in WRONG_TYPES.items():
        yield post(path, f"{kind} as the body", json=value, **more)
    yield post(path, "no body", **more)
    yield post(path, "a form", body=b"provider=nobody", content_type="text/plain", **more)
    yield post(
        path, "a form", body=b"x=1", content_type="application/x-www-form-urlencoded", **more
    )


UNKNOWN_STATES: Final = (
    get("/callback/github", "nothing"),
    get("/callback/github?state=", "an empty state"),
    get("/callback/github?code=x", "no state"),
    get("/callback/github?state=unknown", "no code"),
    get("/callback/github?state=unknown&code=x", "an unknown state"),
    get("/callback/github?error=access_denied", "an error without a state"),
    get("/callback/github?error=access_denied&state=unknown", "an error, an unknown state"),
    get("/callback/nobody?state=unknown&code=x", "an unknown provider"),
    get("/callback/github?state=%00&code=x", "NUL"),
    get("/callback/github?state=%ff&code=x", "not UTF-8"),
    get("/callback/github?state=a&state=b&code=1&code=2", "everything twice"),
    get("/callback/github?error=a&error=b&iss=1&iss=2&user=1&user=2&device_id=1&device_id=2"),
    get("/callback/github?unknown=1&unknown=2", "an unknown parameter twice"),
    get("/callback/github?state=x", "a cookie", cookie="better-auth.state=x"),
    get("/callback", "no provider"),
    get("/callback/a/b?state=x", "two providers"),
    get("/callback/%2e%2e?state=x", "dots"),
    post("/callback/github", "post nothing"),
    post("/callback/github", "post an empty object", json={}),
    post("/callback/github", "post", json={"state": "a", "code": "b c&=é", "x": "y", "user": "{}"}),
    post("/callback/github?state=q&iss=x", "post and query", json={"state": "a", "code": "b"}),
    post("/callback/github", "post a wrong type", json={"state": 1, "code": None}),
    post("/callback/github?state=a&state=b", "post, the query twice", json={"state": 1}),
    post(
        "/callback/fake",
        "post a form",
        body=b"state=a+b&code=%26&error=c~*'d&code=2",
        content_type="application/x-www-form-urlencoded",
    ),
    post("/callback/github", "post text", body=b"x", content_type="text/plain"),
    post("/callback/github", "post an array", json=[]),
    post("/callback/github", "post null", body=b"null"),
    post("/callback/a%20b", "post to a quoted provider", json={"state": "x"}),
    post("/callback/github", "post from elsewhere", json={}, origin="https://evil.example"),
    post("/callback/github", "with a cookie", json={}, cookie="a=b", origin="https://evil.example"),
)
TARGETS: Final = (
    *("/", "/a?b=c#d", "//evil.example", "/\\evil.example", "https://evil.example", "javascript:1"),
    *("http://localhost:3000/a?b=c&d#e", "https://x.trusted.example/?", "/a?b=%zz&", "/ä b", ""),
)

SCENARIOS = [
    scenario(
        "sign-in/social without providers",
        *(post(SIGN_IN, f"with {name}", json={"provider": name}) for name in ("github", "x", "")),
        checks(SIGN_IN, "sign in"),
        *(
            post(SIGN_IN, f"{field} {url}", json={"provider": "x", field: url})
            for field in ("callbackURL", "errorCallbackURL", "newUserCallbackURL")
            for url in TARGETS
        ),
        post(SIGN_IN, "cross-site", json={"provider": "x"}, origin="https://evil.example"),
        post(
            SIGN_IN, "a cookie", json={"provider": "x"}, cookie="a=b", origin="https://evil.example"
        ),
        get(SIGN_IN),
    ),
    scenario(
        "link-social without providers",
        post(LINK, "nobody", json={"provider": "github"}),
        post(LINK, "nobody, no provider", json={}),
        signed_up(),
        checks(LINK, "link", cookie="<<ada.cookie>>"),
        post(LINK, "known", json={"provider": "github"}, cookie="<<ada.cookie>>"),
        post(LINK, "evil", json={"provider": "x"}, cookie="<<ada.cookie>>", origin="https://e.vil"),
    ),
    scenario("the callback without providers", UNKNOWN_STATES),
    scenario("the callback with providers, but nothing begun", UNKNOWN_STATES, setting="social"),
    scenario(
        "where the browser is sent",
        *(
            begin(provider, **body)
            for provider in ("github", "google", "fake", "nobody")
            for body in BODIES
        ),
        begin("github", idToken={"token": "x"}),
        *(
            begin(provider, idToken={"token": token, "nonce": "n"})
            for provider in ("google", "fake")
            for token in ("", "x", "a.b.c", "e30.e30.", "é", "\ud800", "a.b.c.d.e")
        ),
        begin("closed"),
        setting="social",
    ),
    scenario(
        "errors that the provider sends back",
        *(
            step
            for url in TARGETS
            if url not in {"//evil.example", "/\\evil.example", "https://evil.example"}
            and not url.startswith("javascript")
            for step in (
                begin(errorCallbackURL=url),
                answered("&error=access_denied&error_description=no%20%26%20never~"),
            )
        ),
        begin(errorCallbackURL="/oops"),
        answered("", "no code"),
        begin(errorCallbackURL="/oops"),
        answered("&code=", "an empty code"),
        begin(errorCallbackURL="/oops"),
        answered("&code=x", "another provider", provider="nobody"),
        begin(errorCallbackURL="/oops"),
        answered("&code=x&error=", "an empty error, a code that is none"),
        begin(),
        answered("&error=a%0d%0ab%00%F0%9F%98%80", "an odd error"),
        begin(errorCallbackURL="/oops"),
        back(query="&iss=https://evil.example", name="another issuer"),
        begin("github", errorCallbackURL="/oops"),
        back(provider="fake", name="a state without a nonce"),
        setting="social",
    ),
    scenario(
        "a state is one browser's, once",
        begin(errorCallbackURL="/oops"),
        back(cookie="", name="another browser"),
        back(cookie="better-auth.state=<<a.state>>", name="an unsigned cookie"),
        begin(save="b"),
        back(cookie="<<b.state_cookie>>", name="a cookie of another sign-in"),
        back(save="ada", name="the right one"),
        after(),
        back(name="again"),
        begin(save="c", errorCallbackURL="/oops"),
        Sql(STATEMENTS["age"], ("auth-state:<<c.state>>",)),
        back(begun="c", name="too late"),
        begin(save="d", errorCallbackURL="/oops"),
        Sql(STATEMENTS["break"], ("auth-state:<<d.state>>", "{}")),
        back(begun="d", name="nonsense was stored"),
        begin(save="e"),
        Sql(STATEMENTS["break"], ("auth-state:<<e.state>>", "[")),
        back(begun="e", name="no JSON was stored"),
        setting="social",
    ),
]
