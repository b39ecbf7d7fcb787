"""What is remembered while the browser is at the provider (Better Auth's `state`).

It is a row of the `verification` table, found by the `state` parameter that the provider gives
back, and bound to the browser by a signed cookie. Either server can finish what the other began.
"""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from taskward.auth import verification
from taskward.auth.errors import APIError
from taskward.auth.exchange import Exchange

_LIFETIME = timedelta(minutes=10)
_COOKIE_SECONDS = 300
_MAX_LENGTH = 65_536


class StateError(Exception):
    """The callback does not belong to a sign-in of this browser; `error_url` is where to tell."""

    def __init__(self, code: str, error_url: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.error_url = error_url


@dataclass(frozen=True, slots=True)
class Link:
    """Whose account it will be, where somebody links one more."""

    user_id: str
    email: str
    sealed_session_token: str | None

    def to_json(self) -> dict[str, Any]:
        """Return it in Better Auth's words."""
        return {
            "userId": self.user_id,
            "email": self.email,
            "encryptedSessionToken": self.sealed_session_token,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read Better Auth's words.

        Raises:
            LookupError, TypeError, ValueError: it is not of this form.
        """
        return cls(
            str(value["userId"]), _text(value, "email"), _maybe(value, "encryptedSessionToken")
        )


@dataclass(frozen=True, slots=True)
class State:
    """A sign-in that has begun. URLs were checked at that time; `expires_at` is seconds."""

    callback_url: str
    code_verifier: str
    expires_at: float
    error_url: str | None
    new_user_url: str | None
    request_sign_up: bool
    nonce: str | None
    link: Link | None

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what either server has written.

        Raises:
            LookupError, TypeError, ValueError: it is not of this form.
        """
        value = json.loads(text)
        link = value.get("link")
        return cls(
            callback_url=_text(value, "callbackURL"),
            code_verifier=_text(value, "codeVerifier"),
            expires_at=float(value["expiresAt"]) / 1000,
            error_url=_maybe(value, "errorURL"),
            new_user_url=_maybe(value, "newUserURL"),
            request_sign_up=value.get("requestSignUp") is True,
            nonce=_maybe(value, "idTokenNonce"),
            link=None if link is None else Link.from_json(link),
        )


async def begin(
    exchange: Exchange, code_verifier: str, *, nonce: str | None, link: Link | None = None
) -> str:
    """Remember what the body asks for, bind it to the browser, and return the `state`.

    Raises:
        APIError: 400 if the body's additional data is too large.
    """
    body, state = exchange.body, random_text(32)
    known = {
        "callbackURL": body.get("callbackURL") or exchange.auth.options.base_url,
        "codeVerifier": code_verifier,
        "errorURL": body.get("errorCallbackURL"),
        "newUserURL": body.get("newUserCallbackURL"),
        "link": None if link is None else link.to_json(),
        "serverContext": None,
        "expiresAt": int((time.time() + _LIFETIME.total_seconds()) * 1000),
        "requestSignUp": body.get("requestSignUp"),
        "idTokenNonce": nonce,
        "oauthState": state,
    }
    value = _to_json(body.get("additionalData") or {}, known)
    await verification.create(exchange.auth.pool, _identifier(state), value, _LIFETIME)
    exchange.set_signed_cookie(exchange.auth.cookies.state, state, _COOKIE_SECONDS)
    return state


async def finish(exchange: Exchange, state: str) -> State:
    """Return what was remembered, once, to the browser that began.

    Raises:
        StateError: unknown, used up, over, or another browser's.
    """
    pool, cookie = exchange.auth.pool, exchange.auth.cookies.state
    found = _read(await verification.find(pool, _identifier(state)))
    if exchange.signed_cookie(cookie) != state:
        raise StateError("state_mismatch", found.error_url)
    exchange.expire_cookie(cookie)
    if await verification.consume(pool, _identifier(state)) is None:
        raise StateError("state_mismatch", found.error_url)
    if found.expires_at < time.time():
        raise StateError("state_mismatch", found.error_url)
    return found


def random_text(length: int) -> str:
    """Return random letters, digits, `-` and `_`; `length` is a multiple of four."""
    return secrets.token_urlsafe(length * 3 // 4)


def _read(value: str | None) -> State:
    if value is None:
        raise StateError("state_mismatch")
    try:
        return State.from_json(value)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
        raise StateError("internal_server_error") from None


def _to_json(additional: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """What a client adds must not stand where something of ours is missing."""
    kept = {name: value for name, value in additional.items() if name not in known}
    present = {name: value for name, value in known.items() if value is not None}
    try:
        text = json.dumps(kept | present)
    except (ValueError, RecursionError):
        text = ""
    if not 0 < len(text) <= _MAX_LENGTH:
        raise APIError(400, "VALIDATION_ERROR", "[body.additionalData] Too big")
    return text


def _identifier(state: str) -> str:
    return f"auth-state:{state}"


def _text(value: Mapping[str, Any], name: str) -> str:
    if not isinstance(value[name], str):
        raise TypeError(name)
    return str(value[name])


def _maybe(value: Mapping[str, Any], name: str) -> str | None:
    return _text(value, name) if name in value else None
