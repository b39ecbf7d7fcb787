"""The tokens of an attacker, over HTTP: each is 401 with the very same answer, and asks nobody.

`test_tokens.py` has the table of forms, algorithms, headers and claims. Here are the
attacks of RFC 8725 and of published advisories that need keys, guesses of the secret or other
encodings; and all of both tables go through the socket, on the fast path and off it.
"""

import atexit
import hashlib
import json
import re
import socket
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from authward.security.cookies import CookieSigner
from authward.security.email_tokens import EmailClaims, EmailTokens
from taskward.http.protocol import MAX_HEAD_BYTES
from taskward.secret import EXAMPLE_SECRET, PUBLISHED_SECRETS
from tests.conftest import BASE_URL, CreateDatabase
from tests.fuzz.target import MakeRunServer
from tests.fuzz.wire import HOST, Answer, Wire
from tests.support.forged_tokens import (
    ATTACKS,
    HEADER,
    INVALID,
    USER,
    Attack,
    Forger,
    headed,
    paying,
    segment,
)
from tests.support.servers import SECRET

RSA = rsa.generate_private_key(65_537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
PUBLIC = {
    "RS256": RSAAlgorithm.to_jwk(RSA.public_key()),
    "PS256": RSAAlgorithm.to_jwk(RSA.public_key()),
    "ES256": ECAlgorithm.to_jwk(EC.public_key()),
    "EdDSA": OKPAlgorithm.to_jwk(ED.public_key()),
}
KEYS: dict[str, Any] = {"RS256": RSA, "PS256": RSA, "ES256": EC, "EdDSA": ED}
PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
GUESSES = {
    *("secret", "password", "null", "undefined", "your-256-bit-secret", "0", " ", "\0" * 32),
    *(SECRET.lower(), SECRET[:-1], SECRET[::-1], SECRET.encode().hex()),
    *(b64encode(SECRET.encode()).decode(), hashlib.sha256(SECRET.encode()).hexdigest(), PEM),
    *PUBLISHED_SECRETS,
}
LATER = "99999999999"
UNSENDABLE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def claims() -> dict[str, Any]:
    return {"sub": USER, "exp": int(time.time()) + 600}


def signed_by_own_key(algorithm: str, **headers: Any) -> Attack:
    return lambda f: jwt.encode(claims(), KEYS[algorithm], algorithm, headers)


def embedding(algorithm: str) -> Attack:
    return signed_by_own_key(algorithm, jwk=json.loads(PUBLIC[algorithm]), kid="1")


def fetching(name: str, path: str) -> Attack:
    """Asks the server to fetch the attacker's key; the port is put in when it is known."""
    return lambda f: f.with_signature(
        json.dumps({"alg": "HS256", "typ": "JWT", name: f"http://{HOST}:{LISTENER.port}{path}"}),
        f.payload(),
    )


def cut(f: Forger, length: int) -> str:
    head, payload, signature = f.token().split(".")
    return f"{head}.{payload}.{signature[:length]}"


def under(key: str) -> Attack:
    return lambda f: f.sign(HEADER, f.payload(), key)


def cut_to(length: int) -> Attack:
    return lambda f: cut(f, length)


def encrypted(**header: Any) -> Attack:
    return lambda f: f"{segment(json.dumps(header))}.{'A' * 43}.AAAAAAAAAAAAAAAA.AAAA.{'A' * 22}"


MORE: dict[str, Attack] = {
    **{f"{name} by a key of one's own": signed_by_own_key(name) for name in KEYS},
    **{f"{name} with its key in the header": embedding(name) for name in KEYS},
    **{
        f"{name} from {host}": signed_by_own_key("RS256", **{name: f"http://{host}/keys"})
        for name in ("jku", "x5u", "iss")
        for host in ("127.0.0.1:1", "169.254.169.254", "[::1]:1")
    },
    **{f"{name} to be fetched": fetching(name, "/keys") for name in ("jku", "x5u", "kid", "iss")},
    **{f"public key of {name} as secret": under(key) for name, key in PUBLIC.items()},
    **{f"secret {number}": under(guess) for number, guess in enumerate(sorted(GUESSES))},
    **{f"signature cut to {n}": cut_to(n) for n in (0, 1, 4, 15, 16, 21, 22, 42)},
    "ES256 of zeros": lambda f: ".".join((segment('{"alg":"ES256"}'), f.part(1), "A" * 86)),
    "HS256 of zeros": lambda f: f"{f.part(0)}.{f.part(1)}.{'A' * 43}",
    "kid with SQL": headed('{"alg":"HS256","kid":"\' UNION SELECT \'a\'--"}'),
    "kid with a command": headed('{"alg":"HS256","kid":"|id"}'),
    "kid of the environment": headed('{"alg":"HS256","kid":"/proc/self/environ"}'),
    "kid number": headed('{"alg":"HS256","kid":0}'),
    "alg spelled with an escape": headed('{"\\u0061lg":"none"}'),
    "alg twice, once with an escape": headed('{"alg":"HS256","\\u0061lg":"none"}'),
    "alg in capitals": headed('{"ALG":"HS256"}'),
    "alg and Alg": headed('{"alg":"HS256","Alg":"none"}'),
    "alg with NUL": headed('{"alg":"HS256\\u0000"}'),
    "alg an object": headed('{"alg":{"name":"HS256"}}'),
    "nested token": headed('{"alg":"HS256","cty":"JWT"}'),
    "typ of an ID token": headed('{"alg":"HS256","typ":"id+jwt"}'),
    "typ of a logout token": headed('{"alg":"HS256","typ":"logout+jwt"}'),
    "typ of a proof": headed('{"alg":"HS256","typ":"dpop+jwt"}'),
    "typ in lower case": headed('{"alg":"HS256","typ":"jwt"}'),
    "critical extension": headed('{"alg":"HS256","crit":["x"],"x":1}'),
    "empty crit": headed('{"alg":"HS256","crit":[]}'),
    "SHA-1": lambda f: f.sign('{"alg":"HS1"}', f.payload(), by="sha1"),
    "MD5": lambda f: f.sign(HEADER, f.payload(), by="md5"),
    "SHA-512 as HS256": lambda f: f.sign(HEADER, f.payload(), by="sha512"),
    "encrypted with a direct key": encrypted(alg="dir", enc="A256GCM"),
    "encrypted with a password, a billion times": encrypted(
        alg="PBES2-HS256+A128KW", enc="A128GCM", p2c=1_000_000_000, p2s="AAAA"
    ),
    "encrypted and compressed": encrypted(alg="dir", enc="A256GCM", zip="DEF"),
    "sub twice, once with an escape": paying(f'{{"sub":"a","\\u0073ub":"b","exp":{LATER}}}'),
    "sub like a prototype": paying(f'{{"__proto__":{{"sub":"a"}},"exp":{LATER}}}'),
    "sub in another case": paying(f'{{"Sub":"a","exp":{LATER}}}'),
    "sub in the place of another claim": paying(f'{{"id":"a","user_id":"a","exp":{LATER}}}'),
    "exp beyond a double": paying(f'{{"sub":"a","exp":{"9" * 310}}}'),
    "exp in milliseconds of a far year": paying('{"sub":"a","exp":1e300}'),
    "exp with a sign": paying('{"sub":"a","exp":+99999999999}'),
    "exp in hexadecimal": paying('{"sub":"a","exp":0xFFFFFFFFFF}'),
    "payload of lists": paying(f'[["sub","a"],["exp",{LATER}]]'),
    "payload compressed": paying(b"\x78\x9c\xabV*.MR\xb2RJT\xaa\x05\x00"),
    "padded header": lambda f: f.with_signature(
        ".".join((urlsafe_b64encode(b'{"alg":"HS256"} ').decode(), f.part(1)))
    ),
    "percent-encoded dots": lambda f: f.token().replace(".", "%2E"),
    "quoted": lambda f: f'"{f.token()}"',
    "comma behind": lambda f: f.token() + ",",
    "two with a comma": lambda f: f"{f.token()}, Bearer {f.token()}",
    "parameter": lambda f: f"token={f.token()}",
    "full-width letters": lambda f: f.token().replace("e", "\uff45"),
    "soft hyphen": lambda f: f.token().replace(".", ".\u00ad"),
    "zero-width space": lambda f: "\u200b" + f.token(),
    "session cookie": lambda f: CookieSigner(f.key).sign("session-token-of-somebody-else-0"),
    "e-mail verification": lambda f: EmailTokens(f.key).issue(EmailClaims("a@example.com"), 600),
}
assert EXAMPLE_SECRET in GUESSES


def value_of(attack: Attack, forger: Forger) -> bytes:
    token = attack(forger)
    return token.encode() if isinstance(token, str) else token


class Listener:
    """Where the attacker waits for the server to call."""

    def __init__(self) -> None:
        self._socket = socket.create_server((HOST, 0))
        self._socket.setblocking(False)  # noqa: FBT003
        atexit.register(self._socket.close)
        self.port: int = self._socket.getsockname()[1]

    def was_called(self) -> bool:
        try:
            self._socket.accept()[0].close()
        except BlockingIOError:
            return False
        return True


LISTENER = Listener()


@pytest.fixture(scope="module")
async def server(create_migrated_database: CreateDatabase) -> AsyncIterator[MakeRunServer]:
    url = {"BETTER_AUTH_URL": BASE_URL}
    with MakeRunServer(await create_migrated_database(), url) as server:
        yield server


@pytest.fixture(scope="module")
def wire(server: MakeRunServer) -> Iterator[Wire]:
    with Wire(server.port) as wire:
        yield wire


@pytest.fixture(scope="module")
def table() -> dict[str, bytes]:
    """All tokens that a header can carry; what it cannot is 400 or 431 before anybody looks."""
    forger = Forger(SECRET)
    values = {name: value_of(attack, forger) for name, attack in {**ATTACKS, **MORE}.items()}
    return {
        name: value
        for name, value in values.items()
        if not UNSENDABLE.search(value) and len(value) < MAX_HEAD_BYTES // 2
    }


REQUESTS = {
    "fast path": b"GET /api/tasks HTTP/1.1\r\nHost: x\r\n",
    "beside the fast path": b"GET /api/tasks HTTP/1.1\r\nHost: x\r\nX-Two: 1\r\nX-Two: 2\r\n",
    "writing": b"POST /api/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n",
    "deleting": b"DELETE /api/tasks/1 HTTP/1.1\r\nHost: x\r\n",
}
EVERY_REQUEST = pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)


