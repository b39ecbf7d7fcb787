"""callbackURL and its relatives: where a browser may be sent afterwards."""

from collections.abc import Iterator
from typing import Any, Final

from tests.conformance.model import TOO_LONG, Call, email, post, scenario, sign_up, signed_up
from tests.conftest import PASSWORD

CHEAP: Final = {"name": "C", "email": email("c"), "password": TOO_LONG}
URLS: Final = (
    "/",
    "/home",
    "/home?next=/x#y",
    "/home?next=https://evil.example",
    "/@evil.example",
    "/:80",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/a\\b",
    "/%2fevil.example",
    "/%5Cevil.example",
    "/a%2Fb",
    "/a?x=%2F",
    "/a\tb",
    "/a\nb",
    "/\t/evil.example",
    "/a b",
    "/ä/李",
    "/a\x7fb",
    "/a\u0085b",
    "/..//evil.example",
    "/./",
    "/;@evil.example",
    "/%",
    "/%zz",
    "home",
    "home/page",
    "?x=1",
    "#x",
    ".",
    " /home",
    " ",
    "http://localhost:3000",
    "http://localhost:3000/",
    "http://localhost:3000/home?x=1#y",
    "HTTP://LOCALHOST:3000/home",
    "http://localhost:3000@evil.example/",
    "http://localhost:3000.evil.example",
    "http://user:password@localhost:3000/",
    "http://localhost:03000/",
    "http://localhost:3001",
    "http://localhost",
    "https://localhost:3000",
    "http:localhost:3000",
    "http:/localhost:3000",
    "http:\\\\localhost:3000",
    " http://localhost:3000",
    "http://local\thost:3000",
    "http://localhost:3000\\@evil.example",
    "http://localhost:3000#@evil.example",
    "http://localhost:3000?@evil.example",
    "<<base>>",
    "<<base>>/home",
    "<<base>>.evil.example",
    "https://evil.example",
    "https://evil.example/http://localhost:3000",
    "https://a.trusted.example",
    "https://a.trusted.example/x",
    "https://a.b.trusted.example/x",
    "https://trusted.example",
    "https://.trusted.example",
    "https://evil-trusted.example",
    "https://A.TRUSTED.EXAMPLE/",
    "http://a.trusted.example",
    "https://a.trusted.example:8443",
    "https://a.trusted.example.evil.example",
    "https://evil.example/.trusted.example",
    "https://evil.example?.trusted.example",
    "https://evil.example#.trusted.example",
    "https://evil.example\\.trusted.example",
    "https://evil.example:80/a.trusted.example",
    "https://a@evil.example/.trusted.example",
    "http://app-1.example.org:8080/",
    "http://app-.example.org:8080/",
    "http://app-a.b.example.org:8080/",
    "http://app-1.example.org/",
    "http://app-1.example.org:80801/",
    "javascript:alert(1)",
    "JAVASCRIPT:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "blob:http://localhost:3000/x",
    "ftp://localhost:3000",
    "myapp://callback",
    "about:blank",
    "http://",
    "http://[",
    "http://[::1]:3000",
    "http://:3000",
    "://localhost:3000",
    "null",
    "*",
    "https://*.trusted.example",
    "x" * 3000,
)
OTHERS: Final = ("redirectTo", "errorCallbackURL", "newUserCallbackURL")
VALUES: Final[dict[str, Any]] = {
    "null": None,
    "empty": "",
    "a number": 5,
    "zero": 0,
    "true": True,
    "false": False,
    "an array": [],
    "an array of evil": ["https://evil.example"],
    "an object": {"url": "/"},
    "evil": "https://evil.example",
    "relative": "/home",
    "double slash": "//evil.example",
    "trusted": "http://localhost:3000/x",
}


def probes(path: str, field: str = "callbackURL") -> Iterator[Call]:
    for url in URLS:
        yield post(path, f"{field} {url[:80]!r}", json={**CHEAP, field: url})


def values(path: str, field: str) -> Iterator[Call]:
    for name, value in VALUES.items():
        yield post(path, f"{field} is {name}", json={**CHEAP, field: value})


def in_query(query: str) -> Call:
    return post(f"/sign-in/email?{query}", f"query {query}", json=CHEAP)


def going_home(url: str) -> Call:
    body = {"email": email(), "password": PASSWORD, "callbackURL": url}
    return post("/sign-in/email", f"sign in and go to {url!r}", json=body)


SCENARIOS = [
    scenario("sign-in checks where callbackURL leads", probes("/sign-in/email")),
    scenario("sign-up checks where callbackURL leads", probes("/sign-up/email")),
    scenario("sign-out checks where callbackURL leads", probes("/sign-out")),
    *(
        scenario(f"sign-in checks {field} whatever its type", values("/sign-in/email", field))
        for field in ("callbackURL", *OTHERS)
    ),
    *(
        scenario(f"sign-up checks {field} whatever its type", values("/sign-up/email", field))
        for field in ("callbackURL", *OTHERS)
    ),
    scenario(
        "a callbackURL in the query is checked as well",
        in_query("callbackURL=https://evil.example"),
        in_query("callbackURL=%2Fhome"),
        in_query("callbackURL=//evil.example"),
        in_query("callbackURL="),
        in_query("callbackURL=/a&callbackURL=/b"),
        in_query("callbackURL=/a&callbackURL=https://evil.example"),
        in_query("redirectTo=https://evil.example"),
        in_query("errorCallbackURL=https://evil.example"),
        in_query("callbackurl=https://evil.example"),
        post(
            "/sign-in/email?callbackURL=https://evil.example",
            "the body's comes first",
            json={**CHEAP, "callbackURL": "/home"},
        ),
    ),
    scenario(
        "callback checks do not apply to GET",
        post("/get-session?callbackURL=https://evil.example"),
    ),
    scenario(
        "sign-in sends the browser to callbackURL",
        signed_up(),
        going_home("/home"),
        going_home("/home?x=1&y=ä"),
        going_home("http://localhost:3000/dashboard"),
        going_home("https://a.trusted.example/"),
        going_home("<<base>>/x"),
        going_home(""),
    ),
    scenario(
        "sign-up only checks callbackURL",
        sign_up(callbackURL="/home"),
        sign_up("bob", callbackURL="http://localhost:3000/dashboard"),
    ),
]
