"""Hostile HTTP requests as bytes: right ones, bent at one place or several, and plain garbage.

A message depends on its seed and number only, so any one of a run can be made again.
"""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeAlias

MARKER = "zqXmarkerXqz"
"""Stands where a client's text stands; no error may repeat it."""
M = MARKER.encode()
Headers: TypeAlias = list[tuple[bytes, bytes]]

TASK = {"title": MARKER, "description": MARKER, "completed": True}
PERSON = {"email": f"{MARKER}@example.com", "password": MARKER * 2, "name": MARKER}
SOCIAL = {"provider": MARKER, "callbackURL": f"/{MARKER}", "scopes": [MARKER], "idToken": {}}
ROUTES: list[tuple[bytes, str, Any]] = [
    *((m, "/api/tasks", TASK) for m in (b"POST", b"POST", b"POST", b"GET")),
    *((m, "/api/tasks/1", TASK) for m in (b"GET", b"PUT", b"DELETE")),
    *((b"PATCH", "/api/tasks/1/complete", None), (b"GET", "/api/tasks?status=all", None)),
    *((b"POST", f"/api/auth/{p}", {**PERSON, "password": "x"}) for p in ("login", "signup")),
    *((b"POST", f"/api/auth/sign-{p}/email", {**PERSON, "email": MARKER}) for p in ("in", "up")),
    *((b"GET", f"/api/auth/{p}", None) for p in ("get-session", "token", "jwks", "ok", "error")),
    *((b"POST", f"/api/auth/{p}", PERSON) for p in ("update-user", "sign-out", "change-email")),
    *((b"POST", f"/api/auth/{p}-social", SOCIAL) for p in ("link",)),
    *((b"POST", f"/api/auth/{p}", {"token": MARKER}) for p in ("revoke-session", "reset-password")),
    *(
        (b"POST", "/api/auth/sign-in/social", SOCIAL),
        (b"POST", "/api/auth/callback/github", PERSON),
    ),
    (b"GET", f"/api/auth/callback/github?code={MARKER}&state={MARKER}", None),
    (b"GET", f"/api/auth/reset-password/{MARKER}?callbackURL=/{MARKER}", None),
    (b"GET", f"/api/auth/verify-email?token={MARKER}&callbackURL=/{MARKER}", None),
    *((b"GET", p, None) for p in ("/", "/docs", "/openapi.json", f"/{MARKER}", f"/api/{MARKER}")),
    (b"OPTIONS", "/api/tasks", None),
]
VALUES: list[Any] = [
    *(None, True, 0, -1, 2**63, 10**400, 1e308, -0.0, "", " ", "\0", "\ud800", "\ufeff", "\u202e"),
    *([], {}, [[]], [MARKER], {MARKER: MARKER}, MARKER * 30, MARKER * 2_000, "%s%n{0}${x}`id`"),
    *("' OR 1=1 --", "'; DROP TABLE tasks; --", "\r\nX-Injected: 1", "//evil.example", "/\\evil"),
]
JSON_PIECES = [
    *(
        b"NaN",
        b"1e999",
        b"-",
        b"tru",
        b'"\\ud800"',
        b'"\xff"',
        b'"\\x"',
        b"'" + M + b"'",
        b"\xef\xbb\xbf",
    ),
    *(
        b"[" * 5_000,
        b'{"a":' * 5_000,
        b"9" * 5_000,
        b"\x00",
        b",,",
        b"/*" + M + b"*/",
        b'"a":1,"a":2',
    ),
]
BAD_TEXT = [
    *(
        b"\xff\xfe",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xe2\x82",
        b"\x80" * 9,
        b"\x00",
    ),
    *(b"%00", b"%ff", b"%c0%af", b"%", b"%zz", b"%u0041", b"%ed%a0%80", b"%0d%0aX-Injected:%201"),
    *(b"%2e%2e%2f", b"..", b"//", b"\\", b";" + M, b"#" + M, b"?" + M, b"&", b"=" * 9, b"+", M),
    *(
        M * 600,
        b"%" + M,
        b"[]",
        b"{}",
        b"<script>",
        b"\xe2\x80\xae",
        b"9" * 400,
        b"-1",
        b"1e9",
        b" 1",
    ),
]
PATHS = [
    *(b"*", b"", b"http://evil.example/api/tasks", b"//evil.example/api/tasks", b"/api/tasks/"),
    *(b"evil.example:443", b"/api/tasks/%31", b"/api/tasks/1/2/3", b"/api/./tasks", b"/api//tasks"),
    *(
        b"/api/tasks/\xff",
        b"/api/tasks/%F0%9D%9F%8F",
        b"/api/tasks/" + b"9" * 900,
        b"/api/tasks/+1",
    ),
    *(
        b"/api/tasks/1%0a",
        b"/api/tasks/1/complete/",
        b"/API/TASKS",
        b"/api/tasks;a=b",
        b"/" * 3_000,
    ),
    *(
        b"/static-offline-docs/../../main.py",
        b"/static-offline-docs/%2e%2e/%2e%2e/main.py",
        b"?a",
        b"#",
    ),
    *(b"/api/auth/" + M, b"/api/auth/../tasks", b"/api/auth/callback/%0a", b"/api/auth/callback/"),
]
METHODS = [
    *(
        b"TRACE",
        b"CONNECT",
        b"HEAD",
        b"OPTIONS",
        b"PROPFIND",
        b"get",
        b"PRI",
        b"G\x00T",
        b"",
        M,
        b"A" * 999,
    ),
    *(b"M-SEARCH", b"PURGE", b"LINK", b"SOURCE", b"QUERY"),
]
VERSIONS = [b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.11", b"HTTP/1.1 ", b"http/1.1", b"", M]
ODD_HEADERS: Headers = [
    *((b"Content-Type", v) for v in (b"", b"text/plain", M, b"application/json; charset=" + M)),
    *((b"Content-Type", v) for v in (b"application/x-www-form-urlencoded", b"multipart/form-data")),
    *(
        (b"Content-Length", v)
        for v in (b"-1", b"+5", b"0x5", b"5, 5", b"9" * 30, b" 5", b"1048577", M)
    ),
    *(
        (b"Transfer-Encoding", v)
        for v in (b"chunked", b"identity", b"gzip, chunked", b"\x0bchunked", M)
    ),
    *(
        (b"Authorization", v)
        for v in (b"", b"Bearer", b"Bearer " + M, b"Basic " + M, b"Bearer \xff", M)
    ),
    *((b"Authorization", v) for v in (b"Bearer a.b.c", b"Bearer " + M * 90, b"Negotiate " + M)),
    *(
        (b"Cookie", v)
        for v in (M, b"a=" + M, b"better-auth.session_token=" + M, b"=;=;" * 99, b"\xff=\xff")
    ),
    *(
        (b"Cookie", v)
        for v in (b"better-auth.session_token=%ff.%zz", b"better-auth.session_data=" + M)
    ),
    *(
        (b"Origin", v)
        for v in (b"null", b"http://" + M, M, b"http://localhost:3000", b"http://[", b"\xff")
    ),
    *((b"Host", v) for v in (M, b"", b"evil.example", b"[::1", b"a:b:c", b"\xff")),
    *((b"X-Forwarded-For", v) for v in (M, b"127.0.0.1" * 99, b"::1, " + M, b"\xff")),
    *((b"X-Request-ID", v) for v in (b"<" + M + b">", b"\xff", b"a b", b"")),
    *(
        (b"Expect", b"100-continue"),
        (b"Expect", M),
        (b"Upgrade", b"websocket"),
        (b"Upgrade", b"h2c"),
    ),
    *((b"Connection", v) for v in (b"Upgrade", b"close", b"keep-alive, " + M)),
    *((b"Access-Control-Request-Method", M), (b"Access-Control-Request-Headers", M + b", x")),
    *(
        (b"Sec-Fetch-Site", b"cross-site"),
        (b"Sec-Fetch-Mode", b"navigate"),
        (b"Referer", b"http://" + M),
    ),
    *(
        (M, M),
        (b"", M),
        (b"A B", M),
        (b"X\xff", M),
        (b"X", b"\x00"),
        (b"X", b"a\r\n b"),
        (b"X" * 3_000, M),
    ),
    *((b"X", M * 1_000), (b"Content-Encoding", b"gzip"), (b"Accept", M), (b"If-None-Match", M)),
    *((b"If-Match", M), (b"Idempotency-Key", M), (b"Range", b"bytes=0-0"), (b"traceparent", M)),
]
GARBAGE = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 60,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x12\x04\x00\x00\x00\x00\x00",
    *(
        b"\r\n\r\n",
        b"\n",
        b"\x00" * 99,
        b"GET\r\n\r\n",
        b"SSH-2.0-" + M + b"\r\n",
        b"EHLO " + M + b"\r\n",
    ),
    b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$12\r\n" + M + b"\r\n",
]


