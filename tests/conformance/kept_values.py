"""Verification values and API keys in a secondary storage, without what is random in them."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from authward.timestamps import to_json

KINDS: Final = ("verification:", "api-key:")
_HASH: Final = re.compile(r"^((?:verification:|api-key:)?)[\w-]{43}$")
_RANDOM_END: Final = re.compile(r"(auth-state:|trust-device-)[\w-]{32}$")
_SECRET: Final = re.compile(r"((?:2fa-attempts-|2fa-otp-|2fa-|trust-device-)*)([\w-]{20,})")
_CODE: Final = re.compile(r"\b(\d{4,8}):(\d)")
_RANDOM: Final = ("oauthState", "codeVerifier")


def entry(key: str, text: str) -> tuple[str, Any]:
    """What is kept under a key: members in one order, and those without a value left out."""
    value = json.loads(text)
    if isinstance(value, dict):
        # A row has another id after each guess at the original.
        row = {"id": "<id>"} if "identifier" in value and "id" in value else {}
        members = sorted({**value, **row}.items())
        value = {name: _inner(part) for name, part in members if part is not None}
    return _without_hash(key), value


def numbered(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Texts by keys, of which several may look alike now."""
    names: Counter[str] = Counter()
    found = {}
    for key, text in sorted((_masked(key), _masked(text)) for key, text in pairs):
        names[key] += 1
        found[f"{key} ({names[key]})" if names[key] > 1 else key] = text
    return found


def _inner(part: Any) -> Any:
    """What is in a value, if that is JSON too."""
    if not isinstance(part, str):
        return part
    try:
        found = json.loads(part)
    except ValueError:
        return _without_hash(part)
    if not isinstance(found, dict):
        return part
    if "expiresAt" in found:
        found["expiresAt"] = to_json(datetime.fromtimestamp(found["expiresAt"] / 1000, UTC))
    hidden = {name: f"<{name}>" for name in _RANDOM if name in found}
    return dict(sorted({**found, **hidden}.items()))


def _without_hash(text: str) -> str:
    return _RANDOM_END.sub(r"\1<random>", _HASH.sub(r"\1<hash>", text))


def _masked(text: str) -> str:
    text = _CODE.sub(lambda found: f"<{len(found[1])} digits>:{found[2]}", text)
    return _SECRET.sub(lambda found: f"{found[1]}<{len(found[2])} characters>", text)
