"""Which keys of another server's set count, for what, and for how long."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from authward.security.jwks import RemoteJWKS
from authward.security.jwt import InvalidTokenError, TokenSigner, UnknownKeyError
from tests.auth.key_server import INVALID, KeyServer, keys, public_jwk, server_with, signed, tasks
from tests.conftest import BASE_URL

__all__ = ["keys"]

RSA = rsa.generate_private_key(65537, 2048)
P256, P521 = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP521R1())
ED25519, ED448 = ed25519.Ed25519PrivateKey.generate(), ed448.Ed448PrivateKey.generate()
ALGORITHMS = {
    "RS256": RSA,
    "PS256": RSA,
    "ES256": P256,
    "ES512": P521,
    "EdDSA": ED25519,
    "EdDSA with Ed448": ED448,
}


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def remote(keys: KeyServer, clock: Clock) -> RemoteJWKS:
    return RemoteJWKS(keys.url, clock=clock)


@pytest.fixture
def signer(remote: RemoteJWKS) -> TokenSigner:
    signer = TokenSigner("s" * 32, issuer=BASE_URL, lifetime=900)
    signer.remote_keys = remote
    return signer


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    monkeypatch.setattr("authward.security.jwks.log", structlog.get_logger())  # not a cached one
    with structlog.testing.capture_logs() as logs:
        yield logs


async def fetched(remote: RemoteJWKS) -> None:
    """Wait for the fetch that nobody waits for."""
    assert remote._fetching is not None
    await remote._fetching


# Which keys count


@pytest.mark.parametrize("named", [True, False], ids=["alg named", "alg from the kind of key"])
@pytest.mark.parametrize("name", ALGORITHMS)
async def test_every_algorithm_that_better_auth_signs_with_is_verified(
    database_url: str, keys: KeyServer, name: str, named: bool
) -> None:
    key, alg = ALGORITHMS[name], name.split(maxsplit=1)[0]
    keys.publish_set(public_jwk(key, "k", alg=alg if named else None))
    async with server_with(database_url, better_auth_jwks_url=keys.url) as client:
        good = await tasks(client, signed(key, "k", alg))
        assert good.status_code == 200, good.text
        token = signed(key, "k", alg)
        tampered = token[:-6] + ("A" if token[-6] != "A" else "B") + token[-5:]
        assert (await tasks(client, tampered)).json() == INVALID


@pytest.mark.parametrize("alg", ["RS256", "PS256", "RS512", "PS384"])
async def test_a_key_that_names_its_algorithm_is_good_for_no_other(
    keys: KeyServer, signer: TokenSigner, remote: RemoteJWKS, alg: str
) -> None:
    keys.publish_set(public_jwk(RSA, "k", alg="RS256"))
    await remote.refresh()
    if alg == "RS256":
        assert signer.verify(signed(RSA, "k", alg)) == "user_1"
    else:
        with pytest.raises(InvalidTokenError):
            signer.verify(signed(RSA, "k", alg))


UNUSABLE = {
    "weak RSA": public_jwk(rsa.generate_private_key(65537, 1024), "k"),
    "huge RSA": {"kty": "RSA", "kid": "k", "e": "AQAB", "n": "v" * 40_000},
    "huge exponent": {**public_jwk(RSA, "k"), "e": "v" * 341},
    "even exponent": {**public_jwk(RSA, "k"), "e": "Ag"},
    "secret": {"kty": "oct", "kid": "k", "k": "c2VjcmV0"},
    "secret named HS256": {"kty": "oct", "kid": "k", "k": "c2VjcmV0", "alg": "HS256"},
    "P-384": public_jwk(ec.generate_private_key(ec.SECP384R1()), "k"),
    "secp256k1": public_jwk(ec.generate_private_key(ec.SECP256K1()), "k"),
    "not on the curve": {**public_jwk(P256, "k"), "y": public_jwk(P256, "k")["x"]},
    "for RS512": public_jwk(RSA, "k", alg="RS512"),
    "for HS256": public_jwk(RSA, "k", alg="HS256"),
    "for none": public_jwk(ED25519, "k", alg="none"),
    "alg of another kind": public_jwk(P256, "k", alg="EdDSA"),
    "alg no text": public_jwk(P256, "k", alg=["ES256"]),
    "half a key": {"kty": "OKP", "crv": "Ed25519", "kid": "k"},
    "no base64": {"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": "!"},
    "numbers": {"kty": "RSA", "kid": "k", "n": 7, "e": 3},
    "kty no text": {"kty": {}, "kid": "k"},
    "crv no text": {"kty": "EC", "crv": [], "kid": "k"},
    "no name": public_jwk(ED25519, None),
    "empty name": public_jwk(ED25519, ""),
    "name no text": public_jwk(ED25519, 7),
    "no object": 7,
    "null": None,
}


@pytest.mark.parametrize("jwk", UNUSABLE.values(), ids=UNUSABLE)
async def test_a_key_that_cannot_be_used_is_one_line_in_the_log_and_no_trouble_for_the_others(
    keys: KeyServer, jwk: Any, warnings: list[Any]
) -> None:
    remote = RemoteJWKS(keys.url, refresh_every=0)
    keys.publish_set(jwk, public_jwk(ED25519, "good"))
    for _ in range(3):
        await remote.refresh()
    assert remote.has_key("good")
    assert not remote.has_key("k")
    assert [line["log_level"] for line in warnings] == ["warning"], warnings
    assert len(str(warnings)) < 400


@pytest.mark.parametrize(
    "members",
    [
        {"use": "enc"},
        {"use": 7},
        {"key_ops": ["encrypt"]},
        {"key_ops": []},
        {"key_ops": "verify"},
        {"use": "sig", "key_ops": ["wrapKey"]},
    ],
    ids=str,
)
async def test_a_key_that_is_not_for_signatures_verifies_none(
    keys: KeyServer, remote: RemoteJWKS, members: dict[str, Any], warnings: list[Any]
) -> None:
    keys.publish_set(public_jwk(ED25519, "k", **members))
    await remote.refresh()
    assert not remote.has_key("k")
    assert warnings == []


async def test_a_published_private_key_is_used_as_the_public_one_that_it_holds(
    keys: KeyServer, remote: RemoteJWKS, signer: TokenSigner
) -> None:
    keys.publish_set({**public_jwk(RSA, "k"), "d": "AQAB"})
    await remote.refresh()
    assert signer.verify(signed(RSA, "k", "RS256")) == "user_1"


async def test_of_a_huge_set_a_hundred_keys_are_read(
    keys: KeyServer, remote: RemoteJWKS, warnings: list[Any]
) -> None:
    keys.publish_set(*(public_jwk(ED25519, f"k{n}") for n in range(500)))
    await remote.refresh()
    assert remote.has_key("k99")
    assert not remote.has_key("k100")
    assert len(warnings) == 1


# How long they count


async def test_a_key_that_is_withdrawn_stops_counting_within_ten_minutes(
    keys: KeyServer, clock: Clock, remote: RemoteJWKS, signer: TokenSigner
) -> None:
    keys.publish_set(public_jwk(ED25519, "k"))
    await remote.refresh()
    token = signed(ED25519, "k")
    assert signer.verify(token) == "user_1"
    keys.publish_set()
    clock.now += 299
    other = signed(ED25519, "k", n=1)
    assert signer.verify(other) == "user_1"
    assert keys.requests == 1
    clock.now += 2  # half of its time is over: fetched anew, and nobody waits for it
    assert signer.verify(signed(ED25519, "k", n=2)) == "user_1"
    await fetched(remote)
    assert keys.requests == 2
    for gone in (token, other, signed(ED25519, "k", n=3)):
        with pytest.raises(UnknownKeyError):
            signer.verify(gone)


async def test_a_token_that_is_remembered_is_forgotten_with_its_key(
    keys: KeyServer, remote: RemoteJWKS, clock: Clock, signer: TokenSigner
) -> None:
    keys.publish_set(public_jwk(ED25519, "old"))
    await remote.refresh()
    token, ours = signed(ED25519, "old"), signer.issue("ours")
    assert (signer.verify(token), signer.verify(ours)) == ("user_1", "ours")
    keys.publish_set(public_jwk(P256, "old"))  # the name stays, the key does not
    clock.now += 31
    await remote.refresh()
    assert list(signer._verified) == [ours]
    with pytest.raises(InvalidTokenError):
        signer.verify(token)


async def test_tokens_that_are_remembered_keep_the_set_from_growing_old(
    keys: KeyServer, remote: RemoteJWKS, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests with the same token are the rule: they too must lead to a fetch."""
    signer = TokenSigner("s" * 32, issuer=BASE_URL, lifetime=900)
    signer.remote_keys = remote
    token = signed(ED25519, "k", exp=2**40)
    monkeypatch.setattr("authward.security.jwt.time.time", clock)
    keys.publish_set(public_jwk(ED25519, "k"))
    await remote.refresh()
    for _ in range(100):
        clock.now += 30
        assert signer.verify(token) == "user_1"
        if remote._fetching is not None:
            await fetched(remote)
        assert remote._age() <= 300
    assert keys.requests == 11


