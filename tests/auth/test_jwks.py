"""Tokens of a separate Better Auth server, and secrets that change."""

import gzip
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import SecretStr

from authward.security.jwks import RemoteJWKS
from authward.security.tls import tls_context
from tests.auth.key_server import INVALID, KeyServer, keys, public_jwk, server_with, signed, tasks
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase, new_email, settings_for
from tests.support.servers import OriginalServer, auth_settings, node
from tests.support.tls import Shown, shown

__all__ = ["keys"]  # fixtures


async def test_a_token_of_the_original_better_auth_server_is_accepted(
    create_database: CreateDatabase, database_url: str
) -> None:
    node()
    with OriginalServer(auth_settings(await create_database())) as original:
        api = f"{original.url}/api/auth"
        async with httpx.AsyncClient() as browser:
            body = {"name": "Ada", "email": new_email(), "password": PASSWORD}
            user = (await browser.post(f"{api}/sign-up/email", json=body)).json()["user"]
            token = (await browser.get(f"{api}/token")).json()["token"]
        origins = original.environment()["BETTER_AUTH_URL"]
        async with server_with(
            database_url,
            better_auth_jwks_url=f"{api}/jwks",
            better_auth_trusted_origins=origins,
        ) as ours:
            headers = {"Authorization": f"Bearer {token}"}
            created = await ours.post("/api/tasks", headers=headers, json={"title": "From afar"})
            assert created.status_code == 201
            assert created.json()["user_id"] == user["id"]
        async with server_with(database_url, better_auth_trusted_origins=origins) as ours:
            assert (await tasks(ours, token)).json() == INVALID


async def test_a_new_key_is_fetched_when_a_token_names_it_and_not_again(
    database_url: str, keys: KeyServer
) -> None:
    key = Ed25519PrivateKey.generate()
    keys.publish(first=key)
    async with server_with(database_url, better_auth_jwks_url=keys.url) as client:
        assert keys.requests == 0
        for _ in range(3):
            assert (await tasks(client, signed(key, "first", n=_))).status_code == 200
        assert keys.requests == 1


async def test_unknown_keys_cannot_make_the_server_ask_more_than_once_in_a_while(
    database_url: str, keys: KeyServer
) -> None:
    key = Ed25519PrivateKey.generate()
    async with server_with(database_url, better_auth_jwks_url=keys.url) as client:
        for kid in ("a", "b", "c"):
            assert (await tasks(client, signed(key, kid))).json() == INVALID
        assert keys.requests == 1


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shown]:
    """A certificate and the root of it, which SSL_CERT_FILE names."""
    files = shown()
    (tmp_path / "root.crt").write_bytes(files.root)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.crt"))
    tls_context.cache_clear()
    yield files
    tls_context.cache_clear()


@pytest.mark.parametrize("is_ours", [True, False])
async def test_keys_over_tls_are_those_of_a_server_that_the_system_or_ssl_cert_file_trusts(
    keys: KeyServer, trusted: Shown, tmp_path: Path, is_ours: bool
) -> None:
    certificate = trusted if is_ours else shown()
    keys.publish(good=Ed25519PrivateKey.generate())
    keys.use_tls(tmp_path, certificate)
    remote = RemoteJWKS(keys.url)
    await remote.refresh()
    assert remote.has_key("good") is is_ours


async def test_rotated_keys_are_found_and_dropped_ones_forgotten(keys: KeyServer) -> None:
    old, new = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    remote = RemoteJWKS(keys.url, refresh_every=0)
    keys.publish(old=old)
    await remote.refresh()
    keys.publish(new=new)
    await remote.refresh()
    assert remote.has_key("new")
    assert not remote.has_key("old")


@pytest.mark.parametrize(
    "answer",
    [
        (500, b"<html>"),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"keys": 7}'),
        (200, b'{"keys": {}}'),
        (200, b'"keys"'),
        (200, b"[" * 100_000),
        (200, b'\xff{"keys": []}'),
        (200, gzip.compress(b'{"keys": []}')),
        (200, b" " * 300_000 + b'{"keys": []}'),
        (302, b""),
    ],
)
async def test_a_broken_answer_leaves_the_known_keys_in_force(
    keys: KeyServer, answer: tuple[int, bytes]
) -> None:
    remote = RemoteJWKS(keys.url, refresh_every=0)
    keys.publish(good=Ed25519PrivateKey.generate())
    await remote.refresh()
    keys.answer = answer
    await remote.refresh()
    assert remote.has_key("good")


async def test_a_server_that_is_away_makes_tokens_invalid_and_nothing_else(
    database_url: str, keys: KeyServer
) -> None:
    keys.stop()
    async with server_with(database_url, better_auth_jwks_url=keys.url) as client:
        token = signed(Ed25519PrivateKey.generate(), "x")
        response = await tasks(client, token)
        assert (response.status_code, response.json()) == (401, INVALID)


async def test_a_key_is_good_for_its_own_algorithm_only(database_url: str, keys: KeyServer) -> None:
    key, curve = Ed25519PrivateKey.generate(), generate_private_key(SECP256R1())
    keys.publish_set(public_jwk(key, "k", alg="EdDSA"), public_jwk(curve, "ec", alg="ES256"))
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    forged = [
        signed(Ed25519PrivateKey.generate(), "k"),
        signed(key, "ec"),
        signed(curve, "k", "ES256"),
        signed(public, "k", "HS256"),
        jwt.encode({"sub": "x", "exp": time.time() + 60}, public, "HS256"),
        signed(key, "k", iss="https://evil.example"),
        signed(key, "k", aud="https://evil.example"),
        signed(key, "k", exp="soon"),
        signed(key, ""),
    ]
    forged += [
        jwt.encode({"sub": "x", "exp": int(time.time()) + 60}, key, "EdDSA", header)
        for header in (
            {"typ": None},
            {"kid": "k", "typ": "at+jwt"},
            {"kid": "k", "b": 1},
        )
    ]
    async with server_with(database_url, better_auth_jwks_url=keys.url) as client:
        for good in (signed(key, "k"), signed(curve, "ec", "ES256")):
            assert (await tasks(client, good)).status_code == 200
        for token in forged:
            response = await tasks(client, token)
            assert (response.status_code, response.json()) == (401, INVALID), token


async def test_of_several_secrets_the_first_signs_and_all_verify(database_url: str) -> None:
    new, old = secrets.token_hex(32), secrets.token_hex(32)
    rotated = SecretStr(f"2:{new}, 1:{old}")
    async with server_with(database_url, better_auth_secrets=rotated) as client:
        body = {"email": new_email(), "password": PASSWORD}
        issued = (await client.post("/api/auth/signup", json=body)).json()["token"]
        jwt.decode(issued, new, ["HS256"], audience=BASE_URL)
        for secret in (new, old):
            token = jwt.encode({"sub": "x", "exp": int(time.time()) + 60}, secret, "HS256")
            assert (await tasks(client, token)).status_code == 200
        other = jwt.encode({"sub": "x", "exp": int(time.time()) + 60}, "z" * 32, "HS256")
        assert (await tasks(client, other)).json() == INVALID


@pytest.mark.parametrize(
    "text", ["", "x", "1", "1:", "1:short", "a:" + "x" * 32, "-1:" + "x" * 32, "1:a,1:b", ","]
)
def test_malformed_secrets_are_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ValueError, match="better_auth_secrets") as caught:
        settings_for("postgresql://u@h/d", better_auth_secrets=SecretStr(text))
    assert "x" * 32 not in str(caught.value)
