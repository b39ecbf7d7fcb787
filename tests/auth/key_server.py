"""A server of public keys, and tokens that are signed by such."""

import json
import ssl
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from taskward.app import create_app
from tests.conftest import BASE_URL, settings_for
from tests.support.tls import Shown

INVALID = {"detail": "Invalid token"}


class KeyServer:
    """Publishes a key set as another Better Auth server does, and counts who asks."""

    def __init__(self) -> None:
        self.requests = 0
        self.answer: tuple[int, bytes] = (200, b'{"keys": []}')
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def publish(self, **keys: Ed25519PrivateKey) -> None:
        self.publish_set(*(public_jwk(key, kid, alg="EdDSA") for kid, key in keys.items()))

    def publish_set(self, *keys: Any) -> None:
        self.answer = (200, json.dumps({"keys": keys}).encode())

    def use_tls(self, directory: Path, files: Shown) -> None:
        (directory / "server").write_bytes(files.key + files.certificate)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(directory / "server")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = self.url.replace("http:", "https:")

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests += 1
                status, body = outer.answer
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nobody reads it."""

        return Handler


def public_jwk(key: Any, kid: object, **members: object) -> dict[str, Any]:
    """What is published of a private key; a member that is None is left out."""
    writer: Any = OKPAlgorithm
    if isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        writer = RSAAlgorithm if isinstance(key, RSAPrivateKey) else ECAlgorithm
    jwk = {**writer.to_jwk(key.public_key(), as_dict=True), "kid": kid, **members}
    return {name: value for name, value in jwk.items() if value is not None}


@pytest.fixture
def keys() -> Iterator[KeyServer]:
    server = KeyServer()
    yield server
    server.stop()


@asynccontextmanager
async def server_with(database_url: str, **changes: object) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings_for(database_url, **changes))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE_URL) as client,
    ):
        yield client


async def tasks(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.get("/api/tasks", headers={"Authorization": f"Bearer {token}"})


def signed(key: Any, kid: str, alg: str = "EdDSA", **claims: object) -> str:
    payload = {"sub": "user_1", "exp": int(time.time()) + 60, **claims}
    return jwt.encode(payload, key, alg, {"kid": kid, "typ": None})
