"""Better Auth's rate limits: which rule is for a request, and who counts."""

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from starlette.requests import Request

from authward.errors import APIError
from authward.security.client_ip import client_address
from authward.security.origins import glob

_TOO_MANY = "Too many requests. Please try again later."


@dataclass(frozen=True, slots=True)
class RateLimitRule:
    """At most `max_requests` as long as no `window` (seconds) passes without one.

    It is for paths that begin with one of `prefixes`, and for those in `paths`.
    """

    window: int
    max_requests: int
    prefixes: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

    def applies_to(self, path: str) -> bool:
        """Whether it is the rule for a path below the server's own."""
        return path.startswith(self.prefixes) or path in self.paths


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most `max` requests of one address to one path as long as `window` seconds."""

    window: int
    max: int


CustomRule: TypeAlias = (
    Limit | Literal[False] | Callable[[Request, Limit], Awaitable[Limit | Literal[False] | None]]
)
"""A limit, False for none, or a function of the request and the limit that would be: see there."""
DEFAULT_RULES = (
    RateLimitRule(10, 3, prefixes=("/sign-in", "/sign-up", "/change-password", "/change-email")),
    RateLimitRule(60, 3, paths=("/request-password-reset", "/send-verification-email")),
    RateLimitRule(10, 100, prefixes=("",)),
)
"""The first that applies counts; the last one applies to every path."""
_LONGEST_WINDOW = max(rule.window for rule in DEFAULT_RULES)
_DAY = 86_400


class Limits(Protocol):
    """The part of `RateLimitOptions` that is about limits."""

    @property
    def window(self) -> int:
        """Of the usual limit, in seconds."""

    @property
    def max(self) -> int:
        """How many requests the usual limit lets pass."""

    @property
    def custom_rules(self) -> "Mapping[str, CustomRule]":
        """Other limits, by path."""


class Counter(Protocol):
    """Where requests are counted."""

    async def consume(self, key: str, limit: Limit) -> float | None:
        """Count a request; None if it may pass, else the milliseconds until one may."""


class RateLimiter:
    """Counts requests per client address and path, and refuses what is over the limit."""

    def __init__(
        self,
        counter: Counter | None,
        *,
        trusted_proxy_hops: int,
        base_path: str = "",
        rules: Sequence[RateLimitRule] = (),
        options: Limits,
    ) -> None:
        """Count by `counter`, or not at all.

        Args:
            counter: where requests are counted; None for no limits.
            trusted_proxy_hops: how many proxies of ours append to `X-Forwarded-For`.
            base_path: the server's own path, below which `custom_rules` look.
            rules: the plugins', which come before the core's.
            options: the usual limit, and the application's rules, which come before all others.
        """
        self._counter = counter
        self._hops = trusted_proxy_hops
        self._base_path = base_path
        self._rules = rules
        self._usual = Limit(window=options.window, max=options.max)
        self._custom = [(_matcher(path), rule) for path, rule in options.custom_rules.items()]

    async def check(self, request: Request, path: str) -> None:
        """Count a request.

        Raises:
            APIError: 429 with the seconds to wait in `X-Retry-After` and `Retry-After`.
        """
        if self._counter is None:
            return
        limit = await self._limit_for(request, path)
        if limit is None:
            return
        wait = await self._counter.consume(f"{client_address(request, self._hops)}|{path}", limit)
        if wait is not None:
            seconds = str(max(1, math.ceil(wait / 1000)))
            headers = {"x-retry-after": seconds, "retry-after": seconds}
            raise APIError(429, message=_TOO_MANY, headers=headers)

    async def _limit_for(self, request: Request, path: str) -> Limit | None:
        """Return the limit; None where a custom rule says that there is none."""
        rule = rule_for(path, self._rules)
        is_usual = rule is DEFAULT_RULES[-1]
        limit = self._usual if is_usual else Limit(window=rule.window, max=rule.max_requests)
        asked = request.url.path.removeprefix(self._base_path)
        custom = next((rule for matches, rule in self._custom if matches(asked)), None)
        if callable(custom):
            custom = await custom(request, limit)
        if custom is False:
            return None
        return custom or limit


def _matcher(pattern: str) -> Callable[[str], bool]:
    if "*" not in pattern:
        return pattern.__eq__
    matches = glob(pattern).fullmatch
    return lambda path: matches(path) is not None


def longest_window(rules: Iterable[RateLimitRule], options: Limits) -> int:
    """Return for how many seconds a counter may be needed.

    A rule that is a function counts as a day.
    """
    custom = options.custom_rules.values()
    limits = [rule.window for rule in custom if isinstance(rule, Limit)]
    functions = [_DAY for rule in custom if callable(rule)]
    windows = (rule.window for rule in (*rules, *DEFAULT_RULES))
    return max([*windows, options.window, *limits, *functions])


def rule_for(path: str, rules: Sequence[RateLimitRule] = ()) -> RateLimitRule:
    """Return the rule for a path below the server's own; those that are given come first."""
    return next(rule for rule in (*rules, *DEFAULT_RULES) if rule.applies_to(path))
