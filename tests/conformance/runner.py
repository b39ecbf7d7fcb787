"""Plays a scenario against one server and writes down the shapes of its answers."""

import hashlib
import json
import re
import uuid
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from asyncpg import DataError

from authward.schema.style import DRIZZLE

from .connections import Connections
from .model import Call, Derive, Edit, ExistingUser, Rows, Scenario, Sql, Stored, get
from .normal import Normaliser
from .setup import TABLES_OF_OTHERS
from .store import Store
from .users import insert_user
from .wire import Answer, send

_NAME: Final = re.compile(r'"(\w+)"')
_VARIABLE: Final = re.compile(r"<<([\w.-]+)>>")
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
    connections: Connections
    store: Store | None = None
    snake_case: bool = False
    """Whether its tables and columns have the names that Drizzle gives them."""

    def statement(self, text: str) -> str:
        """A scenario's own statement, with the names that are there; texts in it stay."""
        if not self.snake_case:
            return text
        parts = text.split("'")
        named = [_NAME.sub(lambda m: f'"{DRIZZLE.column(m[1])}"', part) for part in parts[::2]]
        parts[::2] = named
        return "'".join(parts)


@dataclass
class ScenarioState:
    """The state of one scenario with one server."""

    subject: Subject
    variables: dict[str, str] = field(default_factory=dict)

    def fill(self, text: str) -> str:
        return _VARIABLE.sub(lambda match: self._value(match[1]), text)

    def _value(self, name: str) -> str:
        if name.startswith("row."):
            text = name.removeprefix("row.") + self.variables["here"]
            return str(uuid.UUID(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()))
        return self.variables.get(name, f"no-{name}")

    def filled(self, step: Call) -> Call:
        body = step.body
        if body is not None and b"<<" in body:
            body = self.fill(body.decode("latin-1")).encode("latin-1")
        headers = tuple((name, self.fill(value)) for name, value in step.headers)
        return replace(step, path=self.fill(step.path), headers=headers, body=body)

    @property
    def store(self) -> Store:
        """The secondary storage of a setting that has one."""
        assert self.subject.store is not None
        return self.subject.store

    def execute(self, step: Sql) -> None:
        """Where ids are no texts, a text that is no id is no row's."""
        args, subject = [*map(self.fill, step.args)], self.subject
        with suppress(*([DataError] if TABLES_OF_OTHERS else [])):
            text = subject.statement(step.text)
            subject.connections.use(subject.database_url, lambda c: c.execute(text, *args))

    def kept(self, step: Rows | Stored, normaliser: Normaliser) -> dict[str, str]:
        """What is in the database, or in the secondary storage."""
        if isinstance(step, Rows):
            return self.rows(step)
        send(self.subject.url, get("/ok"))  # is answered once callbacks have run
        stored = normaliser.stored(self.store.of(self.variables))
        return stored | normaliser.kept(self.store.values(self.variables))

    def rows(self, step: Rows) -> dict[str, str]:
        args, subject = [*map(self.fill, step.args)], self.subject
        use = subject.connections.use
        text = subject.statement(step.text)
        found = use(subject.database_url, lambda c: c.fetch(text, *args))
        return {"rows": json.dumps([[*row.values()] for row in found])}

    def remember(self, name: str, answer: Answer) -> None:
        found = {"jwt": answer.get("set-auth-jwt"), **_everything(answer)}
        found |= {**_cookies(answer), **_body(answer)}
        found |= _authorization(answer) | _oauth(answer)
        for key, value in found.items():
            if isinstance(value, str):
                self.variables[f"{name}.{key}"] = value


def _everything(answer: Answer) -> dict[str, str]:
    """Every value of the JSON, every cookie, and the query of where it leads."""
    try:
        body = json.loads(answer.body)
    except ValueError:
        body = None
    found = dict(_flat(body, "")) if isinstance(body, dict | list) else {}
    for line in answer.all("set-cookie"):
        pair = line.split(";")[0]
        found[f"set.{pair.split('=')[0]}"] = pair
    for prefix, url in (("location", answer.get("location")), ("url", found.get("url"))):
        query = parse_qs(urlsplit(url or "").query)
        found |= {f"{prefix}.{name}": values[0] for name, values in query.items()}
    return found


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict | list):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for name, entry in entries:
            yield from _flat(entry, f"{path}.{name}" if path else str(name))
    elif isinstance(value, str | int | float):
        yield path, str(value)


def _cookies(answer: Answer) -> dict[str, str]:
    pairs = [line.split(";")[0] for line in answer.all("set-cookie")]
    ours = [pair for pair in pairs if pair.split("=")[0].endswith(_COOKIE)]
    if not ours:
        return {}
    signed = ours[-1].split("=", 1)[1]
    remember = [pair for pair in pairs if pair.split("=")[0].endswith(_REMEMBER)]
    last = {pair.split("=")[0]: pair for pair in pairs}
    jar = {"cookie": ours[-1], "cookies": "; ".join(last.values())}
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


def _oauth(answer: Answer) -> dict[str, Any]:
    """What an authorization server hands out, in JSON or in the URL that the browser is sent to."""
    try:
        body = json.loads(answer.body)
    except ValueError:
        body = None
    known = body if isinstance(body, dict) else {}
    if isinstance(body, list) and body and isinstance(body[0], dict):
        known = body[0]
    url = known.get("url") or answer.get("location") or ""
    query = urlsplit(url).query
    code = parse_qs(query).get("code", [""])[0]
    texts = {name: value for name, value in known.items() if isinstance(value, str)}
    return {**texts, "query": query, **({"code": code} if code else {})}


def _body(answer: Answer) -> dict[str, Any]:
    try:
        body = json.loads(answer.body)
    except ValueError:
        return {}
    if not isinstance(body, dict):
        return {}
    user = body.get("user")
    user = user if isinstance(user, dict) else {}
    found = {name: user.get(name) for name in ("id", "email", "name")} if user else {}
    return {**found, "token": body.get("token")}


def run_scenario(scenario: Scenario, subject: Subject, run: str) -> list[dict[str, str]]:
    """The shapes of all answers and rows, in order; other steps leave none."""
    here = f"{zlib.crc32(scenario.name.encode()):08x}{run}"
    state = ScenarioState(subject, {"base": subject.base_url, "here": here})
    normaliser = Normaliser(subject.base_url, subject.secret, has_storage=subject.store is not None)
    shapes = []
    for step in scenario.steps:
        if isinstance(step, Sql):
            state.execute(step)
            continue
        if isinstance(step, ExistingUser):
            known = insert_user(subject, step, here, _COOKIE)
            state.variables |= {f"{step.who}.{name}": value for name, value in known.items()}
            continue
        if isinstance(step, Derive):
            state.variables[step.save] = step.function(state.variables)
            continue
        if isinstance(step, Edit):
            state.store.edit(state.fill(step.key), step.change)
            continue
        if isinstance(step, Rows | Stored):
            shapes.append(state.kept(step, normaliser))
            continue
        answer = send(subject.url, state.filled(step))
        if step.save:
            state.remember(step.save, answer)
        shapes.append(normaliser.answer(answer))
    return shapes