async def test_when_the_other_server_is_away_its_keys_count_for_ten_minutes_and_then_no_more(
    keys: KeyServer, clock: Clock, remote: RemoteJWKS, signer: TokenSigner
) -> None:
    keys.publish_set(public_jwk(ED25519, "k"))
    await remote.refresh()
    remembered = signed(ED25519, "k")
    assert signer.verify(remembered) == "user_1"
    keys.answer = (503, b"")
    clock.now += 599
    assert signer.verify(signed(ED25519, "k", n=1)) == "user_1"
    await fetched(remote)
    clock.now += 1
    with pytest.raises(UnknownKeyError):
        signer.verify(signed(ED25519, "k", n=2))
    keys.publish_set(public_jwk(ED25519, "k"))
    clock.now += 30
    await remote.refresh()
    assert signer.verify(signed(ED25519, "k", n=2)) == "user_1"


async def test_it_is_asked_at_most_once_in_thirty_seconds_whoever_wants_what(
    keys: KeyServer, clock: Clock, remote: RemoteJWKS
) -> None:
    keys.answer = (500, b"")
    for _ in range(9):  # at 0, 10, … 80 seconds
        await asyncio.gather(*(remote.refresh() for _ in range(5)))
        clock.now += 10
    assert keys.requests == 3


