"""The CSRF rules: Origin, Referer, Fetch Metadata, with and without cookies."""

from collections.abc import Iterator
from typing import Any, Final

from tests.conformance.model import TOO_LONG, Call, Headers, email, get, post, scenario, signed_up

CHEAP: Final = {"name": "O", "email": email("o"), "password": TOO_LONG}
FOREIGN: Final = "theme=dark"
ORIGINS: Final = (
    "http://localhost:3000",
    "http://localhost:3000/",
    "http://localhost:3000/page",
    "HTTP://LOCALHOST:3000",
    "http://localhost:3001",
    "https://localhost:3000",
    "http://127.0.0.1:3000",
    "<<base>>",
    "<<base>>/",
    "https://evil.example",
    "http://localhost:3000.evil.example",
    "http://localhost:3000@evil.example",
    "https://a.trusted.example",
    "https://a.b.trusted.example",
    "https://trusted.example",
    "http://a.trusted.example",
    "http://app-7.example.org:8080",
    "http://app-7.example.org",
    "null",
    "NULL",
    "",
    " ",
    "/",
    "/relative",
    "//localhost:3000",
    "localhost:3000",
    "chrome-extension://abcdef",
    "file://",
    "http://",
    "http://[",
    "*",
    "http://localhost:3000, http://localhost:3000",
    "http://localhost:3000 https://evil.example",
    "http://xn--bcher-kva.example",
    "http://b\xfccher.example",
)
METADATA: Final[dict[str, Headers]] = {
    "same-origin cors": (("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")),
    "same-site cors": (("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")),
    "cross-site cors": (("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "cors")),
    "cross-site navigate": (("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")),
    "none navigate": (("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")),
    "same-origin navigate": (("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "navigate")),
    "cross-site alone": (("sec-fetch-site", "cross-site"),),
    "in capitals": (("sec-fetch-site", "Cross-Site"), ("sec-fetch-mode", "Navigate")),
    "a document": (("sec-fetch-dest", "document"),),
    "empty ones": (("sec-fetch-site", ""), ("sec-fetch-mode", "")),
    "nonsense": (("sec-fetch-site", "nonsense"), ("sec-fetch-mode", "nonsense")),
}


def origins(path: str, cookie: str | None) -> Iterator[Call]:
    for origin in ORIGINS:
        name = f"Origin {origin!r}"
        yield post(path, name, json=CHEAP, cookie=cookie, origin=origin)
    yield post(path, "no Origin", json=CHEAP, cookie=cookie, origin=None)


def referers(path: str, cookie: str | None, origin: str | None = None) -> Iterator[Call]:
    for referer in (*ORIGINS[:12], "null", "", "http://localhost:3000/a?b=c#d"):
        headers = (("referer", referer),)
        name = f"Referer {referer!r}, Origin {origin!r}"
        yield post(path, name, json=CHEAP, cookie=cookie, origin=origin, headers=headers)


def metadata(path: str, cookie: str | None) -> Iterator[Call]:
    for name, headers in METADATA.items():
        for origin in (None, "null", "http://localhost:3000", "<<base>>", "https://evil.example"):
            label = f"{name}, Origin {origin!r}"
            yield post(path, label, json=CHEAP, cookie=cookie, origin=origin, headers=headers)


def everything(path: str, name: str) -> Iterator[Any]:
    for cookie in (None, FOREIGN):
        having = "with a cookie" if cookie else "without a cookie"
        yield scenario(f"{name} checks Origin {having}", origins(path, cookie))
        yield scenario(
            f"{name} checks Referer {having}",
            referers(path, cookie),
            referers(path, cookie, "null"),
            referers(path, cookie, "http://localhost:3000"),
        )
        yield scenario(f"{name} heeds Fetch Metadata {having}", metadata(path, cookie))


SCENARIOS = [
    *everything("/sign-in/email", "sign-in"),
    *everything("/sign-up/email", "sign-up"),
    scenario("sign-out checks Origin with a cookie", origins("/sign-out", FOREIGN)),
    scenario("sign-out checks Origin without a cookie", origins("/sign-out", None)),
    scenario("sign-out heeds Fetch Metadata with a cookie", metadata("/sign-out", FOREIGN)),
    scenario("sign-out heeds Fetch Metadata without a cookie", metadata("/sign-out", None)),
    scenario(
        "GET needs no Origin",
        signed_up(),
        get("/get-session", "evil", cookie="<<ada.cookie>>", origin="https://evil.example"),
        get("/get-session", "null", cookie="<<ada.cookie>>", origin="null"),
        get("/token", "evil token", cookie="<<ada.cookie>>", origin="https://evil.example"),
        get("/list-sessions", "evil", cookie="<<ada.cookie>>", origin="https://evil.example"),
    ),
    scenario(
        "every call that changes something needs a trusted Origin",
        signed_up(),
        *(
            post(path, f"{path} from {origin!r}", json={}, cookie="<<ada.cookie>>", origin=origin)
            for path in ("/update-user", "/change-password", "/delete-user", "/get-session")
            for origin in ("https://evil.example", "null", None)
        ),
    ),
    scenario(
        "the Origin comes before everything else in the request",
        post("/sign-in/email", "broken JSON", body=b"{", cookie=FOREIGN, origin=None),
        post("/sign-in/email", "no fields", json={}, cookie=FOREIGN, origin=None),
        post("/sign-in/email", "no fields, no cookie", json={}, origin="https://evil.example"),
        post("/sign-in/email", "text", body=b"x", content_type="text/plain", cookie=FOREIGN),
        post(
            "/sign-in/email",
            "an evil callbackURL too",
            json={"callbackURL": "https://evil.example"},
            cookie=FOREIGN,
            origin="https://evil.example",
        ),
        post("/nothing-here", "unknown path", json={}, cookie=FOREIGN, origin=None),
    ),
    scenario(
        "headers sent twice",
        post(
            "/sign-in/email",
            "two Origins, the same",
            json=CHEAP,
            headers=(("origin", "http://localhost:3000"), ("origin", "http://localhost:3000")),
        ),
        post(
            "/sign-in/email",
            "two Origins, one evil",
            json=CHEAP,
            headers=(("origin", "http://localhost:3000"), ("origin", "https://evil.example")),
        ),
        post(
            "/sign-in/email",
            "two Referers",
            json=CHEAP,
            headers=(("referer", "http://localhost:3000/a"), ("referer", "https://evil.example")),
        ),
        post("/sign-in/email", "an empty cookie", json=CHEAP, cookie="", origin=None),
    ),
]
