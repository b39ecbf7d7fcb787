"""Loaded by Schemathesis: who asks. Tasks get a JSON Web Token, the auth endpoints a session.

A request that ends its session or deletes its user costs the next one a new user.
"""

import os
import re
import secrets
import threading
from typing import Any

import requests
import schemathesis

Case = schemathesis.Case[Any]

BASE_URL = os.environ["FUZZ_BASE_URL"]
_ENDS_SESSION = ("/sign-out", "/delete-user", "/revoke-", "/change-password", "/reset-password")
_BEYOND_16_BITS = re.compile("[\U00010000-\U0010ffff]")
_KEY_LENGTH = 255
_here = threading.local()


def _sign_up() -> tuple[str, str]:
    """Return a session token and a JSON Web Token of a new user."""
    body = {"name": "Fuzz", "email": f"{secrets.token_hex(8)}@example.com", "password": "p" * 12}
    answer = requests.post(f"{BASE_URL}/api/auth/sign-up/email", json=body, timeout=30)
    answer.raise_for_status()
    return answer.headers["set-auth-token"], answer.headers["set-auth-jwt"]


@schemathesis.auth(refresh_interval=3600).apply_to(path_regex="^/api/tasks")
class TasksAuth:
    """One user for the whole run, so that tasks made by one case are there for the next."""

    def get(self, case: Case, context: Any) -> str:
        return _sign_up()[1]

    def set(self, case: Case, data: str, context: Any) -> None:
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Passwords are measured as JavaScript does, in UTF-16; a JSON schema counts characters."""
    if isinstance(body, dict):
        for name in ("password", "newPassword", "currentPassword"):
            if isinstance(body.get(name), str):
                body[name] = _BEYOND_16_BITS.sub("?", body[name])
    return body


def _unique(key: str) -> str:
    """A key that was used with another body is 422, which no schema can say; lengths count."""
    longest = _KEY_LENGTH - 16
    return key[:longest] + secrets.token_hex(8) if len(key) <= _KEY_LENGTH else key


@schemathesis.hook
def before_call(context: Any, case: Case, kwargs: dict[str, Any]) -> None:
    kwargs["allow_redirects"] = False
    if key := case.headers.get("Idempotency-Key"):
        case.headers["Idempotency-Key"] = _unique(key)
    if case.path.startswith("/api/auth/"):
        if getattr(_here, "session", None) is None:
            _here.session = _sign_up()[0]
        case.headers["Authorization"] = f"Bearer {_here.session}"


@schemathesis.hook
def after_call(context: Any, case: Case, response: Any) -> None:
    path = case.path.removeprefix("/api/auth")
    if response.status_code < 400 and path.startswith(_ENDS_SESSION):
        _here.session = None
