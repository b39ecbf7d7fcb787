"""JSON Web Tokens: HS256 under the shared secret, verified without I/O (RFC 7519, RFC 8725)."""

import json
import re
import time
from collections.abc import Iterable
from typing import Any

import jwt

_COMPACT_JWS = re.compile(r"[A-Za-z0-9_-]{1,1024}\.[A-Za-z0-9_-]{1,6144}\.[A-Za-z0-9_-]{43}")
_SUBJECT = re.compile(r"[A-Za-z0-9_-]{1,255}")
_ALGORITHM = "HS256"
_HEADERS = ({"alg": _ALGORITHM}, {"alg": _ALGORITHM, "typ": "JWT"})
_CACHE_SIZE = 10_000
_MAX_DATE = 2**53


class InvalidTokenError(Exception):
    """Not a token that this server accepts."""


class ExpiredTokenError(InvalidTokenError):
    """A token of ours whose time is over."""


class TokenSigner:
    """Issues and verifies access tokens.

    Verified tokens are remembered, at most 10,000 and never beyond their `exp`, because most
    requests of a client repeat the same token.
    """

    def __init__(
        self, secret: str, *, issuer: str, lifetime: int, audiences: Iterable[str] = ()
    ) -> None:
        """Sign with `secret` for `lifetime` seconds; `audiences` are origins also accepted."""
        self._key = secret.encode()
        self._issuer = issuer
        self._accepted = frozenset({issuer, *audiences})
        self._jws = jwt.PyJWS(algorithms=[_ALGORITHM])
        self._verified: dict[str, tuple[str, float]] = {}
        self.lifetime = lifetime

    def issue(self, user_id: str) -> str:
        """Return a token for the user, valid from now for `lifetime` seconds.

        It has no `email` claim on purpose: Better Auth's e-mail verification would take it.
        """
        now = int(time.time())
        claims = {
            "sub": user_id,
            "iat": now,
            "exp": now + self.lifetime,
            "iss": self._issuer,
            "aud": self._issuer,
        }
        return jwt.encode(claims, self._key, _ALGORITHM)

    def verify(self, token: str) -> str:
        """Return the user id (`sub`) of a valid token.

        Raises:
            ExpiredTokenError: signed by us, but over.
            InvalidTokenError: anything else.
        """
        known = self._verified.get(token)
        if known is not None and time.time() < known[1]:
            return known[0]
        subject, expires_at = self._check_claims(self._verified_claims(token))
        self._remember(token, subject, expires_at)
        return subject

    def _remember(self, token: str, subject: str, expires_at: float) -> None:
        if len(self._verified) >= _CACHE_SIZE:
            self._verified.pop(next(iter(self._verified)))
        self._verified[token] = (subject, expires_at)

    def _verified_claims(self, token: str) -> dict[str, Any]:
        """Check form, header and signature, in this order, before the payload is looked at."""
        if not _COMPACT_JWS.fullmatch(token):
            raise InvalidTokenError
        try:
            decoded = self._jws.decode_complete(token, self._key, algorithms=[_ALGORITHM])
            header = _strict_object(_decode_segment(token.partition(".")[0]))
            if header not in _HEADERS:
                raise InvalidTokenError
            return _strict_object(decoded["payload"])
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise InvalidTokenError from error

    def _check_claims(self, claims: dict[str, Any]) -> tuple[str, float]:
        now = time.time()
        subject, expires_at = claims.get("sub"), _numeric_date(claims, "exp")
        if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject) or expires_at is None:
            raise InvalidTokenError
        for claim in ("nbf", "iat"):
            if (_numeric_date(claims, claim) or 0) > now:
                raise InvalidTokenError
        self._check_issuer_and_audience(claims)
        if expires_at <= now:
            raise ExpiredTokenError
        return subject, expires_at

    def _check_issuer_and_audience(self, claims: dict[str, Any]) -> None:
        issuer, audience = claims.get("iss", self._issuer), claims.get("aud", self._issuer)
        audiences = audience if isinstance(audience, list) else [audience]
        if not all(isinstance(value, str) for value in (issuer, *audiences)):
            raise InvalidTokenError
        if issuer not in self._accepted or self._accepted.isdisjoint(audiences):
            raise InvalidTokenError


def _numeric_date(claims: dict[str, Any], name: str) -> float | None:
    """Return seconds since 1970, or None if absent; a string, NaN or infinity is refused."""
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidTokenError
    if not 0 <= value <= _MAX_DATE:
        raise InvalidTokenError
    return float(value)


def _decode_segment(segment: str) -> bytes:
    return jwt.utils.base64url_decode(segment)


def _strict_object(text: bytes) -> dict[str, Any]:
    """Parse a JSON object; NaN, infinities and duplicate keys, on which parsers differ, are errors.

    Raises:
        ValueError: not such an object.
    """
    value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(result := dict(pairs)) != len(pairs):
        raise ValueError("duplicate keys")
    return result


def _refuse(constant: str) -> Any:
    raise ValueError(constant)
