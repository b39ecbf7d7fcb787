"""Sessions in the secondary storage, under the original's keys and in its JSON.

The token is the key of `{"session", "user"}`, which ends with the session. `active-sessions-ID` has
the tokens of a user with their ends, and `revoked-sessions-before-ID` the time at which all of them
were ended: whatever session began before it is none, even if it is only written afterwards.

Where the storage compares and sets, what two requests change at once has both changes, and a
session that is extended while it is revoked stays revoked.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

import orjson

from authward.schema.output import Output
from authward.schema.values import decode_value
from authward.secondary_storage import PromptStorage, whole_number
from authward.storage.rows import AuthSession, AuthUser, SessionAndUser
from authward.storage.session_json import Fields, session_and_user, session_of
from authward.timestamps import to_json

Reference: TypeAlias = dict[str, Any]
"""`token`, and `expiresAt` in milliseconds."""

_DAY: Final = 86_400
_TRIES: Final = 64
_LAST_MOMENT: Final = 8_640_000_000_000_000
"""That JavaScript has; storages take no longer lives."""


class SessionStore:
    """Reads and writes sessions; all methods raise `StorageUnavailableError`."""

    def __init__(
        self, storage: PromptStorage, of_session: Fields, of_user: Fields, lifetime: int
    ) -> None:
        """Take the fields that are not the core's, and how many seconds a session lasts at most."""
        self._storage = storage
        self._of_session = of_session
        self._of_user = of_user
        self._whole = Output(of_user, of_session, whole=True)
        self._hidden = {name for name, field in of_session.items() if not field.returned}
        self._lifetime = max(lifetime, _DAY)

    async def find(self, token: str) -> tuple[bool, SessionAndUser | None]:
        """Return whether there is anything, and the session that it is."""
        text = await self._storage.get(token)
        if not text:
            return False, None
        found = session_and_user(_parsed(text), self._of_session, self._of_user)
        if found is None or found.session.token != token or await self._is_revoked(found.session):
            return True, None
        return True, found

    async def list_live(self, user_id: str) -> list[AuthSession]:
        """Return the sessions of a user that are not over, the first to end first."""
        tokens = dict.fromkeys(each["token"] for each in await self._references(user_id))
        found = [await self.find(token) for token in tokens]
        return [each.session for _, each in found if each is not None]

    async def put(self, session: AuthSession, user: AuthUser) -> None:
        """Write a new session."""
        await self._refer(session)
        ttl = _seconds_until(_milliseconds(session.expires_at))
        if ttl > 0:
            text = _text({"session": self._whole.session(session), "user": self._whole.user(user)})
            await self._storage.set(session.token, text, ttl)

    async def update(self, token: str, values: Mapping[str, Any]) -> AuthSession | None:
        """Change fields, whose values are as the database takes them; None if it is not there."""
        changed = {name: self._json(name, value) for name, value in values.items()}

        def change(payload: dict[str, Any]) -> dict[str, Any]:
            session = {**payload["session"], **changed}
            shown = {n: value for n, value in session.items() if n not in self._hidden}
            return {"session": shown, "user": payload["user"]}

        session = await self._change(token, change)
        if session is not None:
            await self._refer(session)
        return session

    async def refresh(self, user: AuthUser) -> None:
        """Write a user who has changed into all their sessions."""
        shown = self._whole.user(user)
        for reference in await self._references(user.id):
            await self._change(
                reference["token"], lambda found: {"session": found["session"], "user": shown}
            )

    async def remove(self, token: str, user_id: str | None = None) -> bool:
        """End a session, if it is this user's where one is named; tell whether it was there."""
        found = session_and_user(
            _parsed(await self._storage.get(token)), self._of_session, self._of_user
        )
        owner = None if found is None else found.session.user_id
        if user_id is not None and owner != user_id:
            return False
        if token.isalnum():  # as tokens are, and no other key is
            await self._storage.delete(token)
        if owner is not None:
            await self._change_list(owner, lambda live: [e for e in live if e["token"] != token])
        return owner is not None

    async def remove_others(self, user_id: str, token: str, ended: Iterable[str]) -> None:
        """End all sessions of a user but one, and those that have ended in the table."""
        references = await self._references(user_id)
        await self._remove(user_id, {*ended, *(each["token"] for each in references)} - {token})

    async def remove_all(self, user_id: str) -> None:
        """End all sessions of a user, those too that others are about to write."""
        key = f"revoked-sessions-before-{user_id}"
        before = max(whole_number(await self._storage.get(key)), _now())
        await self._storage.set(key, str(before), self._lifetime)
        await self._remove(user_id, {each["token"] for each in await self._references(user_id)})

    async def _remove(self, user_id: str, tokens: set[str]) -> None:
        for token in tokens:
            await self._storage.delete(token)
        await self._change_list(user_id, lambda live: [e for e in live if e["token"] not in tokens])

    async def _is_revoked(self, session: AuthSession) -> bool:
        before = await self._storage.get(f"revoked-sessions-before-{session.user_id}")
        return _milliseconds(session.created_at) < whole_number(before)

    async def _change(
        self, token: str, change: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> AuthSession | None:
        """Change what a token is the key of; None if that is no session."""
        for _ in range(_TRIES):
            text = await self._storage.get(token)
            payload = _parsed(text)
            if session_and_user(payload, self._of_session, self._of_user) is None:
                return None
            changed = change(payload)
            session = session_of(changed["session"], self._of_session)
            ttl = _seconds_until(_milliseconds(session.expires_at))
            if ttl < 1 or await self._storage.replace(token, text, _text(changed), ttl):
                return session
        return None

    async def _refer(self, session: AuthSession) -> None:
        new = {"token": session.token, "expiresAt": _milliseconds(session.expires_at)}
        await self._change_list(
            session.user_id, lambda live: [*(e for e in live if e["token"] != new["token"]), new]
        )

    async def _references(self, user_id: str) -> list[Reference]:
        return _live(_parsed(await self._storage.get(_list_key(user_id))))

    async def _change_list(
        self, user_id: str, change: Callable[[list[Reference]], Iterable[Reference]]
    ) -> None:
        """Change the list of a user's sessions that are not over; it ends with the last of them."""
        key = _list_key(user_id)
        for _ in range(_TRIES):
            text = await self._storage.get(key)
            changed = sorted(change(_live(_parsed(text))), key=lambda each: each["expiresAt"])
            ttl = _seconds_until(changed[-1]["expiresAt"]) if changed else 0
            new = _text(changed) if ttl > 0 else None
            if (text is None and new is None) or await self._storage.replace(key, text, new, ttl):
                return

    def _json(self, name: str, value: Any) -> Any:
        if isinstance(value, datetime):
            return to_json(value)
        field = self._of_session.get(name)
        return value if field is None else decode_value(field, value)


def _list_key(user_id: str) -> str:
    return f"active-sessions-{user_id}"


def _live(references: Any) -> list[Reference]:
    moment = _now()
    entries = references if isinstance(references, list) else []
    return [each for each in entries if _is_reference(each) and each["expiresAt"] > moment]


def _is_reference(each: Any) -> bool:
    if not isinstance(each, dict) or not isinstance(each.get("token"), str):
        return False
    ends = each.get("expiresAt")
    return isinstance(ends, int | float) and ends <= _LAST_MOMENT


def _parsed(text: str | None) -> Any:
    try:
        return None if text is None else orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()


def _now() -> int:
    return int(time.time() * 1000)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _seconds_until(milliseconds: float) -> int:
    return max(int(milliseconds - _now()) // 1000, 0)
