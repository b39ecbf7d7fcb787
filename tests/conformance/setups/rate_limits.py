"""Rate limits of an application: the usual one, rules by path, and where they are counted."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, Literal

from starlette.requests import Request

from authward import (
    AdvancedOptions,
    BetterAuthOptions,
    InMemoryStorage,
    Limit,
    RateLimitOptions,
    SessionOptions,
    VerificationOptions,
)
from authward.security.rate_limit import CustomRule
from tests.conformance.model import Call, Rows, Scenario, Step, get, post, scenario
from tests.conformance.setup import Collect, MakeOptions, Setup

Storage = Literal["memory", "database", "secondary-storage"]
_STORAGES: Final[tuple[Storage, ...]] = ("memory", "database", "secondary-storage")
_COUNTERS: Final = Rows(
    "the counters",
    "SELECT key, count FROM \"rateLimit\" WHERE starts_with(key, $1 || '|') ORDER BY key",
)


async def _as_the_request_says(request: Request, limit: Limit) -> Limit | Literal[False] | None:
    said = request.headers.get("x-limit")
    if said == "none":
        return False
    return Limit(window=limit.window * 2, max=int(said)) if said else None


RULES: Final[dict[str, CustomRule]] = {
    "/ok": Limit(window=60, max=2),
    "/error": False,
    "/list-*": Limit(window=60, max=1),
    "/get-session": _as_the_request_says,
}


def _with(storage: Storage) -> MakeOptions:
    limits = RateLimitOptions(window=20, max=4, custom_rules=RULES, storage=storage)

    def options(base: BetterAuthOptions, _: Collect) -> BetterAuthOptions:
        proxied = AdvancedOptions(trusted_proxy_hops=1)
        second = InMemoryStorage() if storage == "secondary-storage" else None
        return replace(
            base,
            rate_limit=limits,
            advanced=proxied,
            secondary_storage=second,
            session=SessionOptions(store_session_in_database=True),
            verification=VerificationOptions(store_in_database=True),
        )

    return options


SETUPS: Final = {
    f"limits in {storage}": Setup("rate_limits", _with(storage)) for storage in _STORAGES
}


def _scenarios(storage: str) -> Iterator[Scenario]:
    def case(number: int, name: str, *calls: Call) -> Scenario:
        address = f"203.0.113.{number}"
        sent: list[Step] = []
        for each in calls:
            forwarded = (*each.headers, ("x-forwarded-for", address))
            counters = [replace(_COUNTERS, args=(address,))] if storage == "database" else []
            sent += [replace(each, headers=forwarded), *counters]
        return scenario(f"limits in {storage}: {name}", *sent, setting=f"limits in {storage}")

    yield case(1, "a rule for a path", *_times(4, "/ok"))
    yield case(2, "no limit for a path", *_times(6, "/error"))
    yield case(3, "a pattern", *_times(2, "/list-sessions"), *_times(2, "/list-accounts"))
    yield case(
        4,
        "a rule that is a function",
        *_times(6, "/get-session", ("x-limit", "none")),
        *_times(2, "/get-session", ("x-limit", "1")),
    )
    yield case(
        8,
        "a limit that becomes lower, and higher again",
        *(
            call
            for limit in (1, 3, 2, 1, 4, 2, 3, 5, 6)
            for call in _times(2, "/get-session", ("x-limit", str(limit)))
        ),
    )
    yield case(7, "a function that says nothing", *_times(6, "/get-session"))
    yield case(5, "the usual one", *(post("/sign-out", f"{i}", json={}) for i in range(6)))
    body = {"email": "nobody@example.com", "password": "wrong password"}
    yield case(
        6,
        "the original's own rules",
        *(post("/sign-in/email", f"{i}", json=body) for i in range(5)),
    )


def _times(count: int, path: str, *headers: tuple[str, str]) -> Iterator[Call]:
    for number in range(count):
        yield get(path, f"{path} {headers} {number}", headers=headers)


SCENARIOS: Final = tuple(each for storage in _STORAGES for each in _scenarios(storage))
