"""A certificate authority, what a server shows, and a line that ends TLS in front of PostgreSQL."""

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from taskward.database.tls import SSLMode
from taskward.database.url import DatabaseURL
from tests.conftest import CreateDatabase
from tests.support.servers import HOST

SSL_REQUEST = bytes.fromhex("0000000804d2162f")


DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Authority:
    """Signs certificates; `name` tells two of them apart."""

    name: x509.Name
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def make(cls) -> "Authority":
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
        return cls(name, ec.generate_private_key(ec.SECP256R1()))

    def certificate(
        self, key: ec.EllipticCurvePrivateKey, host: str | None, until: dt.datetime
    ) -> bytes:
        """Certify `key` for a server's address, or for an authority if there is none."""
        subject = self.name if host is None else x509.Name([])
        builder = (
            x509.CertificateBuilder(self.name, subject, key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(until - 30 * DAY)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
        )
        if host is not None:
            names = [x509.IPAddress(IPv4Address(host))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True)
class Shown:
    """What a server shows, and the root that a client is told to trust."""

    certificate: bytes
    key: bytes
    root: bytes


def shown(host: str = HOST, *, days: int = 20, trusted: bool = True) -> Shown:
    now = dt.datetime.now(dt.UTC)
    authority, key = Authority.make(), ec.generate_private_key(ec.SECP256R1())
    other = authority if trusted else Authority.make()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    root = other.certificate(other.key, None, now + 20 * DAY)
    return Shown(authority.certificate(key, host, now + days * DAY), pem, root)


class TLSLine:
    """Ends TLS in front of a server that has none."""

    def __init__(self, to: DatabaseURL, context: ssl.SSLContext) -> None:
        self.to = to
        self.context = context
        self.port = 0
        self.tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._accept, HOST, 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.add(asyncio.create_task(self._carry(reader, writer)))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            assert await reader.readexactly(8) == SSL_REQUEST
            writer.write(b"S")
            await writer.start_tls(self.context)
            far_reader, far_writer = await asyncio.open_unix_connection(
                f"{self.to.host}/.s.PGSQL.{self.to.port}"
            )
            await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
    finally:
        writer.close()


Serve = Callable[[Shown], Awaitable[DatabaseURL]]


@pytest.fixture
async def line(
    postgres: DatabaseURL, create_database: CreateDatabase, tmp_path: Path
) -> AsyncIterator[Serve]:
    """Serves the embedded PostgreSQL with a certificate."""
    if not postgres.host.startswith("/"):
        pytest.skip("THE SERVER OF DATABASE_URL HAS NO SOCKET: TLS is tried on the embedded one")
    url = DatabaseURL.parse(await create_database())
    async with AsyncExitStack() as lines:

        async def serve(files: Shown) -> DatabaseURL:
            (tmp_path / "server").write_bytes(files.key + files.certificate)
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(tmp_path / "server")
            port = await lines.enter_async_context(TLSLine(url, context).listening())
            return replace(url, host=HOST, port=port, sslmode=SSLMode.VERIFY_FULL)

        yield serve


def with_root(url: DatabaseURL, root: bytes, tmp_path: Path) -> DatabaseURL:
    path = tmp_path / "root.crt"
    path.write_bytes(root)
    return replace(url, sslrootcert=str(path))
