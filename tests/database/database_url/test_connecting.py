"""What the connection is made of: endpoints, TLS, and what asyncpg sends."""

import asyncio
import struct
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from asyncpg import connect_utils

from taskward.database.tls import SSLMode
from taskward.database.url import (
    DEFAULT_CONNECT_TIMEOUT,
    SOCKET_DIRECTORIES,
    DatabaseURL,
    DatabaseURLError,
)
from tests.database.database_url.samples import (
    CA_ONLY,
    NEON,
    NEON_URL,
    START,
    VERIFIED,
    describe_tls,
)

# ── Neon's direct endpoint, for migrations


@pytest.mark.parametrize(
    ("host", "direct"),
    [
        (NEON, NEON.replace("-pooler", "")),
        ("ep-x.eu.aws.neon.tech", "ep-x.eu.aws.neon.tech"),
        ("ep-pooler-x.eu.aws.neon.tech", "ep-pooler-x.eu.aws.neon.tech"),
        ("ep-x.my-pooler.neon.tech", "ep-x.my-pooler.neon.tech"),
        ("db-pooler.example.com", "db-pooler.example.com"),
    ],
)
def test_the_direct_host_of_a_neon_pooler_and_of_nothing_else(host: str, direct: str) -> None:
    url = DatabaseURL.parse(f"postgres://u:p@{host}/d?connect_timeout=3")
    assert url.direct() == replace(url, host=direct)


def test_each_of_several_hosts_is_the_direct_one() -> None:
    url = DatabaseURL.parse("postgres://u:p@ep-a-pooler.neon.tech:1,b:2,ep-c-pooler.neon.tech/d")
    assert url.direct().addresses == (("ep-a.neon.tech", 1), ("b", 2), ("ep-c.neon.tech", 5432))


def test_one_of_several_hosts_is_taken_as_it_is() -> None:
    url = DatabaseURL.parse("postgres://u:p@a:1,b:2/d?sslmode=require")
    assert url.at(url.addresses[1]) == DatabaseURL.parse("postgres://u:p@b:2/d?sslmode=require")


def test_the_direct_url_names_one_endpoint_in_host_and_options() -> None:
    url = DatabaseURL.parse(
        "postgres://u:p@ep-x-pooler.neon.tech/d?options=endpoint%3Dep-x-pooler"
    ).direct()
    assert (url.host, url.options) == ("ep-x.neon.tech", "endpoint=ep-x")


# ── TLS


def test_a_neon_url_cannot_be_built_without_verified_tls() -> None:
    url = DatabaseURL.parse(NEON_URL)
    with pytest.raises(DatabaseURLError, match="verified TLS"):
        replace(url, sslmode=SSLMode.REQUIRE)
    with pytest.raises(DatabaseURLError, match="verified TLS"):
        replace(DatabaseURL.parse("postgres://u:p@h/d"), host=NEON)


