"""Headers that tell a browser what it may not do with an answer, made once and never per request.

A header that a route sets itself wins over the one here.
"""

from collections.abc import Sequence
from typing import TypeAlias

from taskward.mcp import PATH

Header: TypeAlias = tuple[bytes, bytes]

_API = ("/api/", PATH)
_SWAGGER = ("/docs", "/docs/oauth2-redirect", "/redoc")
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),  # what CORS allows is not affected
)
_NO_STORE = (b"cache-control", b"no-store")
_ISOLATED = (b"cross-origin-opener-policy", b"same-origin")
_NOTHING = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_SWAGGER_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src blob:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_DOCUMENTATION = (b"content-security-policy", _SWAGGER_POLICY.encode())
_HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")


class SecurityHeaders:
    """The headers for each kind of path."""

    def __init__(self, *, https: bool) -> None:
        """With `https` browsers are told never to come without it again."""
        always = (*_ALWAYS, _HTTPS_ONLY) if https else _ALWAYS
        self._api = (*always, _NOTHING, _NO_STORE)
        # Not on the API: it would cut the tie to a window that signs in with a provider.
        self._page = (*always, _NOTHING, _ISOLATED)
        self._swagger = dict.fromkeys(_SWAGGER, (*always, _DOCUMENTATION, _ISOLATED))
        self._names = frozenset(name for headers in (self._api, self._page) for name, _ in headers)

    def missing_in(self, headers: Sequence[Header], path: str) -> Sequence[Header]:
        """Return what an answer to `path` with these headers still needs."""
        wanted = (
            self._api if path.startswith(_API) else self._swagger.get(path.rstrip("/"), self._page)
        )
        for name, _ in headers:
            if name in self._names:
                own = dict(headers)
                return [header for header in wanted if header[0] not in own]
        return wanted
