"""What callbacks were given, for scenarios to look at: `GET /mails/{text}` hands it out."""

import asyncio
import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from pydantic.alias_generators import to_camel
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from authward.storage.rows import AuthUser

from .setup import Callback


class Quiet:
    """Lets a request begin only when the callbacks of those before it have run.

    They run after the response was sent, so that those of two requests may overtake each other.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.answered = 0
        self.changed = asyncio.Condition()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await self._wait()
        ended = 0

        async def note(message: Message) -> None:
            nonlocal ended
            if message["type"] == "http.response.body" and not message.get("more_body"):
                ended = 1
                self.answered += 1
            await send(message)

        try:
            await self.app(scope, receive, note)
        finally:
            async with self.changed:
                self.answered -= ended
                self.changed.notify_all()

    async def _wait(self) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: self.answered == 0)


class Outbox:
    """Collects events as JSON, in the original's words."""

    def __init__(self) -> None:
        self.mails: list[dict[str, Any]] = []

    def collect(self, kind: str) -> Callback:
        """A callback that keeps what it is given."""

        async def callback(event: Any) -> None:
            self.mails.append({"kind": kind, **_as_json(event)})

        return callback

    def take(self, text: str) -> dict[str, Any]:
        """What was sent since the last time, and mentions `text`."""
        taken = [mail for mail in self.mails if text in json.dumps(mail)]
        self.mails[:] = [mail for mail in self.mails if mail not in taken]
        return {"mails": taken, "token": taken[-1].get("token") if taken else None}


def _as_json(event: Any) -> dict[str, Any]:
    values = {each.name: getattr(event, each.name) for each in dataclasses.fields(event)}
    found = {to_camel(name): _value(value) for name, value in values.items()}
    return {name: value for name, value in sorted(found.items()) if value is not None}


def _value(value: Any) -> Any:
    if isinstance(value, AuthUser):
        return {"email": value.email, "id": value.id, "name": value.name}
    if dataclasses.is_dataclass(value):
        return _as_json(value)
    if isinstance(value, Mapping):
        return {name: entry for name, entry in value.items() if isinstance(entry, str | int)}
    return value if isinstance(value, str | int | float | bool) else None
