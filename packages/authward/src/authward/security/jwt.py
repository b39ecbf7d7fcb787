"""JSON Web Tokens: HS256 under the shared secret, verified without I/O (RFC 7519, RFC 8725)."""

import hmac
import json
import re
import time
from collections.abc import Callable, Iterable
from functools import cached_property, partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, TypeVar

from jwt.algorithms import HMACAlgorithm
from jwt.utils import base64url_decode, base64url_encode

if TYPE_CHECKING:
    from authward.security.jwks import RemoteJWKS

_COMPACT_JWS = re.compile(r"([\w-]{1,1024})\.([\w-]{1,6144})\.([\w-]{16,1366})", re.ASCII)
_UNUSED_BITS_ZERO = {0: "", 2: "AQgw", 3: "AEIMQUYcgkosw048"}
_SUBJECT = re.compile(r"[A-Za-z0-9_-]{1,255}")
_T = TypeVar("_T")
_HS256 = HMACAlgorithm(HMACAlgorithm.SHA256)
_HS256_HEADERS = ({"alg": "HS256"}, {"alg": "HS256", "typ": "JWT"})
_OWN_HEADER = base64url_encode(b'{"alg":"HS256","typ":"JWT"}')
_json = json.JSONEncoder(separators=(",", ":")).encode
_CACHE_SIZE = 10_000
_MAX_DATE = 2**53
_LEEWAY = 5.0  # seconds by which the clock of whoever issues a token may be ahead of ours
_REFUSED_SECONDS = 900.0


class InvalidTokenError(Exception):
    """Not a token that this server accepts."""


class ExpiredTokenError(InvalidTokenError):
    """A token of ours whose time is over."""


class UnknownKeyError(InvalidTokenError):
    """Signed by a key of the other Better Auth server that we have not seen yet."""


_Verified: TypeAlias = tuple[str, float, bool]
"""Subject, until when, and whether by a remote key; no NamedTuple: there are thousands of them, and
only tuples are neither larger than what they hold nor looked at for garbage again."""
_IS_REMOTE = itemgetter(2)


class TokenSigner:
    """Issues and verifies access tokens.

    Verified tokens are remembered, at most 10,000 and never beyond their `exp` or the key that
    signed them, because most requests of a client repeat the same token.
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
        self._verified: dict[str, _Verified] = {}
        self._refused: dict[str, float] = {}
        self._remote_keys: RemoteJWKS | None = None
        self.lifetime = lifetime
        self.is_own: Callable[[str], bool] = self._accepted.__contains__
        """Whether an issuer or audience is the server too, where it has several origins."""

    @property
    def remote_keys(self) -> "RemoteJWKS | None":
        """Public keys of another Better Auth server, whose tokens count as well."""
        return self._remote_keys

    @remote_keys.setter
    def remote_keys(self, keys: "RemoteJWKS") -> None:
        keys.on_change = partial(self._evict, _IS_REMOTE)
        self._remote_keys = keys

    def accept(self, *names: str) -> None:
        """Accept these as issuer and audience too."""
        self._accepted |= {*names}

    def issue(self, user_id: str, audience: str | None = None, *, issuer: str | None = None) -> str:
        """Return a token for the user, valid from now for `lifetime` seconds.

        It is for this server, or for the `audience` given; `issuer` is the origin that the request
        was sent to, where the server has several.

        It has no `email` claim on purpose: Better Auth's e-mail verification would take it.
        """
        now, issuer = int(time.time()), issuer or self._issuer
        claims = {
            "sub": user_id,
            "iat": now,
            "exp": now + self.lifetime,
            "iss": issuer,
            "aud": audience or issuer,
        }
        signed = b"%b.%b" % (_OWN_HEADER, base64url_encode(_json(claims).encode()))
        signature = base64url_encode(hmac.digest(self._signing_key, signed, "sha256"))
        return f"{signed.decode()}.{signature.decode()}"

    @cached_property
    def _signing_key(self) -> bytes:
        """The secret, once PyJWT has looked whether it is one: that takes longer than to sign."""
        return _HS256.prepare_key(self._keys[0])

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
        claims, remote_keys = self._verified_claims(token)
        subject, expires_at = self._check_claims(claims)
        if self._refused.get(subject, 0.0) > time.time():
            raise InvalidTokenError
        if remote_keys is not None:
            expires_at = min(expires_at, time.time() + remote_keys.trusted_for())
        _make_room(self._verified)[token] = (subject, expires_at, remote_keys is not None)
        return subject

    def deny_user(self, user_id: str) -> None:
        """Accept no token of this user from now on, for a quarter of an hour."""
        self._evict(lambda known: known[0] == user_id)
        self._refused.pop(user_id, None)
        _make_room(self._refused)[user_id] = time.time() + _REFUSED_SECONDS

    def is_denied(self, user_id: str) -> bool:
        """Whether `deny_user` was said of this user a short while ago."""
        return self._refused.get(user_id, 0.0) > time.time()

    def _evict(self, whom: Callable[[_Verified], bool]) -> None:
        self._verified = {token: k for token, k in self._verified.items() if not whom(k)}

    def _verified_claims(self, token: str) -> "tuple[dict[str, Any], RemoteJWKS | None]":
        """Check form, header and signature, in this order, before the payload is looked at.

        Returns:
            The payload, and the keys of the other server if one of them signed it.
        """
        match = _COMPACT_JWS.fullmatch(token)
        if match is None or not _is_canonical(match[3]):
            raise InvalidTokenError
        try:
            header = _strict_object(base64url_decode(match[1]))
            signed = token[: match.end(2)].encode()
            keys = self._check_signature(header, signed, base64url_decode(match[3]))
            return _strict_object(base64url_decode(match[2])), keys
        except (ValueError, RecursionError) as error:
            raise InvalidTokenError from error

    def _check_signature(
        self, header: dict[str, Any], signed: bytes, signature: bytes
    ) -> "RemoteJWKS | None":
        if header in _HS256_HEADERS:
            if not any(_HS256.verify(signed, key, signature) for key in self._keys):
                raise InvalidTokenError
            return None
        remote_keys = self._remote_keys
        if remote_keys is None or not remote_keys.is_supported(header):
            raise InvalidTokenError
        remote_keys.refresh_in_background()
        if not remote_keys.has_key(header["kid"]):
            raise UnknownKeyError
        if not remote_keys.verify(header, signed, signature):
            raise InvalidTokenError
        return remote_keys

    def _check_claims(self, claims: dict[str, Any]) -> tuple[str, float]:
        now = time.time()
        subject, expires_at = claims.get("sub"), _numeric_date(claims, "exp")
        if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject) or expires_at is None:
            raise InvalidTokenError
        for claim in ("nbf", "iat"):
            if (_numeric_date(claims, claim) or 0) > now + _LEEWAY:
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
        if not (self._is_accepted(issuer) and any(map(self._is_accepted, audiences))):
            raise InvalidTokenError

    def _is_accepted(self, name: str) -> bool:
        return name in self._accepted or self.is_own(name)


def _make_room(cache: dict[str, _T]) -> dict[str, _T]:
    """Make room for one more, at the cost of the oldest."""
    if len(cache) >= _CACHE_SIZE:
        del cache[next(iter(cache))]
    return cache


def _is_canonical(signature: str) -> bool:
    """One signature has one spelling: the bits that its last character does not need are zero."""
    unused = _UNUSED_BITS_ZERO.get(len(signature) % 4)
    return unused is not None and (not unused or signature[-1] in unused)


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