class Message:
    """A request in parts, to be bent and then written down."""

    def __init__(self, rng: Random, token: bytes) -> None:
        method, target, body = rng.choice(ROUTES)
        self.rng, self.method, self.target = rng, method, target.encode()
        self.version, self.chunked, self.framed = b"HTTP/1.1", False, True
        self.headers: Headers = [(b"Host", b"x"), (b"Authorization", b"Bearer " + token)]
        self.json = json.loads(json.dumps(body))
        self.body = b"" if body is None else json.dumps(body).encode()
        if body is not None:
            self.headers.append((b"Content-Type", b"application/json"))

    def encoded(self) -> bytes:
        body, headers = self.body, list(self.headers)
        if self.chunked:
            headers.append((b"Transfer-Encoding", b"chunked"))
            body = in_chunks(self.rng, body)
        elif self.framed and (body or self.method != b"GET"):
            headers.append((b"Content-Length", str(len(body)).encode()))
        lines = [b" ".join((self.method, self.target, self.version))]
        lines += [name + b": " + value for name, value in headers]
        return b"\r\n".join([*lines, b"", body])


def in_chunks(rng: Random, body: bytes) -> bytes:
    """Frame a body in pieces, mostly rightly."""
    sizes, pieces, rest = (1, 7, 64, 5_000), [], body
    while rest:
        size = rng.choice(sizes)
        pieces.append(b"%x%b\r\n%b\r\n" % (len(rest[:size]), chunk_extension(rng), rest[:size]))
        rest = rest[size:]
    end = b"0\r\n\r\n"
    odd = [
        b"0\r\n" + M + b": " + M + b"\r\n\r\n",
        b"-1\r\n\r\n",
        b"zz\r\n",
        b"f" * 20 + b"\r\n",
        b"0\n",
    ]
    odd += [b"0;" + M + b"\r\n\r\n", b"5\r\nabc\r\n", b" 0\r\n\r\n", b"0x0\r\n\r\n", b""]
    return b"".join(pieces) + (end if rng.random() < 0.7 else rng.choice(odd))


