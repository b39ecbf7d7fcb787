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
from urllib.parse import parse_qsl, quote, unquote, unquote_plus, urlencode

from authward.security.encrypted_jwt import decode_encrypted

from .kept_values import numbered
from .wire import Answer

HEADERS: Final = (
    "content-type",
    "cache-control",
    "pragma",
    "location",
    "set-auth-token",
    "set-auth-jwt",
    "www-authenticate",
)
_JWT: Final = re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{20,}")
_JWE: Final = re.compile(r"\beyJ[\w-]{8,}\.\.[\w-]+\.[\w-]+\.[\w-]+")
_SIGNED: Final = re.compile(
    r"(?<![\w-])([\w-]{32}(?:%3A(?:true)?)?)\.((?:[A-Za-z0-9+/]|%2B|%2F){43}(?:=|%3D))"
)
_SECOND_FACTOR: Final = re.compile(
    r"(2fa-|([\w-]{43})!trust-device-)([\w-]{32}|[\w-]{20})\.((?:[A-Za-z0-9+/]|%2B|%2F){43}(?:=|%3D))"
)
_TOTP_SECRET: Final = re.compile(r"\bsecret=([A-Z2-7]{16,})")
_TOKEN: Final = re.compile(
    r"\b(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Za-z0-9]{32}|[A-Za-z0-9]{24})\b"
)
_RANDOM: Final = re.compile(r"\b(state|nonce|code_challenge)=([\w-]{43}|[\w-]{32})(?![\w-])")
_QUERY: Final = re.compile(r"\?([^\s\"#]*&sig=[^\s\"#&]+)")
_HANDED_OVER: Final = re.compile(r"^([a-z]+://.*[?&]cookie=)([^\s&#]+)")
_TIMES: Final = frozenset({"expires_at", "client_id_issued_at", "iat", "exp"})
_BYTES: Final = re.compile(r"[\w-]{43}")
_LETTER: Final = re.compile("[A-Za-z0-9]")
_ONE_TIME: Final = re.compile(r"[\w-]{32}")
_CODE: Final = re.compile(r"[0-9]{4,10}")
_CACHE: Final = re.compile(r"([\w.-]*session_data)((?:\.\d+)?)=([^;]+)")
_RANDOM_FIELDS: Final = {
    "key": re.compile(r"[a-zA-Z]{20,}$"),
    "start": re.compile(r"[a-zA-Z]+$"),
    "device_code": re.compile(r"^[a-zA-Z0-9]+$"),
    "user_code": re.compile(r"^[A-Z0-9]{6,8}$"),
}
"""An API key, what it begins with, and the codes of a device."""
_DEVICE: Final = re.compile(r"user_code=[A-Z2-9]{6,8}(?![\w-])")
_DATE: Final = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

_A_YEAR: Final = 366 * 24 * 60
_OVER: Final = "<a session that is over>"


