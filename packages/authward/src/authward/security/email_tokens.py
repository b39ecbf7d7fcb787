"""Tokens in the links that verify or change an e-mail address: Better Auth's, to the claim.

They are HS256 under the server's secret, as access tokens are, and neither may pass for the other:
these have an `email` and no `sub`, access tokens have a `sub` and no `email`, and each side
insists. A TypeScript Better Auth server with the same secret reads ours and writes what we read.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeGuard

import jwt

from authward.text import is_storable
from authward.validation import is_email

_ALGORITHM = "HS256"
_OF_ACCESS_TOKENS = ("sub", "iss", "aud")
_OPTIONAL = (("updateTo", "update_to"), ("requestType", "request_type"), ("userId", "user_id"))
_CHECKS: Any = {"require": ["exp"], "verify_iat": False, "verify_sub": False, "verify_aud": False}


class InvalidEmailTokenError(Exception):
    """Not a token for an e-mail address."""


class ExpiredEmailTokenError(InvalidEmailTokenError):
    """A token of ours whose time is over."""


@dataclass(frozen=True, slots=True)
class EmailClaims:
    """Who may do what: verify `email`, or with `update_to` replace `email` by it."""

    email: str
    update_to: str | None = None
    request_type: str | None = None
    user_id: str | None = None
    issued_at: float = 0
    """Seconds since 1970; what is issued gets the time of that."""

    def as_json(self) -> dict[str, str]:
        """Return the claims as the original names and orders them."""
        named = {name: getattr(self, attribute) for name, attribute in _OPTIONAL}
        return {"email": self.email} | {name: value for name, value in named.items() if value}


class EmailTokens:
    """Issues and verifies e-mail tokens."""

    def __init__(self, secret: str, old_secrets: Iterable[str] = ()) -> None:
        """Sign with `secret`, verify with the old ones too."""
        self._keys = [key.encode() for key in (secret, *old_secrets)]

    def issue(self, claims: EmailClaims, lifetime: int) -> str:
        """Return a token that is valid for `lifetime` seconds from now."""
        moment = int(time.time())
        payload = {**claims.as_json(), "iat": moment, "exp": moment + lifetime}
        return jwt.encode(payload, self._keys[0], _ALGORITHM, headers={"typ": None})

    def read(self, token: str) -> EmailClaims:
        """Return what a token says.

        Raises:
            ExpiredEmailTokenError: rightly signed, but over.
            InvalidEmailTokenError: anything else.
        """
        claims = self._verified(token)
        if any(name in claims for name in _OF_ACCESS_TOKENS):
            raise InvalidEmailTokenError
        optional = {attribute: claims.get(name) for name, attribute in _OPTIONAL}
        if not all(value is None or _is_text(value) for value in optional.values()):
            raise InvalidEmailTokenError
        email, update_to = claims.get("email"), optional["update_to"]
        if not _is_address(email) or not (update_to is None or _is_address(update_to)):
            raise InvalidEmailTokenError
        return EmailClaims(email, **optional, issued_at=_number(claims.get("iat")))

    def _verified(self, token: str) -> dict[str, Any]:
        for key in self._keys:
            try:
                return jwt.decode(token, key, [_ALGORITHM], _CHECKS)
            except jwt.InvalidSignatureError:
                continue
            except jwt.ExpiredSignatureError as error:
                raise ExpiredEmailTokenError from error
            except (jwt.PyJWTError, ValueError, OverflowError, RecursionError) as error:
                raise InvalidEmailTokenError from error
        raise InvalidEmailTokenError


def _number(value: Any) -> float:
    return value if isinstance(value, int | float) else 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and is_storable(value)


def _is_address(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and is_email(value)
