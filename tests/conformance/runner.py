"""Holds a conversation with one server and writes down the shapes of its answers."""

import asyncio
import json
import re
import zlib
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from .model import Arrival, Call, Conversation, Sql
from .normal import Normaliser
from .people import arrive
from .wire import Answer, send

_VARIABLE: Final = re.compile(r"<<([\w.]+)>>")
_COOKIE: Final = "better-auth.session_token"
_STATE: Final = "better-auth.state"
_REMEMBER: Final = "better-auth.dont_remember"


@dataclass(frozen=True)
class Subject:
    """A running server, as the runner sees it."""

    url: str
    base_url: str
    database_url: str
    secret: str


@dataclass
class Talk:
    """The state of one conversation with one server."""

    subject: Subject
    variables: dict[str, str] = field(default_factory=dict)

    def fill(self, text: str) -> str:
        return _VARIABLE.sub(lambda match: self.variables.get(match[1], f"no-{match[1]}"), text)

    def filled(self, step: Call) -> Call:
        body = step.body
        if body is not None and b"<<" in body:
            body = self.fill(body.decode("latin-1")).encode("latin-1")
        headers = tuple((name, self.fill(value)) for name, value in step.headers)
        return replace(step, path=self.fill(step.path), headers=headers, body=body)

    def remember(self, name: str, answer: Answer) -> None:
        found = {"jwt": answer.get("set-auth-jwt"), **_cookies(answer), **_body(answer)}
        found |= _authorization(answer)
        for key, value in found.items():
            if isinstance(value, str):
                self.variables[f"{name}.{key}"] = value


def _cookies(answer: Answer) -> dict[str, str]:
    pairs = [line.split(";")[0] for line in answer.all("set-cookie")]
    ours = [pair for pair in pairs if pair.split("=")[0].endswith(_COOKIE)]
    if not ours:
        return {}
    signed = ours[-1].split("=", 1)[1]
    remember = [pair for pair in pairs if pair.split("=")[0].endswith(_REMEMBER)]
    jar = {"cookie": ours[-1], "cookies": "; ".join(pairs)}
    parts = {"signed": signed, "signature": signed.rpartition(".")[2]}
    return {**jar, **parts, "unquoted": unquote(signed), "remember": "".join(remember)}


def _authorization(answer: Answer) -> dict[str, str]:
    """What a provider is told, and the cookie that binds it to the browser."""
    location = urlsplit(answer.get("location") or "")
    query = {name: values[0] for name, values in parse_qs(location.query).items()}
    pairs = [line.split(";")[0] for line in answer.all("set-cookie")]
    state = [pair for pair in pairs if pair.split("=")[0].endswith(_STATE)]
    known = {name: query[name] for name in ("state", "nonce", "code_challenge") if name in query}
    return known | {"state_cookie": "".join(state[-1:])} if known else {}


def _body(answer: Answer) -> dict[str, Any]:
    try:
        body = json.loads(answer.body)
    except ValueError:
        return {}
    if not isinstance(body, dict):
        return {}
    user = body.get("user") or {}
    return {
        "token": body.get("token"),
        "id": user.get("id"),
        "email": user.get("email"),
        "name": user.get("name"),
    }


def hold(conversation: Conversation, subject: Subject, run: str) -> list[dict[str, str]]:
    """The shapes of all answers, in order; other steps than calls leave none."""
    here = f"{zlib.crc32(conversation.name.encode()):08x}{run}"
    talk = Talk(subject, {"base": subject.base_url, "here": here})
    normaliser = Normaliser(subject.base_url, subject.secret)
    shapes = []
    for step in conversation.steps:
        if isinstance(step, Sql):
            asyncio.run(_execute(subject.database_url, step.text, map(talk.fill, step.args)))
            continue
        if isinstance(step, Arrival):
            known = asyncio.run(arrive(subject.database_url, step, here, _COOKIE, subject.secret))
            talk.variables |= {f"{step.who}.{name}": value for name, value in known.items()}
            continue
        answer = send(subject.url, talk.filled(step))
        if step.save:
            talk.remember(step.save, answer)
        shapes.append(normaliser.answer(answer))
    return shapes


async def _execute(database_url: str, text: str, args: Any) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(text, *args)
    finally:
        await connection.close()
