"""Where ours may differ from the original, each with its reason; everything else is an error."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .model import Call

Shape = dict[str, str]


@dataclass(frozen=True)
class Known:
    """Fields that may differ for a reason, in the answers to which it applies."""

    reason: str
    fields: frozenset[str]
    applies: Callable[[Call, Shape, Shape], bool]


def _clean_refusal(ours: Shape) -> bool:
    """A 4xx in the words of Better Auth, or its empty 404."""
    is_json = ours["content-type"] == "application/json" and '"message"' in ours["body"]
    is_nothing = ours["status"] == "404" and ours["body"] == ""
    return ours["status"].startswith("4") and (is_json or is_nothing)


ANSWER: Final = frozenset(
    {"status", "body", "content-type", "set-cookie", "set-auth-token", "set-auth-jwt", "location"}
)

KNOWN: Final = (
    Known(
        "no cache may keep an answer with sessions, tokens or a person in it; theirs often says so",
        frozenset({"cache-control"}),
        lambda call, theirs, ours: (
            theirs["cache-control"] == "-" and ours["cache-control"] == "no-store"
        ),
    ),
    Known(
        "a JWT comes with sign-in and sign-up as well, which spares front ends a request",
        frozenset({"set-auth-jwt"}),
        lambda call, theirs, ours: (
            call.path.split("?")[0].endswith(
                ("/sign-in/email", "/sign-up/email", "/sign-in/social")
            )
            and ours["status"] == "200"
            and ours["set-auth-jwt"].startswith("<jwt {'sub': '<token")
        ),
    ),
    Known(
        "where the original breaks with 500, ours refuses with a 4xx",
        ANSWER,
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
        "the original takes any answer for tokens, and misses the person in it a step later",
        frozenset({"location"}),
        lambda call, theirs, ours: (
            theirs["location"].endswith("?error=unable_to_get_user_info")
            and ours["location"].endswith("?error=invalid_code")
        ),
    ),
    Known(
        "the original accepts nonsense here (the step says which)",
        ANSWER,
        lambda call, theirs, ours: bool(call.refusable) and _clean_refusal(ours),
    ),
)


def differences(call: Call, theirs: Shape, ours: Shape) -> list[str]:
    """One line for each field that differs and has no known reason."""
    excused: set[str] = set()
    for known in KNOWN:
        if known.applies(call, theirs, ours):
            excused |= known.fields
    return [
        f"{name}:\n      original: {theirs[name]}\n      ours:     {ours[name]}"
        for name in theirs
        if theirs[name] != ours[name] and name not in excused
    ]


def described(call: Call) -> str:
    """The request, short enough to read and long enough to repeat."""
    headers = "; ".join(f"{name}: {value}" for name, value in call.headers)
    body = (call.body or b"")[:300].decode("latin-1")
    return f"{call.name}\n    {call.method} {call.path[:200]} [{headers[:300]}] {body}"