class Normaliser:
    """One per server and scenario: it remembers which tokens it has seen."""

    def __init__(self, base_url: str, secret: str, *, has_storage: bool) -> None:
        self._base_url = base_url
        self._unordered = {"error_description"} | (
            {"rateLimitTimeWindow"} if has_storage else set()
        )
        self._secret = secret
        self._numbers: dict[str, int] = {}

    def answer(self, answer: Answer) -> dict[str, str]:
        """Everything that is compared, in an order in which numbers are given out alike."""
        shape = {"status": str(answer.status), "body": self._body(answer)}
        cookies = [self._cookie(line) for line in answer.all("set-cookie")]
        shape["set-cookie"] = "\n".join(cookies)
        for name in HEADERS:
            text = answer.get(name) or "-"
            over = name == "set-auth-token" and '"twoFactorRedirect"' in shape["body"]
            shape[name] = _OVER if over and text != "-" else self.text(text)
        return shape

    def stored(self, entries: dict[str, Any]) -> dict[str, str]:
        """What is in a secondary storage, by the names of the keys."""
        return {self.text(key): json.dumps(self.value(entry)) for key, entry in entries.items()}

    def kept(self, entries: list[tuple[str, Any]]) -> dict[str, str]:
        """Values and keys in a secondary storage, by the names of the keys."""
        return numbered((self.text(k), json.dumps(self.value(entry))) for k, entry in entries)

    def _cookie(self, line: str) -> str:
        match = _CACHE.match(line)
        if match is None:
            return self.text(line)
        shown = "<a part>" if match[2] else self._cached(match[3])
        return f"{match[1]}{match[2]}={shown}{self.text(line[match.end() :])}"

    def _cached(self, value: str) -> str:
        """What the cookie cache says, unless it is encrypted."""
        if value.count(".") == 4:
            return "<encrypted>"
        if _JWT.fullmatch(value):
            return self._jwt(value)
        whole = json.loads(base64.urlsafe_b64decode(value + "=="))
        until = _minutes(whole["expiresAt"] / 1000)
        return f"<until {until}: {self._known(whole['session'])}>"

    def _known(self, cached: dict[str, Any]) -> str:
        parts = {name: dict(sorted(cached[name].items())) for name in ("session", "user")}
        return str(self.value(parts)) + str(cached["version"])

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
            if {"id", "token"} <= value.keys():  # whichever comes first
                _ = [self._field(name, value[name]) for name in ("token", "id")]
            # Of an error of OAuth the original has the two properties in one order and the other.
            # Of a key in a storage it has them in the order in which it made them.
            pairs = sorted(value.items()) if self._unordered & value.keys() else value.items()
            return {name: self._field(name, entry) for name, entry in pairs}
        if isinstance(value, list):
            return [self.value(entry) for entry in sorted(value, key=_place)]
        return self.text(value) if isinstance(value, str) else value

    def _field(self, name: str, value: Any) -> Any:
        # The original behind plain Node.js never learns the socket's peer; ours does.
        if name in _TIMES and isinstance(value, int):
            return f"<time {round((value - datetime.now(UTC).timestamp()) / 60):+} min>"
        if name == "expires_in" and isinstance(value, int):
            return f"<{round(value / 60)} min>"  # a second may pass between the two
        if name == "backupCodes" and isinstance(value, list):
            return [_LETTER.sub("x", each) for each in value]
        if name in {"ipAddress", "jti", "x", "y", "n", "nonce"}:
            return f"<{name}>"
        if name == "token" and isinstance(value, str) and _ONE_TIME.fullmatch(value):
            return self._number(value)
        return self._random(name, value) if isinstance(value, str) else self.value(value)

    def _random(self, name: str, text: str) -> str:
        """A text, or what it looks like if it is a random one."""
        if name in _RANDOM_FIELDS:
            return _RANDOM_FIELDS[name].sub(lambda found: f"<{len(found[0])} characters>", text)
        if _CODE.fullmatch(text):
            return f"<{len(text)} digits>"
        is_bytes = name in {"id", "challenge"} and _BYTES.fullmatch(text)
        return f"<{name}>" if is_bytes else self.text(text)

    def text(self, text: str) -> str:
        text = _HANDED_OVER.sub(lambda match: f"{match[1]}{unquote_plus(match[2])}", text)
        text = _QUERY.sub(self._query, text)
        text = _JWE.sub(lambda match: self._jwe(match[0]), text)
        text = _JWT.sub(lambda match: self._jwt(match[0]), text)
        text = text.replace(self._base_url, "<base>")
        text = text.replace(quote(self._base_url, safe=""), "<base, quoted>")
        text = _SECOND_FACTOR.sub(self._second_factor, text)
        text = _TOTP_SECRET.sub(lambda match: f"secret=<{len(match[1])} letters>", text)
        text = _SIGNED.sub(self._signed, text)
        text = _RANDOM.sub(lambda match: f"{match[1]}={self._number(match[2])}", text)
        text = _TOKEN.sub(lambda match: self._number(match[0]), text)
        text = _DEVICE.sub(lambda match: f"user_code=<{len(match[0])}>", text)
        return _DATE.sub(self._date, text)

    def _jwe(self, token: str) -> str:
        """What is in an encrypted token, which both have to be able to read."""
        claims = decode_encrypted([self._secret], "better-auth-account", token) or {}
        hidden = ("accessToken", "refreshToken", "idToken")
        shown = {
            name: "<hidden>" if value and name in hidden else value
            for name, value in claims.items()
        }
        return f"<jwe {json.dumps(self.value(dict(sorted(shown.items()))))}>"

    def _number(self, token: str) -> str:
        return f"<token {self._numbers.setdefault(token, len(self._numbers) + 1)}>"

    def _signed(self, match: re.Match[str]) -> str:
        token, signature = match[1], match[2]
        digest = hmac.digest(self._secret.encode(), unquote(token).encode(), hashlib.sha256)
        right = base64.b64encode(digest).decode() == unquote(signature)
        quoted = "quoted" if signature.endswith("%3D") else "bare"
        value = f"{self._number(token[:32])}{token[32:]}"
        return f"{value}.<{quoted} {'right' if right else 'WRONG'} signature>"

    def _second_factor(self, match: re.Match[str]) -> str:
        """A challenge's cookie, or that of a trusted device, whose proof depends on the user."""
        value, signature = match[0].rpartition(".")[::2]
        digest = hmac.digest(self._secret.encode(), value.encode(), hashlib.sha256)
        right = base64.b64encode(digest).decode() == unquote(signature)
        kind, proof = ("2fa-", "") if match[2] is None else ("trust-device-", "<proof>!")
        return f"{proof}{kind}<{len(match[3])}>.<{'right' if right else 'WRONG'} signature>"

    def _query(self, match: re.Match[str]) -> str:
        """A query that is signed, with its times as distances."""
        pairs = parse_qsl(match[1], keep_blank_values=True)
        unsigned = sorted(pair for pair in pairs if pair[0] != "sig")
        text = urlencode(unsigned).replace("~", "%7E").replace("%2A", "*")
        digest = hmac.digest(self._secret.encode(), text.encode(), hashlib.sha256)
        right = base64.b64encode(digest).decode() == dict(pairs)["sig"]
        shown = re.sub(r"&exp=(\d+)", lambda m: f"&exp=<{_minutes(int(m[1]))}>", match[1])
        shown = re.sub(r"ba_iat=(\d+)", lambda m: f"ba_iat=<{_minutes(int(m[1]) / 1000)}>", shown)
        return f"?{re.sub('sig=.*', f'sig=<{right}>', shown)}"

    @staticmethod
    def _date(match: re.Match[str]) -> str:
        moment = datetime.fromisoformat(match[0])
        minutes = round((moment - datetime.now(UTC)).total_seconds() / 60)
        if abs(minutes) > _A_YEAR:
            return match[0]  # somebody has written it: it is no distance from now
        return f"<date {minutes:+} min>" if minutes else "<date now>"

    def _jwt(self, token: str) -> str:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        header = json.loads(base64.urlsafe_b64decode(token.split(".", maxsplit=1)[0] + "=="))
        if "session" in claims:
            return f"<{header} for {_lifetime(claims)} s: {self._known(claims)}>"
        shown = {name: claims.get(name) for name in ("sub", "iss", "aud")}
        if {"azp", "at_hash"} & claims.keys():  # of the OAuth provider: every claim counts
            random = {"iat", "exp", "auth_time", "at_hash", "jti"}
            known = sorted((name, c) for name, c in claims.items() if name not in random)
            shown = dict(known) | {"has": sorted(random & claims.keys())}
            shown |= dict(sorted(header.items()))
        if "sub" not in claims:  # it is about an e-mail address, and every claim counts
            shown = {name: value for name, value in claims.items() if name not in {"iat", "exp"}}
        return f"<jwt {self.value(shown)} for {_lifetime(claims)} s>"


def _lifetime(claims: dict[str, Any]) -> int:
    """Seconds; the original looks at the clock twice, and a second may end in between."""
    seconds: int = claims["exp"] - claims["iat"]
    minutes = 60 * round(seconds / 60)
    return minutes if abs(seconds - minutes) == 1 else seconds


def _minutes(moment: float) -> str:
    return f"{round((moment - datetime.now(UTC).timestamp()) / 60):+} min"


_UNORDERED: Final = (
    ("providerId", "accountId"),
    ("email", "status", "role"),
    ("role", "permission"),
    ("createdAt", "userAgent", "expiresAt"),
)
"""What accounts, invitations, roles and sessions have."""


def _place(entry: Any) -> tuple[str, ...]:
    """The original lists some rows in no order, so theirs is ours; other lists stay as they are."""
    if not isinstance(entry, dict):
        return ()
    if "client_id" in entry:
        return entry.get("client_name", ""), entry.get("scope", "")
    found = next((names for names in _UNORDERED if entry.keys() >= {*names}), ())
    return tuple(str(entry[name]) for name in found)