def ask(wire: Wire, request: bytes, token: bytes) -> Answer:
    return wire.send(request + b"Authorization: Bearer " + token + b"\r\n\r\n").answer()


def what_varies_removed(answer: Answer) -> Answer:
    kept = {k: v for k, v in answer.headers.items() if k not in {"date", "x-request-id"}}
    return Answer(answer.status, kept, answer.body)


def test_there_are_at_least_eighty_tokens_of_each_table(table: dict[str, bytes]) -> None:
    assert len(ATTACKS.keys() & table.keys()) >= 80
    assert len(MORE.keys() & table.keys()) >= 80
    assert len(set(table.values())) >= 160
    print(f"\n{len(table)} tokens of attackers, {len(REQUESTS)} requests with each")


@EVERY_REQUEST
def test_every_token_of_an_attacker_gets_the_very_same_401(
    wire: Wire, table: dict[str, bytes], request_: bytes
) -> None:
    expected = what_varies_removed(ask(wire, request_, b"x"))
    assert expected.status == 401
    assert expected.json == {"detail": "Invalid token"}
    assert expected.headers["www-authenticate"] == INVALID
    for name, token in table.items():
        assert (name, what_varies_removed(ask(wire, request_, token))) == (name, expected)


def test_the_same_requests_are_answered_with_a_token_that_nobody_has_touched(wire: Wire) -> None:
    statuses = [ask(wire, r, Forger(SECRET).token().encode()).status for r in REQUESTS.values()]
    assert statuses == [200, 200, 422, 404]


@EVERY_REQUEST
@pytest.mark.parametrize("second", [b"Bearer x", b"Basic dTpw", b"Bearer {}"])
def test_a_second_authorization_header_is_401_whatever_the_first_says(
    wire: Wire, request_: bytes, second: bytes
) -> None:
    token = Forger(SECRET).token().encode()
    both = token + b"\r\nAuthorization: " + second.replace(b"{}", token)
    assert ask(wire, request_, both).json == {"detail": "Invalid token"}


def test_no_token_makes_the_server_call_anybody(
    wire: Wire, server: MakeRunServer, table: dict[str, bytes]
) -> None:
    for name, token in table.items():
        if "fetched" in name or " from " in name:
            assert ask(wire, REQUESTS["fast path"], token).status == 401
    assert not LISTENER.was_called()
    socket.create_connection((HOST, LISTENER.port)).close()
    assert LISTENER.was_called()
    assert "internal error" not in server.log()
