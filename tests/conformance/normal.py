"""What may differ between two servers that behave alike, replaced by its shape.

Ids and tokens are numbered in the order of their appearance, so that "the same token" and "a new
token" still are two answers. Dates become minutes from now, so that a date in another format, or
an expiry of another length, stays visible. Signatures are checked, not just cut off.
"""

import base64
import hashlib
import hmac
import json
import re
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, unquote

from .wire import Answer

HEADERS: Final = (
    "content-type",
    "cache-control",
    "pragma",
    "location",
    "set-auth-token",
    "set-auth-jwt",
)
_JWT: Final = re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{20,}")
_SIGNED: Final = re.compile(r"(?<![\w-])([\w-]{32})\.((?:[A-Za-z0-9+/]|%2B|%2F){43}(?:=|%3D))")
_TOKEN: Final = re.compile(r"\b(?:[A-Za-z0-9]{32}|[A-Za-z0-9]{24})\b")
_RANDOM: Final = re.compile(r"\b(state|nonce|code_challenge)=([\w-]{43}|[\w-]{32})(?![\w-])")
_DATE: Final = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Normaliser:
    """One per server and conversation: it remembers which tokens it has seen."""

    def __init__(self, base_url: str, secret: str) -> None:
        self._base_url = base_url
        self._secret = secret
        self._numbers: dict[str, int] = {}

    def answer(self, answer: Answer) -> dict[str, str]:
        """Everything that is compared, in an order in which numbers are given out alike."""
        shape = {"status": str(answer.status), "body": self._body(answer)}
        cookies = [self.text(line) for line in answer.all("set-cookie")]
        shape["set-cookie"] = "\n".join(cookies)
        for name in HEADERS:
            shape[name] = self.text(answer.get(name) or "-")
        return shape

    def _body(self, answer: Answer) -> str:
        text = answer.body.decode("utf-8", errors="backslashreplace")
        if "json" not in (answer.get("content-type") or ""):
            return self.text(text)
        try:
            return json.dumps(self.value(json.loads(text)), ensure_ascii=False)
        except ValueError:
            return self.text(text)

    def value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._field(name, entry) for name, entry in value.items()}
        if isinstance(value, list):
            return [self.value(entry) for entry in sorted(value, key=_account)]
        return self.text(value) if isinstance(value, str) else value

    def _field(self, name: str, value: Any) -> Any:
        # The original behind plain Node.js never learns the socket's peer; ours does.
        return "<ip>" if name == "ipAddress" else self.value(value)

    def text(self, text: str) -> str:
        text = _JWT.sub(lambda match: self._jwt(match[0]), text)
        text = text.replace(self._base_url, "<base>")
        text = text.replace(quote(self._base_url, safe=""), "<base, quoted>")
        text = _SIGNED.sub(self._signed, text)
        text = _RANDOM.sub(lambda match: f"{match[1]}={self._number(match[2])}", text)
        text = _TOKEN.sub(lambda match: self._number(match[0]), text)
        return _DATE.sub(self._date, text)

    def _number(self, token: str) -> str:
        return f"<token {self._numbers.setdefault(token, len(self._numbers) + 1)}>"

    def _signed(self, match: re.Match[str]) -> str:
        token, signature = match[1], match[2]
        digest = hmac.digest(self._secret.encode(), token.encode(), hashlib.sha256)
        right = base64.b64encode(digest).decode() == unquote(signature)
        quoted = "quoted" if signature.endswith("%3D") else "bare"
        return f"{self._number(token)}.<{quoted} {'right' if right else 'WRONG'} signature>"

    @staticmethod
    def _date(match: re.Match[str]) -> str:
        moment = datetime.fromisoformat(match[0])
        minutes = round((moment - datetime.now(UTC)).total_seconds() / 60)
        return f"<date {minutes:+} min>" if minutes else "<date now>"

    def _jwt(self, token: str) -> str:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        shown = {name: claims.get(name) for name in ("sub", "iss", "aud")}
        if "sub" not in claims:  # it is about an e-mail address, and every claim counts
            shown = {name: value for name, value in claims.items() if name not in {"iat", "exp"}}
        return f"<jwt {self.value(shown)} for {claims['exp'] - claims['iat']} s>"


def _account(entry: Any) -> tuple[str, str]:
    """The original lists accounts in no order, so theirs is ours; other lists stay as they are."""
    is_account = isinstance(entry, dict) and "providerId" in entry
    return (entry["providerId"], entry["accountId"]) if is_account else ("", "")
