"""OAuth state: what the server keeps while the browser is at the provider.

It is a verification value, found by the `state` parameter that the provider sends
back, and bound to the browser by a signed cookie. The format is Better Auth's.
"""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from authward.codes import Code
from authward.core.account_changes import consume, keep
from authward.endpoint_context import EndpointContext
from authward.errors import APIError

_LIFETIME = timedelta(minutes=10)
_COOKIE_SECONDS = 300
_MAX_LENGTH = 65_536


class OAuthStateError(Exception):
    """The callback belongs to no sign-in of this browser; `error_url` is the page that shows it."""

    def __init__(self, code: str, error_url: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.error_url = error_url


@dataclass(frozen=True, slots=True)
class AccountLink:
    """The user to whom the account will be linked."""

    user_id: str
    email: str
    encrypted_session_token: str | None

    def to_json(self) -> dict[str, Any]:
        """Return Better Auth's JSON."""
        return {
            "userId": self.user_id,
            "email": self.email,
            "encryptedSessionToken": self.encrypted_session_token,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read Better Auth's JSON.

        Raises:
            LookupError, TypeError, ValueError: it is not of this form.
        """
        return cls(
            str(value["userId"]), _text(value, "email"), _maybe(value, "encryptedSessionToken")
        )


@dataclass(frozen=True, slots=True)
class OAuthState:
    """A sign-in under way. The URLs are validated; `expires_at` is in seconds since 1970."""

    callback_url: str
    code_verifier: str
    expires_at: float
    error_url: str | None
    new_user_url: str | None
    request_sign_up: bool
    nonce: str | None
    link: AccountLink | None

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
            link=None if link is None else AccountLink.from_json(link),
        )


async def generate_state(
    ctx: EndpointContext, code_verifier: str, *, nonce: str | None, link: AccountLink | None = None
) -> str:
    """Store what the body asks for, bind it to the browser, and return the `state` parameter.

    Raises:
        APIError: 400 if the body's additional data is too large.
    """
    body, state = ctx.body, random_text(32)
    known = {
        "callbackURL": body.get("callbackURL") or ctx.auth.options.base_url,
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
    await keep(ctx, _identifier(state), value, _LIFETIME)
    cookies = ctx.auth.cookies
    age = cookies.attributes(cookies.state).max_age or _COOKIE_SECONDS
    ctx.set_signed_cookie(cookies.state, state, age)
    return state


async def parse_state(ctx: EndpointContext, state: str) -> OAuthState:
    """Return what was stored, once, and only to the browser that began the sign-in.

    Raises:
        OAuthStateError: unknown, used up, over, or another browser's.
    """
    auth, cookie = ctx.auth, ctx.auth.cookies.state
    kept = await auth.verifications.find(auth.pool, _identifier(state))
    found = _read(None if kept is None else kept.value)
    if ctx.signed_cookie(cookie) != state:
        raise OAuthStateError("state_mismatch", found.error_url)
    ctx.expire_cookie(cookie)
    if await consume(ctx, _identifier(state)) is None:
        raise OAuthStateError("state_mismatch", found.error_url)
    if found.expires_at < time.time():
        raise OAuthStateError("state_mismatch", found.error_url)
    return found


def random_text(length: int) -> str:
    """Return random letters, digits, `-` and `_`; `length` is a multiple of four."""
    return secrets.token_urlsafe(length * 3 // 4)


def _read(value: str | None) -> OAuthState:
    if value is None:
        raise OAuthStateError("state_mismatch")
    try:
        return OAuthState.from_json(value)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
        raise OAuthStateError("internal_server_error") from None


def _to_json(additional: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """Additional data of the client never replaces a property of ours, not even a missing one."""
    kept = {name: value for name, value in additional.items() if name not in known}
    present = {name: value for name, value in known.items() if value is not None}
    try:
        text = json.dumps(kept | present)
    except (ValueError, RecursionError):
        text = ""
    if not 0 < len(text) <= _MAX_LENGTH:
        raise APIError(Code.VALIDATION_ERROR, message="[body.additionalData] Too big")
    return text


def _identifier(state: str) -> str:
    return f"auth-state:{state}"


def _text(value: Mapping[str, Any], name: str) -> str:
    if not isinstance(value[name], str):
        raise TypeError(name)
    return str(value[name])


def _maybe(value: Mapping[str, Any], name: str) -> str | None:
    return _text(value, name) if name in value else None
