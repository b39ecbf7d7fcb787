"""Cookies as Better Auth writes and reads them.

A signed value is `encodeURIComponent(value + "." + base64(HMAC-SHA256(secret, value)))`.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

from authward.cookie_options import CookieAttributes, CookieOptions

NOTHING: Final = CookieAttributes()
_USUAL: Final[dict[str, Any]] = {"same_site": "lax", "path": "/", "http_only": True}
_SIGNATURE_LENGTH = 44
_UNRESERVED = "!'()*-._~"  # what encodeURIComponent leaves alone besides letters and digits


class CookieSigner:
    """Signs cookie values with the server's secret, and verifies them under the old ones too."""

    def __init__(self, secret: str, old_secrets: Iterable[str] = ()) -> None:
        self._keys = [key.encode() for key in (secret, *old_secrets)]

    def sign(self, value: str) -> str:
        """Return `value.signature`, not yet percent-encoded."""
        return f"{value}.{base64.b64encode(_mac(self._keys[0], value)).decode()}"

    def verify(self, signed: str | None) -> str | None:
        """Return the value whose signature is right, else None.

        Takes constant time: no secret's answer spares the comparison with the others.
        """
        value, dot, signature = (signed or "").rpartition(".")
        if not (value and dot) or len(signature) != _SIGNATURE_LENGTH or signature[-1] != "=":
            return None
        try:
            mac = base64.b64decode(signature, validate=True)
        except (binascii.Error, ValueError):
            return None
        verified = [hmac.compare_digest(mac, _mac(key, value)) for key in self._keys]
        return value if any(verified) else None


def _mac(key: bytes, value: str) -> bytes:
    return hmac.digest(key, value.encode("utf-8", "replace"), hashlib.sha256)


class CookieNames:
    """The names and attributes of Better Auth's cookies; `__Secure-` ones where that is so."""

    def __init__(
        self,
        *,
        secure: bool,
        prefix: str = "better-auth",
        defaults: CookieAttributes = NOTHING,
        cookies: Mapping[str, CookieOptions] = {},
    ) -> None:
        """Merge the options.

        Args:
            secure: whether names begin with `__Secure-`, and cookies are for https only.
            prefix: what other names begin with.
            defaults: attributes of every cookie.
            cookies: names and attributes of single ones, by their name without a prefix.
        """
        self.secure = secure
        self._prefix = prefix
        self._cookies = cookies
        self._usual = defaults.over(CookieAttributes(secure=secure, **_USUAL))
        self._own = {self.of(key): each.attributes for key, each in cookies.items()}
        self.session_token = self.of("session_token")
        """The signed session token."""
        self.session_data = self.of("session_data")
        """The cookie cache."""
        self.account_data = self.of("account_data")
        """The (encrypted) account of the sign-in, where `store_account_cookie` wants it."""
        self.dont_remember = self.of("dont_remember")
        """Set when the session shall end with the browser's."""
        self.state = self.of("state")
        """Which social sign-in this browser has begun."""

    def of(self, key: str) -> str:
        """Return the full name of a cookie, of a plugin's as well."""
        own = self._cookies[key].name if key in self._cookies else None
        return f"{'__Secure-' if self.secure else ''}{own or f'{self._prefix}.{key}'}"

    def attributes(self, name: str) -> CookieAttributes:
        """Return the attributes of the cookie of this full name."""
        own = self._own.get(name)
        return self._usual if own is None else own.over(self._usual)

    def set_cookie(
        self,
        name: str,
        value: str,
        max_age: int | None = None,
        *,
        path: str | None = None,
        like: str | None = None,
    ) -> str:
        """Return a `Set-Cookie` value.

        Args:
            name: the full name.
            value: not yet percent-encoded.
            max_age: in seconds; without it the cookie ends with the browser.
            path: instead of the option's.
            like: the full name of the cookie that this one is a part of.
        """
        age = "" if max_age is None else f"; Max-Age={max_age}"
        rest = _written(self.attributes(like or name), name, path)
        return f"{name}={encode_uri_component(value)}{age}{rest}"


def _written(given: CookieAttributes, name: str, path: str | None) -> str:
    """In the original's order, and with `Secure` where browsers want it."""
    of_host = name.startswith("__Host-")
    needs_secure = of_host or name.startswith("__Secure-") or given.partitioned
    domain, where = ("", "/") if of_host else (given.domain, path or given.path)
    parts = [
        f"Domain={domain}" if domain else "",
        f"Path={where}" if where else "",
        "HttpOnly" if given.http_only else "",
        "Secure" if given.secure or needs_secure or given.same_site == "none" else "",
        f"SameSite={given.same_site.capitalize()}" if given.same_site else "",
        "Partitioned" if given.partitioned else "",
    ]
    return "".join(f"; {part}" for part in parts if part)


def encode_uri_component(text: str) -> str:
    """Percent-encode as JavaScript's `encodeURIComponent`."""
    return quote(text, safe=_UNRESERVED)


def decode_uri_component(text: str) -> str:
    """Percent-decode as `decodeURIComponent`, but give malformed text back as it is."""
    if "%" not in text:
        return text
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeError:
        return text


def parse_cookies(header: str) -> dict[str, str]:
    """Read a `Cookie` header; the first of equal names counts, foreign cookies do no harm."""
    cookies: dict[str, str] = {}
    for part in header.split(";"):
        name, equals, value = part.partition("=")
        if equals and (name := name.strip()) not in cookies:
            value = value.strip()
            cookies[name] = decode_uri_component(value[1:-1] if value.startswith('"') else value)
    return cookies
