"""Cookies as Better Auth writes and reads them.

A signed value is `encodeURIComponent(value + "." + base64(HMAC-SHA256(secret, value)))`.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

_SIGNATURE_LENGTH = 44
_UNRESERVED = "!'()*-._~"  # what encodeURIComponent leaves alone besides letters and digits


class CookieSigner:
    """Signs and verifies cookie values with the server's secret."""

    def __init__(self, secret: str) -> None:
        self._key = secret.encode()

    def sign(self, value: str) -> str:
        """Return `value.signature`, not yet percent-encoded."""
        return f"{value}.{base64.b64encode(self._mac(value)).decode()}"

    def verify(self, signed: str | None) -> str | None:
        """Return the value whose signature is right, else None. Takes constant time."""
        value, dot, signature = (signed or "").rpartition(".")
        if not (value and dot) or len(signature) != _SIGNATURE_LENGTH or signature[-1] != "=":
            return None
        try:
            mac = base64.b64decode(signature, validate=True)
        except (binascii.Error, ValueError):
            return None
        return value if hmac.compare_digest(mac, self._mac(value)) else None

    def _mac(self, value: str) -> bytes:
        return hmac.digest(self._key, value.encode("utf-8", "replace"), hashlib.sha256)


@dataclass(frozen=True, slots=True)
class CookieNames:
    """The names of Better Auth's cookies, `__Secure-` ones where the public URL is https."""

    secure: bool

    @property
    def session_token(self) -> str:
        """The signed session token."""
        return self._name("session_token")

    @property
    def session_data(self) -> str:
        """The cookie cache, which this server never fills but clears."""
        return self._name("session_data")

    @property
    def dont_remember(self) -> str:
        """Set when the session shall end with the browser's."""
        return self._name("dont_remember")

    @property
    def state(self) -> str:
        """Which social sign-in this browser has begun."""
        return self._name("state")

    def _name(self, name: str) -> str:
        return f"{'__Secure-' if self.secure else ''}better-auth.{name}"

    def set_cookie(self, name: str, value: str, max_age: int | None = None) -> str:
        """Return a `Set-Cookie` value; without `max_age` (seconds) it ends with the browser."""
        age = "" if max_age is None else f"; Max-Age={max_age}"
        secure = "; Secure" if self.secure else ""
        return f"{name}={encode_uri_component(value)}{age}; Path=/; HttpOnly{secure}; SameSite=Lax"


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
        if equals and name.strip() not in cookies:
            value = value.strip()
            cookies[name.strip()] = decode_uri_component(
                value[1:-1] if value.startswith('"') else value
            )
    return cookies
