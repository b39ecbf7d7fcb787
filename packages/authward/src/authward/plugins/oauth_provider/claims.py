"""Claims about users: which there are, whose scope asks for them, and their values."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from authward.storage.rows import AuthUser

CLAIMS_MAX_LENGTH = 8_192
_PROTOCOL = ("sub", "iss", "aud", "exp", "iat", "sid", "scope", "azp")


def _names(user: AuthUser) -> list[str]:
    return [part for part in user.name.split(" ") if part]


def _given(user: AuthUser) -> str | None:
    parts = _names(user)
    return " ".join(parts[:-1]) if len(parts) > 1 else None


def _family(user: AuthUser) -> str | None:
    parts = _names(user)
    return parts[-1] if len(parts) > 1 else None


STANDARD: Mapping[str, tuple[str, Callable[[AuthUser], Any]]] = {
    "name": ("profile", lambda user: user.name),
    "picture": ("profile", lambda user: user.image),
    "given_name": ("profile", _given),
    "family_name": ("profile", _family),
    "email": ("email", lambda user: user.email),
    "email_verified": ("email", lambda user: user.email_verified),
}
"""Of OpenID Connect Core, section 5.1: the scope that asks for it, and its value."""

_RESERVED = ("iss", "sub", "aud", "exp", "iat", "jti", "auth_time", "acr", "amr", "azp", "sid")
RESERVED_OF_ACCESS_TOKENS = frozenset((*_RESERVED, "client_id", "scope", "cnf"))
RESERVED_OF_ID_TOKENS = frozenset((*_RESERVED, "nbf", "nonce", "at_hash", "c_hash", "s_hash"))


def supported(scopes: Iterable[str]) -> tuple[str, ...]:
    """Return the claims that a provider with these scopes can make."""
    known = set(scopes)
    return (*_PROTOCOL, *(name for name, (scope, _) in STANDARD.items() if scope in known))


def user_claims(
    user: AuthUser, scopes: Sequence[str], requested: Sequence[str] = ()
) -> dict[str, Any]:
    """Return what the scopes, or a `claims` request, ask for; without null values."""
    wanted = {
        name: value(user)
        for name, (scope, value) in STANDARD.items()
        if scope in scopes or name in requested
    }
    return {"sub": user.id, **{name: v for name, v in wanted.items() if v is not None}}


def without(claims: Mapping[str, Any], reserved: frozenset[str]) -> dict[str, Any]:
    """Leave out what is the server's own to say."""
    return {name: value for name, value in claims.items() if name not in reserved}


def parse_claims_request(value: Any) -> dict[str, Any] | None:
    """Return a `claims` parameter (OpenID Connect Core, section 5.5); None if it is none."""
    if isinstance(value, str):
        if len(value) > CLAIMS_MAX_LENGTH:
            return None
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if not isinstance(value, dict):
        return None
    members = [value[name] for name in ("userinfo", "id_token") if name in value]
    if not all(isinstance(m, dict) and all(_is_request(r) for r in m.values()) for m in members):
        return None
    return value if _is_acr_request(value.get("id_token", {}).get("acr")) else None


def _is_request(value: Any) -> bool:
    return value is None or isinstance(value, dict)


def _is_acr_request(value: Any) -> bool:
    if value is None:
        return True
    values = value.get("values", [])
    return (
        isinstance(value.get("essential", False), bool)
        and isinstance(value.get("value", ""), str)
        and isinstance(values, list)
        and all(isinstance(v, str) for v in values)
    )


def requested_user_info(value: Any, known: Sequence[str]) -> list[str]:
    """Return the claims that a request names for the UserInfo endpoint, and that there are."""
    request = parse_claims_request(value) or {}
    return [name for name in request.get("userinfo", {}) if name in known]


def can_satisfy_acr(value: Any, current: str) -> bool:
    """Whether an authentication context that is essential for the client is the one there is."""
    if value is None:
        return True
    request = parse_claims_request(value)
    if request is None:
        return False
    acr = request.get("id_token", {}).get("acr")
    if not acr or acr.get("essential") is not True:
        return True
    return acr.get("value", current) == current and current in acr.get("values", [current])


def only_accepted(value: Any, accepted: Sequence[str]) -> dict[str, Any] | None:
    """Return a request without the claims for UserInfo that the user did not accept."""
    request = parse_claims_request(value)
    if request is None:
        return None
    kept = {name: r for name, r in request.get("userinfo", {}).items() if name in accepted}
    rest = {name: member for name, member in request.items() if name != "userinfo"}
    return ({**request, "userinfo": kept} if kept else rest) or None
