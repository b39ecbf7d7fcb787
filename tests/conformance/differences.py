"""Where ours may differ from the original, each with its reason; everything else is an error."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from ada_url import URL

from .model import Call, Rows, Stored

Shape = dict[str, str]

_SITE = "http://site.invalid"
_PAGES = ("URL", "redirectTo")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_TWIN = re.compile(r"http://(127\.0\.0\.1|\[::1\]|localhost):\d+(/|$)")

_WRITTEN_IN_NO_TABLE = re.compile(r'\{"id": "[^"]*", "ipAddress"')

_SIGN_IN_AND_UP = (
    *("/sign-in/email", "/sign-up/email", "/sign-in/social", "/sign-in/username"),
    *("/verify-totp", "/verify-otp", "/verify-backup-code"),
    *("/verify-authentication", "/verify-registration"),
    *("/magic-link/verify", "/sign-in/email-otp", "/email-otp/verify-email"),
    *("/sign-in/anonymous", "/multi-session/set-active", "/one-time-token/verify"),
    *("/sign-in/phone-number", "/phone-number/verify", "/one-tap/callback"),
)


@dataclass(frozen=True)
class Known:
    """Fields that may differ for a reason, in the answers to which it applies."""

    reason: str
    fields: frozenset[str]
    applies: Callable[[Call, Shape, Shape], bool]


def _clean_refusal(ours: Shape) -> bool:
    """A 4xx in the words of Better Auth, or its empty 404."""
    is_json = ours["content-type"] == "application/json" and _has_words(ours["body"])
    is_nothing = ours["status"] == "404" and ours["body"] == ""
    return ours["status"].startswith("4") and (is_json or is_nothing)


def _has_words(body: str) -> bool:
    return '"message"' in body or '"error_description"' in body


def _leads_elsewhere(call: Call, ours: Shape) -> bool:
    """Refused as a page, for a URL in it that a browser resolves to another than it reads."""
    refused = (
        ours["status"] == "403" and '"code": "INVALID_' in ours["body"] and "URL" in ours["body"]
    )
    return refused and any(map(_is_misread, _urls(call)))


def _urls(call: Call) -> list[str]:
    query = parse_qsl(urlsplit(call.path).query)
    try:
        body = json.loads(call.body or b"{}")
    except ValueError:
        body = {}
    sent = [*query, *(body.items() if isinstance(body, dict) else ())]
    return [value for name, value in sent if isinstance(value, str) and name.endswith(_PAGES)]


def _is_misread(url: str) -> bool:
    try:
        alone = URL(url, base=_SITE if url.startswith("/") else None)
        return (
            alone.pathname.startswith("//")
            or alone.href != URL(url, base=_SITE).href
            or bool(_CONTROL.search(url))
        )
    except ValueError:
        return False


def _same_json(theirs: str, ours: str) -> bool:
    try:
        return bool(json.loads(theirs) == json.loads(ours))
    except ValueError:
        return False


def _names_a_twin(call: Call) -> bool:
    """It comes from, or leads to, a trusted loopback origin under another of its names."""
    sent = [value for name, value in call.headers if name in {"origin", "referer"}]
    return any(_TWIN.match(value) for value in (*sent, *_urls(call)))


ANSWER: Final = frozenset(
    {"status", "body", "content-type", "set-cookie", "set-auth-token", "set-auth-jwt", "location"}
)

_READS_THE_DATABASE: Final = (
    *("/update-user", "/update-session", "/unlink-account"),
    *("/list-accounts", "/list-sessions", "/token"),
)


def _sent_cache(call: Call) -> bool:
    sent = [value for name, value in call.headers if name == "cookie"]
    return any("session_data" in value or ".cookies>>" in value for value in sent)


def _has_same_values(theirs: Shape, ours: Shape) -> bool:
    try:
        return bool(json.loads(theirs["body"]) == json.loads(ours["body"]))
    except ValueError:
        return False


KNOWN: Final = (
    Known(
        "tokens of an account that the cookie selects come from the table, which has the newest",
        frozenset({"body", "set-cookie"}),
        lambda call, theirs, ours: (
            b"useAccountCookie" in (call.body or b"")
            and call.path.endswith("/get-access-token")
            and theirs["status"] == ours["status"] == "200"
        ),
    ),
    Known(
        "what comes out of the cookie cache has its members in the order of the database",
        frozenset({"body"}),
        lambda call, theirs, ours: (
            call.path.startswith("/api/auth/get-session")
            and _sent_cache(call)
            and _has_same_values(theirs, ours)
        ),
    ),
    Known(
        "what comes out of the secondary storage has its members in the order of the table",
        frozenset({"body"}),
        lambda call, theirs, ours: (
            bool(_WRITTEN_IN_NO_TABLE.search(theirs["body"])) and _has_same_values(theirs, ours)
        ),
    ),
    Known(
        "the cookie cache opens nothing but get-session: whoever was signed out elsewhere neither "
        "changes nor lists anything, nor gets a JWT; the database was read, so the cookie is new",
        frozenset({"set-cookie"}),
        lambda call, theirs, ours: (
            call.path.endswith(_READS_THE_DATABASE)
            and _sent_cache(call)
            and ours["set-cookie"].partition("\n")[2] == theirs["set-cookie"]
            and "session_data" in ours["set-cookie"].partition("\n")[0]
        ),
    ),
    Known(
        "where the original breaks with 500 at a cookie cache that is none, ours clears it",
        ANSWER,
        lambda call, theirs, ours: (
            theirs["status"] == "500"
            and ours["status"] == "200"
            and _sent_cache(call)
            and ours["set-cookie"].startswith("better-auth.session_data=; Max-Age=0")
        ),
    ),
    Known(
        "no cache may keep an answer with sessions, tokens or a user in it; theirs often says so",
        frozenset({"cache-control"}),
        lambda call, theirs, ours: (
            theirs["cache-control"] == "-" and ours["cache-control"] == "no-store"
        ),
    ),
    Known(
        "a JWT comes with sign-in and sign-up as well, which spares front ends a request",
        frozenset({"set-auth-jwt"}),
        lambda call, theirs, ours: (
            call.path.split("?")[0].endswith(_SIGN_IN_AND_UP)
            and ours["status"] == "200"
            and ours["set-auth-jwt"].startswith(("<jwt {'sub': '<token", "<jwt {'sub': '1'"))
        ),
    ),
    Known(
        "no session begins before the second factor; the original's token is of one that it ended",
        frozenset({"set-auth-token"}),
        lambda call, theirs, ours: (
            '"twoFactorRedirect": true' in ours["body"]
            and ours["set-auth-token"] == "-"
            and theirs["set-auth-token"] == "<a session that is over>"
        ),
    ),
    Known(
        "the original takes a compressed body for broken JSON, or for a form without fields",
        frozenset({"status", "body"}),
        lambda call, theirs, ours: (
            any(name == "content-encoding" and value != "identity" for name, value in call.headers)
            and theirs["status"] == "400"
            and ours["status"] == "415"
            and _clean_refusal(ours)
        ),
    ),
    Known(
        "where the original breaks with 500, ours refuses with a 4xx",
        ANSWER | {"pragma"},
        lambda call, theirs, ours: theirs["status"] == "500" and _clean_refusal(ours),
    ),
    Known(
        "where the original breaks with 500 at a token, ours calls it invalid where the link leads",
        ANSWER,
        lambda call, theirs, ours: (
            call.path.startswith("/api/auth/verify-email?")
            and theirs["status"] == "500"
            and ours["status"] == "302"
            and ours["location"].endswith("error=INVALID_TOKEN")
        ),
    ),
    Known(
        "errors are JSON always; the original answers unknown paths with nothing at all",
        frozenset({"body", "content-type"}),
        lambda call, theirs, ours: (
            theirs["status"] == ours["status"] == "404"
            and theirs["body"] == ""
            and (_clean_refusal(ours) or ours["body"] == '{"detail": "Not Found"}')
        ),
    ),
    Known(
        "where the original breaks at NUL, ours says that there is no such state",
        frozenset({"location"}),
        lambda call, theirs, ours: (
            "?state=%00" in call.path
            and theirs["location"].endswith("/error?error=internal_server_error")
            and ours["location"].endswith("/error?error=state_mismatch")
        ),
    ),
    Known(
        "the original takes any answer for tokens, and misses the user in it a step later",
        frozenset({"location"}),
        lambda call, theirs, ours: (
            theirs["location"].endswith("?error=unable_to_get_user_info")
            and ours["location"].endswith("?error=invalid_code")
        ),
    ),
    Known(
        "a page is where a browser ends up, resolved or alone: `/..//evil.example` "
        "makes the original's browser leave the site, `http:localhost` is a path to it",
        ANSWER,
        lambda call, theirs, ours: _leads_elsewhere(call, ours),
    ),
    Known(
        "a loopback origin is trusted under all of its names",
        ANSWER,
        lambda call, theirs, ours: (
            theirs["status"] == "403" and '"INVALID_' in theirs["body"] and _names_a_twin(call)
        ),
    ),
    Known(
        "no request may take long: large bodies and many parts are refused",
        ANSWER,
        lambda call, theirs, ours: (
            ours["status"] == "413" and len(call.body or b"") > 16_384 and _clean_refusal(ours)
        ),
    ),
    Known(
        "some errors of the original have their code before their message",
        frozenset({"body"}),
        lambda call, theirs, ours: (
            theirs["body"].startswith('{"code": ') and _same_json(theirs["body"], ours["body"])
        ),
    ),
    Known(
        "OAuth: without application_type a loopback redirect or a private scheme means a native "
        "client: the original locks real assistants out; Cursor's scheme has a host",
        ANSWER,
        lambda call, theirs, ours: (
            call.path.endswith("/oauth2/register")
            and theirs["status"] == "400"
            and '"invalid_redirect_uri"' in theirs["body"]
            and ours["status"] == "201"
            and '"application_type": "native"' in ours["body"]
            and b'"application_type": "web"' not in (call.body or b"")
        ),
    ),
    Known(
        "OAuth: a resource with one trailing slash, or in other case, is the one that is meant",
        frozenset({"location"}),
        lambda call, theirs, ours: (
            "/oauth2/authorize" in call.path
            and "error=invalid_target" in theirs["location"]
            and ours["location"].startswith("/consent?")
            and "resource=https%3A%2F%2Fresource.example%2Fmcp&" in ours["location"]
        ),
    ),
    Known(
        "OAuth: disconnecting a client ends its refresh tokens too",
        ANSWER,
        lambda call, theirs, ours: (
            call.name == "refresh after disconnecting"
            and theirs["status"] == "200"
            and ours["status"] == "400"
            and '"invalid_grant"' in ours["body"]
        ),
    ),
    Known(
        "OAuth: no private_key_jwt, no DPoP and no back-channel logout; nobody is told otherwise",
        ANSWER,
        lambda call, theirs, ours: (
            call.path.endswith("/oauth2/register")
            and theirs["status"] in {"201", "400"}
            and ours["status"] == "400"
            and '"invalid_client_metadata"' in ours["body"]
            and "support" in ours["body"]
        ),
    ),
    Known(
        "OAuth: the metadata names what there is, and a public client may revoke its tokens",
        frozenset({"body"}),
        lambda call, theirs, ours: _is_the_metadata_of_less(theirs["body"], ours["body"]),
    ),
    Known(
        "OAuth: the metadata is at every place where clients look for it",
        ANSWER,
        lambda call, theirs, ours: (
            "/.well-known/" in call.path and theirs["status"] == "404" and ours["status"] == "200"
        ),
    ),
    Known(
        "the original accepts nonsense here (the step says which)",
        ANSWER,
        lambda call, theirs, ours: bool(call.refusable) and _clean_refusal(ours),
    ),
)


_NOT_THERE: Final = ("dpop", "backchannel", "auth_signing_alg", "_auth_methods_")
"""Parts of the names of metadata about what ours does not have, or has in fewer ways."""


def _is_the_metadata_of_less(theirs: str, ours: str) -> bool:
    try:
        known, named = json.loads(theirs), json.loads(ours)
    except ValueError:
        return False
    if not isinstance(known, dict) or not {"issuer", "resource"} & known.keys():
        return False
    return {n: v for n, v in known.items() if not any(part in n for part in _NOT_THERE)} == {
        n: v for n, v in named.items() if not any(part in n for part in _NOT_THERE)
    }


def differences(call: Call | Rows | Stored, theirs: Shape, ours: Shape) -> list[str]:
    """One line for each field that differs and has no known reason."""
    if isinstance(call, Stored):
        return [
            f"{key}:\n      original: {theirs.get(key)}\n      ours:     {ours.get(key)}"
            for key in theirs | ours
            if theirs.get(key) != ours.get(key)
        ]
    excused: set[str] = set()
    for known in KNOWN:
        if isinstance(call, Call) and known.applies(call, theirs, ours):
            excused |= known.fields
    return [
        f"{name}:\n      original: {theirs[name]}\n      ours:     {ours[name]}"
        for name in theirs
        if theirs[name] != ours[name] and name not in excused
    ]


def described(call: Call | Rows | Stored) -> str:
    """The request, short enough to read and long enough to repeat."""
    if isinstance(call, Stored):
        return call.name
    if isinstance(call, Rows):
        return f"{call.name}\n    {call.text} {call.args}"
    headers = "; ".join(f"{name}: {value}" for name, value in call.headers)
    body = (call.body or b"")[:300].decode("latin-1")
    return f"{call.name}\n    {call.method} {call.path[:200]} [{headers[:300]}] {body}"
