"""A scenario is data: calls, SQL statements and looks at rows, in order.

In every string of a step `<<name>>` stands for a variable: `<<base>>` is the server's own origin,
`<<here>>` is unique to this scenario, `<<row.a>>` an id for a row in it (a uuid, which tables of
every kind but those with numbers take), and a call with `save="a"` fills `<<a.token>>`, `<<a.id>>`,
`<<a.signed>>` (the session cookie's value as it was sent), `<<a.unquoted>>` (the same,
percent-decoded), `<<a.signature>>`, `<<a.cookie>>` (`name=value`), `<<a.remember>>` (the same for
dont_remember), `<<a.cookies>>` (all cookies) and `<<a.jwt>>`; and of every answer the values of its
JSON by their paths (`<<a.mails.0.otp>>`), its cookies (`<<a.set.better-auth.two_factor>>`, as
`name=value`), and the query of where it leads (`<<a.location.code>>`, `<<a.url.state>>`).
"""

import json as jsonlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.conftest import PASSWORD

API: Final = "/api/auth"
TRUSTED: Final = "http://localhost:3000"
TOO_LONG: Final = "p" * 129
SIGN_UP_IS_NOT_ALL: Final = ("strict mail", "no mailer", "secure")
"""Where sign-up sends a mail, gives no session, or a cookie of another name, they do sign up."""
Headers = tuple[tuple[str, str], ...]


class Unset:
    """Marks an argument that was not given, where None has a meaning."""


UNSET: Final = Unset()


@dataclass(frozen=True)
class Call:
    """One request. `refusable`: why ours may answer 4xx to what the original accepts."""

    name: str
    method: str
    path: str
    headers: Headers = ()
    body: bytes | None = None
    save: str = ""
    refusable: str = ""


@dataclass(frozen=True)
class Sql:
    """A statement on the server's own database: time passes, or data of another origin appears."""

    text: str
    args: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rows:
    """What a query finds in the server's own database, which is compared as an answer is."""

    name: str
    text: str
    args: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExistingUser:
    """Somebody has signed up a moment ago, with `PASSWORD`, and is remembered under `who`."""

    who: str


@dataclass(frozen=True)
class Derive:
    """A variable that follows from others, such as the code of a moment out of a secret."""

    save: str
    function: Callable[[Mapping[str, str]], str]


@dataclass(frozen=True)
class Stored:
    """What the secondary storage now has of everybody in the conversation, which is compared."""

    name: str


@dataclass(frozen=True)
class Edit:
    """A change of a text in the secondary storage, None where there is none."""

    key: str
    change: Callable[[str | None], str | None]


Step = Call | Sql | Rows | ExistingUser | Derive | Stored | Edit


@dataclass(frozen=True)
class Scenario:
    """`setting` is the kind of servers it needs: `plain`, or `secure` for an https origin."""

    name: str
    steps: tuple[Step, ...]
    setting: str = "plain"


def scenario(name: str, *steps: Step | Iterable[Step], setting: str = "plain") -> Scenario:
    """A scenario from steps and from lists of steps."""
    flat: list[Step] = []
    for step in steps:
        flat += [step] if isinstance(step, Step) else list(step)
    if setting in SIGN_UP_IS_NOT_ALL or "CONFORMANCE_TABLES" in os.environ:
        flat = [sign_up(step.who) if isinstance(step, ExistingUser) else step for step in flat]
    return Scenario(name, tuple(flat), setting)


def call(
    method: str,
    path: str,
    name: str = "",
    *,
    json: Any = UNSET,
    body: bytes | None = None,
    content_type: str | None = "application/json",
    cookie: str | None = None,
    origin: str | Unset | None = UNSET,
    headers: Headers = (),
    save: str = "",
    refusable: str = "",
) -> Call:
    """A request below /api/auth. A cookie brings a trusted Origin along unless one is given."""
    if not isinstance(json, Unset):
        body = jsonlib.dumps(json).encode()
    sent: list[tuple[str, str]] = []
    if body is not None and content_type is not None:
        sent.append(("content-type", content_type))
    if cookie is not None:
        sent.append(("cookie", cookie))
    if isinstance(origin, Unset):
        origin = TRUSTED if cookie is not None and method != "GET" else None
    if origin is not None:
        sent.append(("origin", origin))
    label = name or f"{method} {path}"
    return Call(label, method, API + path, (*sent, *headers), body, save, refusable)


def get(path: str, name: str = "", **more: Any) -> Call:
    return call("GET", path, name, **more)


def post(path: str, name: str = "", **more: Any) -> Call:
    return call("POST", path, name, **more)


def email(who: str = "ada") -> str:
    return f"{who}.<<here>>@example.com"


def sign_up(who: str = "ada", **fields: Any) -> Call:
    """Somebody signs up and is remembered under this name."""
    body = {"name": who.title(), "email": email(who), "password": PASSWORD, **fields}
    return post("/sign-up/email", f"{who} signs up", json=body, save=who)


def signed_up(who: str = "ada") -> ExistingUser:
    """Somebody has signed up, where it does not matter how."""
    return ExistingUser(who)


def sign_in(who: str = "ada", *, save: str = "", name: str = "", **fields: Any) -> Call:
    """Somebody signs in; the new session is remembered under `save`, or their name."""
    body = {"email": email(who), "password": PASSWORD, **fields}
    return post("/sign-in/email", name or f"{who} signs in", json=body, save=save or who)


def session(who: str = "ada", name: str = "", **more: Any) -> Call:
    """What get-session says to somebody's cookie."""
    label = name or f"{who} asks for the session"
    return get("/get-session", label, **{"cookie": f"<<{who}.cookie>>", **more})


def without(body: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


def mails(name: str = "the mails", *, save: str = "") -> Call:
    """What would have been mailed in this scenario; `<<save.token>>` is the last one's."""
    return Call(name, "GET", "/mails/<<here>>", save=save)


WRONG_TYPES: Final[dict[str, Any]] = {
    "null": None,
    "a number": 7,
    "a fraction": 1.5,
    "true": True,
    "false": False,
    "an array": [],
    "an array of strings": ["x"],
    "an object": {},
    "a string": "x",
}
