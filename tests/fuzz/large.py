"""Requests as large as they are taken, in every place that a client fills, for every operation."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import quote

Headers: TypeAlias = list[tuple[str, bytes]]
KIB = 1024
HEAD = 28 * KIB
"""Of 32 KiB that a head may have."""
BODIES = (16 * KIB, 64 * KIB, 1024 * KIB)
SLACK = 256
COOKIE = "better-auth.session_token"
FORM = "application/x-www-form-urlencoded"
NO_SCHEMA: dict[str, Any] = {}
DEEP = 180
"""What pydantic's parser takes is 200."""


@dataclass(frozen=True)
class Large:
    """A request, but for who sends it. `name`: what is large in it."""

    name: str
    method: str
    path: str
    query: str = ""
    headers: Headers = field(default_factory=list)
    body: bytes | None = None


@dataclass(frozen=True)
class Operation:
    """An operation of the OpenAPI document: what its body and its query have."""

    method: str
    path: str
    fields: dict[str, Any]
    query: tuple[str, ...]
    form: bool

    @property
    def filled(self) -> str:
        path = self.path.replace("{provider}", "github")
        return re.sub(r"\{\w+\}", "1", path)


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    """Each operation of the document."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content: dict[str, Any] = operation.get("requestBody", {}).get("content", {})
            schema: dict[str, Any] = next(iter(content.values()), NO_SCHEMA).get("schema", {})
            name = schema.get("$ref", "").rpartition("/")[2]
            schema = document["components"]["schemas"][name] if name else schema
            parameters = operation.get("parameters", [])
            query = tuple(p["name"] for p in parameters if p["in"] == "query")
            yield Operation(
                method.upper(), path, schema.get("properties", {}), query, FORM in content
            )


def repeated(piece: str, size: int, between: str = ",") -> str:
    """A list of pieces of about `size` bytes."""
    count = max(1, size // (len((piece + between).encode())))
    return between.join([piece] * count)


def numbered(piece: str, size: int, between: str = ",") -> str:
    """A list of pieces that differ, `%d` in them, of about `size` bytes."""
    count = max(1, size // (len((piece + between).encode()) + 4))
    return between.join(piece % number for number in range(count))


def array(entries: str) -> str:
    return f"[{entries}]"


def object_of(entries: str) -> str:
    return f"{{{entries}}}"


def values(size: int) -> dict[str, str]:
    """JSON texts of about `size` bytes, each costly to somebody."""
    nested = "[" * DEEP + "]" * DEEP
    return {
        "numbers": array(repeated("1", size)),
        "texts": array(repeated('""', size)),
        "digits": "9" * size,
        "objects": array(repeated("{}", size)),
        "keys": object_of(numbered('"k%d":"v"', size)),
        "same keys": object_of(repeated('"k":0', size)),
        "wrong entries": object_of(numbered('"%d":0', size)),
        "deep": "[" * (size // 2) + "]" * (size // 2),
        "nested": array(repeated(nested, size)),
        "text": json.dumps("x" * size),
        "wide text": json.dumps("\U0001f511" * (size // 4), ensure_ascii=False),
        "percent": json.dumps("/" + "\u20ac" * (size // 3), ensure_ascii=False),
        "escapes": json.dumps("\x01" * (size // 6)),
        "quotes": json.dumps('"' * (size // 2)),
        "path": json.dumps("/" + "a/../" * (size // 5)),
        "dots": json.dumps("http://" + "a." * (size // 2)),
        "address": json.dumps("a.'" * (size // 3) + "@" + "a-" * 90 + ".co"),
    }


PERSON = {"email": "a@example.com", "password": "p" * 129, "name": "Ada", "title": "t"}
RIGHT = {**PERSON, "newEmail": "b@example.com", "provider": "github", "token": "t", "image": "i"}


def json_bodies(operation: Operation) -> Iterator[tuple[str, bytes]]:
    """Each field large in each way, a field that nobody knows, and the body itself."""
    right = {name: RIGHT[name] for name in operation.fields if name in RIGHT}
    for size in BODIES:
        for kind, text in values(size - 4 * SLACK).items():
            yield f"body of {kind}, {size // KIB} KiB", text.encode()
            for name in (*operation.fields, "unknown"):
                others = json.dumps({k: v for k, v in right.items() if k != name})[1:-1]
                whole = f"{{{others}{', ' if others else ''}{json.dumps(name)}:{text}}}"
                yield f"{name} of {kind}, {size // KIB} KiB", whole.encode()


def forms(operation: Operation) -> Iterator[tuple[str, bytes]]:
    for size in BODIES:
        room = size - SLACK
        yield f"form of fields, {size // KIB} KiB", numbered("a%d=1", room, "&").encode()
        yield f"form of nothing, {size // KIB} KiB", b"&" * room
        yield f"form of one field, {size // KIB} KiB", repeated("a=", room, "&").encode()
        for name in operation.fields:
            for kind, piece in (("text", "x"), ("percent", "%e2%82%ac"), ("bytes", "\xff")):
                text = f"{name}={repeated(piece, room - len(name), '')}"
                yield f"form with {name} of {kind}, {size // KIB} KiB", text.encode("latin-1")


def queries(operation: Operation) -> Iterator[tuple[str, str]]:
    yield "query of one name", repeated("a=", HEAD, "&")
    yield "query of names", numbered("a%d", HEAD, "&")
    yield "query of separators", "&" * HEAD
    yield "query with error_description", f"error=a&error_description={'%ff' * (HEAD // 3)}"
    for name in operation.query:
        yield f"query repeating {name}", repeated(f"{name}=/", HEAD, "&")
        for kind, piece in (
            ("text", "/a"),
            ("percent", "%80"),
            ("dots", "/.."),
            ("wide", "%F0%9F"),
        ):
            rest = "&".join(f"{n}=t" for n in operation.query if n != name)
            yield f"query with {name} of {kind}", f"{name}=/{repeated(piece, HEAD, '')}&{rest}"


HEADER_NAMES = (
    *("authorization", "origin", "referer", "x-forwarded-for", "if-match", "if-none-match"),
    *("content-type", "idempotency-key", "user-agent", "x-request-id", "accept", "traceparent"),
    *("access-control-request-headers", "sec-fetch-site", "content-encoding", "expect-ct"),
)


def headers() -> Iterator[tuple[str, Headers]]:
    for name in HEADER_NAMES:
        for kind, piece in (("x", b"x"), ("commas", b'"a",'), ("bytes", b"\xff"), ("dots", b"a.")):
            start = {"authorization": b"Bearer ", "origin": b"http://", "referer": b"http://a.b/"}
            value = start.get(name, b"") + piece * (HEAD // len(piece))
            yield f"{name} of {kind}", [(name, value)]
    for kind, text in (
        ("names", numbered("c%d=1", HEAD, "; ")),
        ("one name", repeated("c=1", HEAD, "; ")),
        ("separators", ";" * HEAD),
        ("percent", f"{COOKIE}={'%41' * (HEAD // 3)}"),
        ("quotes", f'c="{chr(34) * HEAD}'),
        ("chunks", numbered("better-auth.session_data.%d=x", HEAD, "; ")),
        ("dots", f"{COOKIE}={'a.' * (HEAD // 2)}"),
    ):
        yield f"cookies of {kind}", [("cookie", text.encode())]
    yield "headers", [(f"x-{number}", b"x" * 250) for number in range(88)]


def large_requests(operation: Operation) -> Iterator[Large]:
    """All that is tried on one operation."""
    method, path = operation.method, operation.filled
    for name, query in queries(operation):
        yield Large(name, method, path, query)
    for name, sent in headers():
        yield Large(name, method, path, "", sent)
    for name, piece in (("path of x", "x"), ("path of percent", "%2e"), ("path of dots", "../")):
        yield Large(name, method, path + "/" + repeated(piece, HEAD, ""))
        filled = re.sub(r"\{\w+\}", quote(repeated(piece, HEAD, "")), operation.path)
        yield Large(name + " inside", method, filled[:HEAD])
    if method not in {"GET", "HEAD"}:
        for name, body in json_bodies(operation):
            yield Large(name, method, path, "", [("content-type", b"application/json")], body)
        for name, body in forms(operation):
            yield Large(name, method, path, "", [("content-type", FORM.encode())], body)
