"""What a server keeps in Redis: to be compared with the other's, and to be changed.

Both servers of a pair have the same Redis, each with a prefix of its own.
"""

import json
import os
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from authward.redis_storage import RedisStorage
from authward.timestamps import to_json
from tests.support.redis_server import shared_redis

from .kept_values import KINDS, entry

ORIGINAL: Final = "sessions_in_redis"
"""The module of setups that need it."""
_KINDS: Final = ("active-sessions-", "revoked-sessions-before-")
_ID_LENGTH: Final = 24


def redis_settings(setting: dict[str, str], database_url: str) -> dict[str, str]:
    """The environment variables of a server, if its setup keeps sessions in Redis."""
    if not setting.get("ORIGINAL", "").endswith("_in_redis"):
        return {}
    prefix = f"{zlib.crc32(database_url.encode()):08x}:"
    return {"REDIS_SOCKET": str(shared_redis().socket), "REDIS_PREFIX": prefix}


def redis_storage() -> RedisStorage:
    """Ours, as the environment says."""
    client = AsyncRedis(unix_socket_path=os.environ["REDIS_SOCKET"])
    return RedisStorage(client, os.environ["REDIS_PREFIX"])


@dataclass(frozen=True)
class Store:
    """The keys of one server."""

    client: Redis
    prefix: str

    def of(self, variables: Mapping[str, str]) -> dict[str, Any]:
        """What there is of the people of a conversation: kind, JSON and minutes to live by key."""
        known = {value for value in variables.values() if len(value) >= _ID_LENGTH}
        found = {}
        for name in sorted(self.client.scan_iter(f"{self.prefix}*")):
            key, text = name.removeprefix(self.prefix), self._get(name)
            if any(each in key or each in str(text) for each in known) and _is_of_session(key):
                minutes = round(self.client.ttl(name) / 60)
                found[key] = [f"{minutes} min", _shown(str(text))]
        return dict(sorted(found.items(), key=_place))

    def values(self, variables: Mapping[str, str]) -> list[tuple[str, Any]]:
        """The verification values and API keys of a conversation, and minutes to live."""
        known = {value for value in variables.values() if len(value) >= _ID_LENGTH}
        known.add(variables["here"])
        found = []
        for name in self.client.scan_iter(f"{self.prefix}*"):
            key, text = name.removeprefix(self.prefix), str(self._get(name))
            if key.startswith(KINDS) and any(each in key + text for each in known):
                shown, value = entry(key, text)
                found.append((shown, [f"{round(self.client.ttl(name) / 60)} min", value]))
        return found

    def edit(self, key: str, change: Callable[[str | None], str | None]) -> None:
        """Change a text, or remove it; it ends when it would have."""
        name = self.prefix + key
        changed = change(self._get(name))
        if changed is None:
            self.client.delete(name)
        else:
            self.client.set(name, changed, keepttl=True)

    def _get(self, name: str) -> str | None:
        text = self.client.get(name)
        return None if text is None else str(text)


def store_of(settings: Mapping[str, str]) -> Store | None:
    """The store of a server that has these environment variables."""
    prefix = settings.get("REDIS_PREFIX")
    return None if prefix is None else Store(shared_redis().client(), prefix)


def _is_of_session(key: str) -> bool:
    return key.startswith(_KINDS) or len(key) == 32


def _shown(text: str) -> Any:
    """Members in one order, times as text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if isinstance(value, list):
        return [{**each, "expiresAt": _as_text(each["expiresAt"])} for each in value]
    if isinstance(value, int):
        return _as_text(value)
    return {name: dict(sorted(part.items())) for name, part in sorted(value.items())}


def _as_text(milliseconds: int) -> str:
    return to_json(datetime.fromtimestamp(milliseconds / 1000, UTC))


def _place(entry: tuple[str, Any]) -> tuple[bool, str, str]:
    key, (_, value) = entry
    session = value.get("session", {}) if isinstance(value, dict) else {}
    return not key.startswith(_KINDS), str(session.get("createdAt")), key[:10]