def chunk_extension(rng: Random) -> bytes:
    return rng.choice([b"", b"", b"", b";a=b", b";" + M, b';"' + M])


def some_value(message: Message) -> None:
    """Put an odd value into the JSON body."""
    rng, body = message.rng, message.json
    if isinstance(body, dict) and body:
        body[rng.choice([*body, MARKER, "id", "user_id", "image", "__proto__"])] = rng.choice(
            VALUES
        )
    else:
        body = rng.choice(VALUES)
    message.body = json.dumps(body).encode("utf-8", "surrogatepass")


def broken_json(message: Message) -> None:
    """Spoil the JSON text itself."""
    rng, body = message.rng, message.body
    position = rng.randint(0, len(body))
    piece = rng.choice(JSON_PIECES)
    replaced = body.replace(b'"' + M + b'"', piece, 1)
    message.body = rng.choice(
        [body[:position], body[:position] + piece + body[position:], replaced]
    )


def other_encoding(message: Message) -> None:
    """Send the body in another encoding."""
    text = message.body.decode("utf-8", "replace")
    encoding = message.rng.choice(["utf-16", "utf-32", "utf-7", "utf-8-sig", "cp037"])
    message.body = text.encode(encoding, "replace")


def bent_target(message: Message) -> None:
    """Put odd bytes somewhere into path or query, or repeat a parameter."""
    rng, target = message.rng, message.target
    position, piece = rng.randint(min(1, len(target)), len(target)), rng.choice(BAD_TEXT)
    bent = target[:position] + piece + target[position:]
    query = (
        target + (b"&" if b"?" in target else b"?") + rng.choice([b"status=", b"callbackURL=", M])
    )
    message.target = rng.choice([bent, query + piece, query + piece + b"&status=" + M])


