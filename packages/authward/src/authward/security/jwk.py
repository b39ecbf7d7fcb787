"""One key of a JSON Web Key Set (RFC 7517, RFC 7518): what it may verify, and whether it may."""

from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import Algorithm, get_default_algorithms
from jwt.exceptions import PyJWTError

_ALGORITHMS = {
    ("OKP", "Ed25519"): ("EdDSA",),
    ("OKP", "Ed448"): ("EdDSA",),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-521"): ("ES512",),
    ("RSA", None): ("RS256", "PS256"),
}
"""What each kind of key may verify: all that Better Auth signs with."""
SUPPORTED = frozenset(name for names in _ALGORITHMS.values() for name in names)
_IMPLEMENTATIONS = get_default_algorithms()
_PUBLIC = ("kty", "crv", "x", "y", "n", "e")
_RSA_BITS = range(2048, 8193)
_EXPONENT_MAX_BITS = 64
_SHOWN = 64


class UnusableKeyError(ValueError):
    """A key that does not count; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key, for one algorithm."""

    kid: str
    algorithm: str
    key: Any

    def verify(self, signed: bytes, signature: bytes) -> bool:
        """Whether this key made the signature."""
        return _IMPLEMENTATIONS[self.algorithm].verify(signed, self.key, signature)


def read_key(jwk: Any) -> list[PublicKey]:
    """Return the key, once for each algorithm that it may be used with.

    One that is not for signatures at all, such as one to encrypt for, is no key here.

    Raises:
        UnusableKeyError: it cannot be used.
    """
    if not isinstance(jwk, dict) or not isinstance(kid := jwk.get("kid"), str) or not kid:
        raise UnusableKeyError("a key without a name (kid)")
    if not _is_for_signatures(jwk):
        return []
    try:
        return [PublicKey(kid, name, _public_key(jwk, name)) for name in _algorithms(jwk)]
    except UnusableKeyError as error:
        raise UnusableKeyError(f"{kid[:_SHOWN]!r}: {error}") from None
    except (PyJWTError, UnsupportedAlgorithm, ValueError, TypeError, KeyError) as error:
        reason = f"{kid[:_SHOWN]!r}: cannot be read ({type(error).__name__})"
        raise UnusableKeyError(reason) from None


def _is_for_signatures(jwk: dict[str, Any]) -> bool:
    use, operations = jwk.get("use"), jwk.get("key_ops")
    may_verify = isinstance(operations, list) and "verify" in operations
    return use in (None, "sig") and (operations is None or may_verify)


def _algorithms(jwk: dict[str, Any]) -> tuple[str, ...]:
    kind, curve = jwk.get("kty"), jwk.get("crv")
    if not isinstance(kind, str) or not isinstance(curve, str | None):
        raise UnusableKeyError("of no kind")
    possible = _ALGORITHMS.get((kind, curve), ())
    named = jwk.get("alg")
    if named is not None and named not in possible:
        possible = ()
    if not possible:
        raise UnusableKeyError(
            f"{kind[:_SHOWN]} {(curve or '')[:_SHOWN]} {str(named)[:_SHOWN]} is not supported"
        )
    return possible if named is None else (named,)


def _public_key(jwk: dict[str, Any], algorithm: str) -> Any:
    """Read what is public of it; whoever publishes the private half does not make us use it."""
    implementation: Algorithm = _IMPLEMENTATIONS[algorithm]
    key = implementation.from_jwk({name: jwk[name] for name in _PUBLIC if name in jwk})
    if isinstance(key, RSAPublicKey):
        if key.key_size not in _RSA_BITS:
            raise UnusableKeyError(f"RSA of {key.key_size} bits, not {_RSA_BITS[0]} or more")
        if key.public_numbers().e.bit_length() > _EXPONENT_MAX_BITS:
            raise UnusableKeyError("RSA with a huge exponent")
    return key