class Silence:
    """Takes connections and answers nothing, as a server that hangs does."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/jwks"
        self._taken: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                self._taken.append(self._socket.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        for each in (self._socket, *self._taken):
            each.close()


async def test_a_key_server_that_hangs_holds_up_nobody_who_does_not_need_it(
    database_url: str,
) -> None:
    silence = Silence()
    async with server_with(database_url, better_auth_jwks_url=silence.url) as client:
        waiting = asyncio.create_task(tasks(client, signed(ED25519, "k")))
        body = {"email": "a@b.example", "password": "not the password"}
        others = [client.post("/api/auth/login", json=body) for _ in range(3)]
        statuses = {(await other).status_code for other in others}
        assert statuses == {401}
        assert not waiting.done()
        assert (await waiting).json() == INVALID
    silence.close()


async def test_whoever_comes_after_a_failure_waits_a_second_at_most(
    keys: KeyServer, clock: Clock, remote: RemoteJWKS
) -> None:
    keys.answer = (500, b"")
    await remote.refresh()
    silence = Silence()
    remote._url = silence.url
    clock.now += 31
    started = asyncio.get_running_loop().time()
    await remote.refresh()
    assert asyncio.get_running_loop().time() - started < 4
    silence.close()


async def test_one_who_gives_up_does_not_end_the_fetch_for_the_others(
    keys: KeyServer, remote: RemoteJWKS
) -> None:
    keys.publish_set(public_jwk(ED25519, "k"))
    first, second = (asyncio.create_task(remote.refresh()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert remote.has_key("k")
    assert keys.requests == 1


async def test_a_rotated_key_costs_one_request_and_no_refusal(
    database_url: str, keys: KeyServer
) -> None:
    keys.publish_set(public_jwk(ED25519, "first"))
    async with server_with(database_url, better_auth_jwks_url=keys.url) as client:
        asked = [tasks(client, signed(ED25519, "first", n=n)) for n in range(20)]
        answers: list[httpx.Response] = await asyncio.gather(*asked)
        assert {answer.status_code for answer in answers} == {200}
    assert keys.requests == 1
    assert json.loads(keys.answer[1])["keys"][0]["kid"] == "first"