def odd_target(message: Message) -> None:
    """Another target altogether."""
    message.target = message.rng.choice(PATHS)


def odd_header(message: Message) -> None:
    """Add a header, or put it in the place of its namesake."""
    name, value = message.rng.choice(ODD_HEADERS)
    if message.rng.random() < 0.5:
        message.headers = [h for h in message.headers if h[0] != name]
    if name in {b"Content-Length", b"Transfer-Encoding"}:
        message.framed = message.rng.random() < 0.3
    message.headers.insert(message.rng.randint(0, len(message.headers)), (name, value))


def many_headers(message: Message) -> None:
    """Sometimes more than are allowed."""
    count = message.rng.choice([20, 90, 150, 2_000])
    message.headers += [(b"X-%d" % number, M) for number in range(count)]


def odd_method(message: Message) -> None:
    """Another method."""
    message.method = message.rng.choice(METHODS)


def odd_version(message: Message) -> None:
    """Another version."""
    message.version = message.rng.choice(VERSIONS)


def chunked(message: Message) -> None:
    """Send the body in chunks."""
    message.chunked = True


def no_token(message: Message) -> None:
    """Ask as a stranger."""
    message.headers = [h for h in message.headers if h[0] != b"Authorization"]


BENDS: Sequence[tuple[Callable[[Message], None], int]] = [
    *((some_value, 6), (broken_json, 5), (other_encoding, 1), (bent_target, 5), (odd_target, 2)),
    *((odd_header, 7), (many_headers, 1), (odd_method, 1), (odd_version, 1), (chunked, 4)),
    (no_token, 1),
]


def spoiled(rng: Random, raw: bytes) -> bytes:
    """Bytes flipped, dropped, doubled or put in, anywhere in the message."""
    data = bytearray(raw)
    for _ in range(rng.choice([1, 1, 2, 8])):
        start = rng.randrange(len(data) + 1)
        end = min(len(data), start + rng.choice([0, 1, 1, 4, 40]))
        new = rng.choice(
            [b"", rng.randbytes(end - start), data[start:end] * 2, rng.choice(BAD_TEXT)]
        )
        data[start:end] = new
    return bytes(data)


def message(seed: int, number: int, token: bytes) -> bytes:
    """The message with this number."""
    rng = Random(f"{seed}:{number}")
    if rng.random() < 0.02:
        return rng.choice([*GARBAGE, rng.randbytes(rng.randint(1, 3_000))])
    made = Message(rng, token)
    bends, weights = zip(*BENDS, strict=True)
    for bend in rng.choices(bends, weights, k=rng.choice([0, 1, 1, 1, 2, 3])):
        bend(made)
    raw = made.encoded()
    return spoiled(rng, raw) if rng.random() < 0.15 else raw