# Of a throw-away key: machines without a trust store run these tests too.
ROOT_CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBcDCCARWgAwIBAgIUMp8c0zAe1HzGfsWfMO3GI/209WowCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBdDAgFw0yNjExMjIxNTMxMTJaGA8yMTI2MTAyOTE1MzExMlow
DDEKMAgGA1UEAwwBdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKhyYgLysSlP
4VGl+WghzhxQOjR3husjMQXf1PlKNlbnL1R2hIavSMvDPzx1LFQtgFYQoKl0noZh
kUTRSbmB5rKjUzBRMB0GA1UdDgQWBBQBeNvpOcsw/NAkRc/t8cTUJGo8UDAfBgNV
HSMEGDAWgBQBeNvpOcsw/NAkRc/t8cTUJGo8UDAPBgNVHRMBAf8EBTADAQH/MAoG
CCqGSM49BAMCA0kAMEYCIQDBh5tASCSpYLCMcL4MuEXaP4e14v+AkqESmD2Lh2Zj
YgIhAK3wM4TF4zW3UbWGHoeJGwFIO0ajegk0Bbc+vFS0JOGD
-----END CERTIFICATE-----
"""


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", CA_ONLY),
        ("sslmode=prefer&", CA_ONLY),
        ("sslmode=require&", CA_ONLY),
        ("sslmode=verify-ca&", CA_ONLY),
        ("sslmode=verify-full&", VERIFIED),
        ("channel_binding=require&", VERIFIED),
    ],
)
def test_a_root_certificate_is_the_only_one_trusted(
    tmp_path: Path, query: str, expected: str
) -> None:
    path = tmp_path / "root.crt"
    path.write_text(ROOT_CERTIFICATE)
    url = DatabaseURL.parse(f"postgres://u:p@h/d?{query}sslrootcert={path}")
    context = url.connect_arguments()["ssl"]
    assert describe_tls(context) == expected
    assert context.cert_store_stats()["x509"] == 1


@pytest.mark.parametrize("content", ["", "no certificate"])
def test_a_root_certificate_file_without_certificates_is_refused(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "root.crt"
    path.write_text(content)
    url = DatabaseURL.parse(f"{START}?sslrootcert={path}")
    with pytest.raises(DatabaseURLError, match="sslrootcert: no certificates"):
        url.connect_arguments()


# ── On the wire: what asyncpg makes of the arguments


CLEARTEXT_PASSWORD = b"R" + struct.pack("!ii", 8, 3)
REFUSAL = b"SFATAL\0C28P01\0Mwrong\0\0"


class FakeServer:
    """Notes the start-up message and the password of one log-in, then refuses it."""

    def __init__(self) -> None:
        self.parameters: dict[str, str] = {}
        self.password = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length, _protocol = struct.unpack("!ii", await reader.readexactly(8))
        fields = (await reader.readexactly(length - 8)).decode().split("\0")
        self.parameters = dict(zip(fields[0::2], fields[1::2], strict=False))
        writer.write(CLEARTEXT_PASSWORD)
        _kind, length = struct.unpack("!ci", await reader.readexactly(5))
        self.password = (await reader.readexactly(length - 4)).decode().rstrip("\0")
        writer.write(b"E" + struct.pack("!i", len(REFUSAL) + 4) + REFUSAL)
        writer.close()
        await writer.wait_closed()


async def log_in(folder: Path, query: str) -> FakeServer:
    fake = FakeServer()
    server = await asyncio.start_unix_server(fake.serve, str(folder / ".s.PGSQL.5432"))
    url = DatabaseURL.parse(f"postgres://u@/?host={folder}{query}")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(**url.connect_arguments())
    server.close()
    await server.wait_closed()
    return fake


ADDRESSES: list[tuple[str, list[object]]] = [
    ("h", [("h", 5432)]),
    ("h:6543", [("h", 6543)]),
    ("[::1]", [("::1", 5432)]),
    ("%2Frun%2Fpg", ["/run/pg/.s.PGSQL.5432"]),
    ("a:1,b:2", [("a", 1), ("b", 2)]),
    ("a,%2Frun%2Fpg:6", [("a", 5432), "/run/pg/.s.PGSQL.6"]),
    ("", [f"{directory}/.s.PGSQL.5432" for directory in SOCKET_DIRECTORIES]),
]


@pytest.fixture
def socket_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short path: a socket's is at most 103 bytes long."""
    return tmp_path_factory.mktemp("s")


@pytest.fixture
def foreign_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Everything that asyncpg would look up, pointing elsewhere."""
    passfile = tmp_path / ".pgpass"
    passfile.write_text("*:*:*:*:from-the-file\n")
    passfile.chmod(0o600)
    names = ("HOST", "USER", "PASSWORD", "DATABASE", "APPNAME", "OPTIONS", "SERVICE", "KRBSRVNAME")
    for name in (*names, "SSLMODE", "SSLNEGOTIATION", "TARGETSESSIONATTRS", "GSSLIB", "PORT"):
        monkeypatch.setenv(f"PG{name}", "elsewhere")
    monkeypatch.setenv("PGPASSFILE", str(passfile))
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.usefixtures("foreign_environment")
def test_the_environment_and_the_password_file_change_nothing(socket_folder: Path) -> None:
    fake = asyncio.run(log_in(socket_folder, ""))
    assert fake.password == ""
    assert fake.parameters.pop("client_encoding") == "'utf-8'"
    assert fake.parameters == {"user": "u", "database": "u", "application_name": "taskward", "": ""}


@pytest.mark.usefixtures("foreign_environment")
@pytest.mark.parametrize("query", ["", "?sslmode=disable", "?sslmode=require", "?sslmode=allow"])
@pytest.mark.parametrize(("host", "addresses"), ADDRESSES)
def test_asyncpg_resolves_the_arguments_to_the_url_whatever_the_environment_says(
    host: str, addresses: list[object], query: str
) -> None:
    arguments = DatabaseURL.parse(f"postgres://u@{host}/d{query}").connect_arguments()
    del arguments["timeout"]
    others = dict.fromkeys(["dsn", "passfile", "service", "servicefile"])
    resolve = connect_utils._parse_connect_dsn_and_args  # type: ignore[attr-defined]
    found, parameters = resolve(**arguments, **others)
    assert found == addresses
    assert (parameters.user, parameters.password, parameters.database) == ("u", "", "d")
    assert parameters.ssl_negotiation == "postgres"
    assert parameters.krbsrvname == "postgres"
    assert parameters.server_settings == {"application_name": "taskward"}


def test_neons_endpoint_reaches_the_server_as_a_start_up_option(socket_folder: Path) -> None:
    fake = asyncio.run(log_in(socket_folder, "&options=endpoint%3Dep-x&application_name=a%20b"))
    assert fake.parameters["options"] == "endpoint=ep-x"
    assert fake.parameters["application_name"] == "a b"


def test_the_timeout_is_ten_seconds_by_default() -> None:
    assert DatabaseURL.parse("postgres://u@h").connect_timeout == DEFAULT_CONNECT_TIMEOUT == 10
