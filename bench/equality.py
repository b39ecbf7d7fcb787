"""Whether all servers give the same answers; a peer that does less would win unfairly."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import jwt

from bench.postgres import Database
from bench.seeds import COLLECTOR, USERS, bearer, ids_by_user
from tests.support.servers import SECRET, Server

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_NEW = {"title": '  Grüße: 東京 🙂 \\ " / </b> ', "description": None}
_REFUSED = (
    *({"title": ""}, {"title": " \t "}, {"title": "x" * 201}, {"description": "no title"}),
    {"description": "y" * 10_001, "title": "too much to say"},
)
_NOBODYS = 987_654_321
Transcript = dict[str, tuple[int, Any]]
"""Step → status, and the body: bytes where it must be equal to the last one, else normalised."""


class UnequalError(RuntimeError):
    """Servers that are to be compared do different things."""


def require_equality(servers: Mapping[str, Server], database: Database) -> None:
    """Send the same requests to all.

    Raises:
        UnequalError: names the first server and step that differ.
    """
    ids = ids_by_user(database)
    mine, others = ids[USERS[0]][0], ids[USERS[1]][0]
    names = list(servers)
    transcripts = {name: transcript(servers[name].url, mine, others) for name in names}
    expected = transcripts[names[0]]
    for name in names[1:]:
        for step, answer in transcripts[name].items():
            if answer != expected[step]:
                msg = f"{step}: {names[0]} {expected[step]!r:.600}, {name} {answer!r:.600}"
                raise UnequalError(msg)


def transcript(url: str, mine: int, others: int) -> Transcript:
    """The answers of one server."""
    with httpx.Client(base_url=url, headers=bearer(USERS[0]), timeout=30) as client:
        return {
            step: (response.status_code, body)
            for step, response, body in (*_reads(client, mine, others), *_writes(client))
        }


def _refused_tokens() -> dict[str, str]:
    """Whoever takes one of these does not check what the others check."""
    claims = {"sub": USERS[0], "exp": int(time.time()) + 600}
    signed = {
        "forged": jwt.encode(claims, SECRET[::-1], "HS256"),
        "expired": jwt.encode(claims | {"exp": int(time.time()) - 600}, SECRET, "HS256"),
        "of another algorithm": jwt.encode(claims, SECRET, "HS512"),
        "unsigned": jwt.encode(claims, "", "none"),
        "cut": bearer(USERS[0])["Authorization"][7:-8],
    }
    bearers = {name: f"Bearer {token}" for name, token in signed.items()}
    return {"none": "", "nonsense": "Bearer nonsense", "three letters": "Bearer a.b.c", **bearers}


_Step = tuple[str, httpx.Response, Any]


def _reads(client: httpx.Client, mine: int, others: int) -> Iterator[_Step]:
    for name, token in _refused_tokens().items():
        response = client.get("/api/tasks", headers={"Authorization": token})
        yield f"token: {name}", response, None
    for path in (others, _NOBODYS, "x"):
        yield f"get {path}", client.get(f"/api/tasks/{path}"), None
    got = client.get(f"/api/tasks/{mine}")
    yield "get one", got, got.content
    listed = client.get("/api/tasks")
    yield "list 20", listed, listed.content
    collected = client.get("/api/tasks", headers=bearer(COLLECTOR))
    yield "list very many", collected, collected.content


def _writes(client: httpx.Client) -> Iterator[_Step]:
    for body in _REFUSED:
        yield f"create {str(body)[:40]}", client.post("/api/tasks", json=body), None
    headers = bearer("equality")
    created = client.post("/api/tasks", json=_NEW, headers=headers)
    yield "create", created, normalised(created.content)
    path = f"/api/tasks/{created.json()['id']}"
    for turn in ("toggle", "toggle back"):
        toggled = client.patch(f"{path}/complete", headers=headers)
        yield turn, toggled, normalised(toggled.content)
    for whose in (path, f"/api/tasks/{_NOBODYS}", "/api/tasks/x"):
        yield (
            "toggle " + ("another's" if whose == path else whose),
            client.patch(f"{whose}/complete"),
            None,
        )
    read = client.get(path, headers=headers)
    yield "read again", read, normalised(read.content)


def normalised(content: bytes) -> str:
    """The same bytes with ids and moments replaced; their form is checked all the same.

    Raises:
        UnequalError: not a task in compact JSON, in the order and form of Taskward.
    """
    task: dict[str, Any] = json.loads(content)
    if json.dumps(task, ensure_ascii=False, separators=(",", ":")).encode() != content:
        raise UnequalError(f"not compact JSON: {content!r}")
    for name in ("created_at", "updated_at"):
        if not _MOMENT.fullmatch(str(task[name])):
            raise UnequalError(f"{name}: {task[name]!r}")
        task[name] = "moment"
    return json.dumps(task | {"id": type(task["id"]).__name__})
