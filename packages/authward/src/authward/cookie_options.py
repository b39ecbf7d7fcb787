"""Options of cookies, in the original's words: `advanced.defaultCookieAttributes` and its like."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias

from authward.storage.rows import AuthSession, AuthUser


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieAttributes:
    """Attributes of `Set-Cookie`; None leaves one as it would be without this option.

    `max_age` is in seconds and does not move the session's own end.
    """

    same_site: Literal["lax", "strict", "none"] | None = None
    secure: bool | None = None
    http_only: bool | None = None
    path: str | None = None
    domain: str | None = None
    max_age: int | None = None
    partitioned: bool | None = None

    def over(self, others: "CookieAttributes") -> "CookieAttributes":
        """Return these, and the others' where these say nothing."""
        return CookieAttributes(**(others.given() | self.given()))

    def given(self) -> dict[str, Any]:
        """Return the attributes that are set, by name."""
        named = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieOptions:
    """One of `advanced.cookies`: another name for a cookie, or attributes of its own.

    `name` stands in the place of `better-auth.session_token`; `__Secure-` still comes before it.
    """

    name: str | None = None
    attributes: CookieAttributes = CookieAttributes()


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossSubDomainCookies:
    """`advanced.crossSubDomainCookies`; the domain is by default the host of `base_url`."""

    enabled: bool = False
    domain: str | None = None


CookieCacheVersion: TypeAlias = Callable[[AuthSession, AuthUser], Awaitable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieCacheOptions:
    """Better Auth's `session.cookieCache`: get-session answers out of a cookie, without a database.

    A session that was revoked elsewhere is still shown by that endpoint, and by `CurrentSession`,
    for up to `max_age` seconds; all other endpoints ask the database.

    Args:
        enabled: whether there is such a cookie.
        max_age: how long it is believed, in seconds.
        strategy: `compact` (signed), `jwt` (a signed JWT) or `jwe` (encrypted; `authward[oauth]`).
        refresh_cache: as in the original, it is for servers without a database: it does nothing
            here, and a warning says so.
        version: a cookie of another version counts no more; a text, or made of session and user.
    """

    enabled: bool = False
    max_age: int = 300
    strategy: Literal["compact", "jwt", "jwe"] = "compact"
    refresh_cache: bool = False
    version: str | CookieCacheVersion = "1"
