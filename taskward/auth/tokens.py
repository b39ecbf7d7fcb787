"""JSON Web Tokens: HS256 under the shared secret, verified without I/O (RFC 7519, RFC 8725)."""

import json
import re
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn

import jwt
from jwt.algorithms import HMACAlgorithm
from jwt.utils import base64url_decode

if TYPE_CHECKING:
    from taskward.auth.jwks import RemoteKeys

_COMPACT_JWS = re.compile(r"([\w-]{1,1024})\.([\w-]{1,6144})\.([\w-]{16,128})", re.ASCII)
_UNUSED_BITS_ZERO = {43: "AEIMQUYcgkosw048", 86: "AQgw"}
_SUBJECT = re.compile(r"[A-Za-z0-9_-]{1,255}")
_HS256 = HMACAlgorithm(HMACAlgorithm.SHA256)
_HS256_HEADERS = ({"alg": "HS256"}, {"alg": "HS256", "typ": "JWT"})
_CACHE_SIZE = 10_000
_MAX_DATE = 2**53


class InvalidTokenError(Exception):
    """Not a token that this server accepts."""


class ExpiredTokenError(InvalidTokenError):
    """A token of ours whose time is over."""


class UnknownKeyError(InvalidTokenError):
    """Signed by a key of the other Better Auth server that we have not seen yet."""


class TokenSigner:
    """Issues and verifies access tokens.

    Verified tokens are remembered, at most 10,000 and never beyond their `exp`, because most
    requests of a client repeat the same token.
    """

    def __init__(
        self,
        secret: str,
        *,
        issuer: str,
        lifetime: int,
        old_secrets: Iterable[str] = (),
        audiences: Iterable[str] = (),
    ) -> None:
        """Sign with `secret`, verify with the old ones too.

        Args:
            secret: the one in force.
            issuer: the server's own origin.
            lifetime: of an issued token, in seconds.
            old_secrets: those that are being phased out.
            audiences: other origins that a token may name as issuer or audience.
        """
        self._keys = [key.encode() for key in (secret, *old_secrets)]
        self._issuer = issuer
        self._accepted = frozenset({issuer, *audiences})
        self._verified: dict[str, tuple[str, float]] = {}
        self.lifetime = lifetime
        self.remote_keys: RemoteKeys | None = None
        """Public keys of another Better Auth server, whose tokens count as well."""

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
        return jwt.encode(claims, self._keys[0], "HS256")

    def verify(self, token: str) -> str:
        """Return the user id (`sub`) of a valid token.

        Raises:
            ExpiredTokenError: rightly signed, but over.
            UnknownKeyError: maybe valid, once `remote_keys` are refreshed.
            InvalidTokenError: anything else.
        """
        known = self._verified.get(token)
        if known is not None:
            if time.time() < known[1]:
                return known[0]
            del self._verified[token]
        subject, expires_at = self._check_claims(self._verified_claims(token))
        self._remember(token, subject, expires_at)
        return subject

    def _remember(self, token: str, subject: str, expires_at: float) -> None:
        if len(self._verified) >= _CACHE_SIZE:
            del self._verified[next(iter(self._verified))]
        self._verified[token] = (subject, expires_at)

    def _verified_claims(self, token: str) -> dict[str, Any]:
        """Check form, header and signature, in this order, before the payload is looked at."""
        match = _COMPACT_JWS.fullmatch(token)
        if match is None or not _is_canonical(match[3]):
            raise InvalidTokenError
        try:
            header = _strict_object(base64url_decode(match[1]))
            signed = token[: match.end(2)].encode()
            self._check_signature(header, signed, base64url_decode(match[3]))
            return _strict_object(base64url_decode(match[2]))
        except (ValueError, RecursionError) as error:
            raise InvalidTokenError from error

    def _check_signature(self, header: dict[str, Any], signed: bytes, signature: bytes) -> None:
        if header in _HS256_HEADERS:
            if not any(_HS256.verify(signed, key, signature) for key in self._keys):
                raise InvalidTokenError
        elif self.remote_keys is not None and self.remote_keys.can_read(header):
            if not self.remote_keys.knows(header["kid"]):
                raise UnknownKeyError
            if not self.remote_keys.verify(header["kid"], signed, signature):
                raise InvalidTokenError
        else:
            raise InvalidTokenError

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


def _is_canonical(signature: str) -> bool:
    """One signature has one spelling: the bits that its last character does not need are zero."""
    return signature[-1] in _UNUSED_BITS_ZERO.get(len(signature), "")


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


def _strict_object(text: bytes) -> dict[str, Any]:
    """Parse a JSON object; NaN, infinities and duplicate keys, on which parsers differ, are errors.

    Raises:
        ValueError: not such an object.
    """
    value = json.loads(text.decode(), object_pairs_hook=_unique, parse_constant=_refuse)
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(result := dict(pairs)) != len(pairs):
        raise ValueError("duplicate keys")
    return result


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
