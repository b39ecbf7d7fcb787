"""A database URL pasted from anywhere: what is connected with, what is refused, what is shown."""

import asyncio
import ssl
import struct
import traceback
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest
from asyncpg import connect_utils
from hypothesis import given, settings
from hypothesis import strategies as st

from taskward.database_url import (
    DEFAULT_CONNECT_TIMEOUT,
    SOCKET_DIRECTORIES,
    DatabaseURL,
    DatabaseURLError,
    SSLMode,
)

PASSWORD = "npg_S3cretXyz09"
NEON = "ep-cool-1a2b-pooler.us-east-2.aws.neon.tech"
NEON_URL = f"postgresql://owner:{PASSWORD}@{NEON}/neondb?sslmode=require&channel_binding=require"

VERIFIED = "TLS, certificate and host name verified"
CA_ONLY = "TLS, certificate verified"
ENCRYPTED = "TLS, not verified"

Expected = dict[str, Any]


def at(host: str | list[str], /, **others: Any) -> Expected:
    expected = {"host": host, "port": 5432, "user": "u", "password": "p", "database": "d"}
    defaults = {"ssl": "prefer", "timeout": 10.0, "settings": {"application_name": "taskward"}}
    return expected | defaults | others


def at_neon(host: str = NEON, **others: Any) -> Expected:
    login = {"user": "owner", "password": PASSWORD, "database": "neondb", "ssl": VERIFIED}
    return at(host, **(login | others))


def at_socket(directory: str | list[str], **others: Any) -> Expected:
    return at(directory, **({"ssl": False, "password": ""} | others))


def named(**settings: str) -> dict[str, str]:
    return {"application_name": "taskward"} | settings


def describe_tls(value: object) -> object:
    if not isinstance(value, ssl.SSLContext):
        return value
    if value.check_hostname:
        return VERIFIED
    return ENCRYPTED if value.verify_mode is ssl.CERT_NONE else CA_ONLY


def connected_with(url: DatabaseURL) -> Expected:
    arguments = url.connect_arguments()
    names = ("host", "port", "user", "password", "database", "timeout")
    shown = {name: arguments[name] for name in names}
    return shown | {
        "ssl": describe_tls(arguments["ssl"]),
        "settings": arguments["server_settings"],
    }


URLS: dict[str, tuple[str, Expected]] = {
    # Around the URL
    "Neon's URL as it is": (NEON_URL, at_neon()),
    "Neon's copy button for psql": (f"psql '{NEON_URL}'", at_neon()),
    "psql with double quotes": (f'psql "{NEON_URL}"', at_neon()),
    "a line of .env": (f"DATABASE_URL={NEON_URL}", at_neon()),
    "a quoted line of .env": (f'DATABASE_URL="{NEON_URL}"', at_neon()),
    "a line of .env with spaces": (f"DATABASE_URL = '{NEON_URL}'", at_neon()),
    "another variable's name": (f"POSTGRES_URL={NEON_URL}", at_neon()),
    "a shell's export": (f"export DATABASE_URL='{NEON_URL}'", at_neon()),
    "psql inside a variable": (f"DATABASE_URL=\"psql '{NEON_URL}'\"", at_neon()),
    "white space and line ends around": (f" \t\r\n{NEON_URL}\n ", at_neon()),
    "quotes and white space inside them": (f"' {NEON_URL} '", at_neon()),
    # Scheme
    "the short scheme": ("postgres://u:p@h/d", at("h")),
    "the scheme in capitals": ("POSTGRESQL://u:p@h/d", at("h")),
    "SQLAlchemy's asyncpg driver": ("postgresql+asyncpg://u:p@h/d", at("h")),
    "SQLAlchemy's psycopg2 driver": ("postgres+psycopg2://u:p@h/d", at("h")),
    "a driver with an underscore": ("postgresql+psycopg_async://u:p@h/d", at("h")),
    # Host, port
    "a port": ("postgres://u:p@h:6543/d", at("h", port=6543)),
    "an empty port": ("postgres://u:p@h:/d", at("h")),
    "a port as a key": ("postgres://u:p@h/d?port=6543", at("h", port=6543)),
    "the same port twice": ("postgres://u:p@h:6543/d?port=6543", at("h", port=6543)),
    "a host in capitals": ("postgres://u:p@DB.Example.COM/d", at("db.example.com")),
    "a host with a final dot": ("postgres://u:p@db.example.com./d", at("db.example.com")),
    "a host with an underscore": ("postgres://u:p@task_db/d", at("task_db")),
    "a host outside ASCII": ("postgres://u:p@bücher.example/d", at("xn--bcher-kva.example")),
    "a host as a key": ("postgres://u:p@/d?host=h", at("h")),
    "an IPv4 address": ("postgres://u:p@127.0.0.1:5433/d", at("127.0.0.1", port=5433)),
    "an IPv6 address": ("postgres://u:p@[::1]/d", at("::1")),
    "an IPv6 address and a port": ("postgres://u:p@[2001:DB8::1]:77/d", at("2001:db8::1", port=77)),
    "an IPv6 address with a zone": ("postgres://u:p@[fe80::1%25eth0]/d", at("fe80::1%eth0")),
    "an IPv6 address as a key": ("postgres://u:p@/d?host=::1", at("::1")),
    # Sockets
    "a socket as a key": ("postgres://u@/d?host=/run/pg", at_socket("/run/pg")),
    "a socket as an encoded key": ("postgres://u@/d?host=%2Frun%2Fpg", at_socket("/run/pg")),
    "a socket as an encoded host": ("postgres://u@%2FVar%2Frun/d", at_socket("/Var/run")),
    "a socket and a port": ("postgres://u@%2Frun:6/d", at_socket("/run", port=6)),
    "the embedded server's socket": ("postgresql://u:@/d?host=/run/pg", at_socket("/run/pg")),
    "no host": ("postgres://u@/d", at_socket(list(SOCKET_DIRECTORIES))),
    "a socket has no TLS": ("postgres://u@/d?host=/s&sslmode=require", at_socket("/s")),
    "Prisma's way to Cloud SQL": (
        "postgresql://u:p@localhost/d?host=/cloudsql/project:region:name",
        at_socket("/cloudsql/project:region:name", password="p"),
    ),
    # User, password, database
    "no database": ("postgres://u:p@h", at("h", database="u")),
    "no database but a slash": ("postgres://u:p@h/", at("h", database="u")),
    "no database but a key": ("postgres://u:p@h?sslmode=prefer", at("h", database="u")),
    "no password": ("postgres://u@h/d", at("h", password="")),
    "an empty password": ("postgres://u:@h/d", at("h", password="")),
    "a colon in the password": ("postgres://u:p:q@h/d", at("h", password="p:q")),
    "an at sign in the password": ("postgres://u:p@q@h/d", at("h", password="p@q")),
    "a plus sign in the password": ("postgres://u:p+q@h/d", at("h", password="p+q")),
    "letters outside ASCII": ("postgres://ü:ß@h/é", at("h", user="ü", password="ß", database="é")),
    "everything percent-encoded": (
        "postgres://u%40x:%3A%2F%3F%23%25%20@h/a%2Fb%20c",
        at("h", user="u@x", password=":/?#% ", database="a/b c"),
    ),
    # TLS
    "sslmode=disable": ("postgres://u:p@h/d?sslmode=disable", at("h", ssl=False)),
    "sslmode=allow": ("postgres://u:p@h/d?sslmode=allow", at("h", ssl="allow")),
    "sslmode=prefer": ("postgres://u:p@h/d?sslmode=prefer", at("h", ssl="prefer")),
    "sslmode=require": ("postgres://u:p@h/d?sslmode=require", at("h", ssl=ENCRYPTED)),
    "sslmode=verify-ca": ("postgres://u:p@h/d?sslmode=verify-ca", at("h", ssl=CA_ONLY)),
    "sslmode=verify-full": ("postgres://u:p@h/d?sslmode=verify-full", at("h", ssl=VERIFIED)),
    "ssl=require": ("postgres://u:p@h/d?ssl=require", at("h", ssl=ENCRYPTED)),
    "ssl=true": ("postgres://u:p@h/d?ssl=true", at("h", ssl=ENCRYPTED)),
    "ssl=false": ("postgres://u:p@h/d?ssl=false", at("h", ssl=False)),
    "ssl and sslmode agree": (
        "postgres://u:p@h/d?ssl=true&sslmode=require",
        at("h", ssl=ENCRYPTED),
    ),
    "the system's trust store": ("postgres://u:p@h/d?sslrootcert=system", at("h", ssl=VERIFIED)),
    "channel binding preferred": ("postgres://u:p@h/d?channel_binding=prefer", at("h")),
    "channel binding disabled": ("postgres://u:p@h/d?channel_binding=disable", at("h")),
    "channel binding required is verified TLS instead": (
        "postgres://u:p@h/d?sslmode=require&channel_binding=require",
        at("h", ssl=VERIFIED),
    ),
    "Neon without sslmode": (f"postgres://u:p@{NEON}/d", at(NEON, ssl=VERIFIED)),
    "Neon with sslmode=prefer": (f"postgres://u:p@{NEON}/d?sslmode=prefer", at(NEON, ssl=VERIFIED)),
    "Neon with sslmode=verify-ca": (
        f"postgres://u:p@{NEON}/d?sslmode=verify-ca",
        at(NEON, ssl=CA_ONLY),
    ),
    "Neon in capitals with a final dot": (
        "postgres://u:p@EP.NEON.TECH./d",
        at("ep.neon.tech", ssl=VERIFIED),
    ),
    "Neon's host as a key": (f"postgres://u:p@/d?host={NEON}", at(NEON, ssl=VERIFIED)),
    "Neon's own test domain": ("postgres://u:p@x.neon.build/d", at("x.neon.build", ssl=VERIFIED)),
    "a host that only sounds like Neon": ("postgres://u:p@evilneon.tech/d", at("evilneon.tech")),
    # Other keys
    "a timeout": ("postgres://u:p@h/d?connect_timeout=3", at("h", timeout=3.0)),
    "half a second": ("postgres://u:p@h/d?connect_timeout=.5", at("h", timeout=0.5)),
    "an application name": (
        "postgres://u:p@h/d?application_name=my%20app+1",
        at("h", settings=named(application_name="my app+1")),
    ),
    "an empty application name": ("postgres://u:p@h/d?application_name=", at("h")),
    "Neon's endpoint": (
        "postgres://u:p@10.0.0.1/d?options=endpoint%3Dep-cool-1a2b",
        at("10.0.0.1", settings=named(options="endpoint=ep-cool-1a2b")),
    ),
    "Neon's endpoint, not encoded": (
        "postgres://u:p@10.0.0.1/d?options=endpoint=ep-cool-1a2b",
        at("10.0.0.1", settings=named(options="endpoint=ep-cool-1a2b")),
    ),
    "stray ampersands": ("postgres://u:p@h/d?&sslmode=prefer&&connect_timeout=10&", at("h")),
    "the same key twice with one value": (
        "postgres://u:p@h/d?ssl=true&ssl=true",
        at("h", ssl=ENCRYPTED),
    ),
    "an empty query and fragment": ("postgres://u:p@h/d?#", at("h")),
}


@pytest.mark.parametrize(("text", "expected"), URLS.values(), ids=URLS.keys())
def test_what_is_connected_with(text: str, expected: Expected) -> None:
    assert connected_with(DatabaseURL.parse(text)) == expected


START = f"postgresql://user:{PASSWORD}@host/db"

ERRORS: dict[str, tuple[str, str]] = {
    "nothing": ("", "not a PostgreSQL URL"),
    "one quote": ("'", "not a PostgreSQL URL"),
    "only a command": ("psql", "not a PostgreSQL URL"),
    "only a scheme": ("postgresql://", "no user name"),
    "MySQL": (f"mysql://user:{PASSWORD}@host/db", "not a PostgreSQL URL"),
    "SQLite": ("sqlite:///file.db", "not a PostgreSQL URL"),
    "HTTP": (f"http://user:{PASSWORD}@host/db", "not a PostgreSQL URL"),
    "JDBC": (f"jdbc:postgresql://host/db?user=u&password={PASSWORD}", "not a PostgreSQL URL"),
    "an empty driver": (f"postgresql+://user:{PASSWORD}@host/db", "not a PostgreSQL URL"),
    "key and value pairs": (f"host=h user=u password={PASSWORD}", "not a PostgreSQL URL"),
    "a missing scheme": (f"user:{PASSWORD}@host/db", "not a PostgreSQL URL"),
    "a password alone": (PASSWORD, "not a PostgreSQL URL"),
    "a quote that nothing closes": (f"'{START}", "not a PostgreSQL URL"),
    "a quote that nothing opens": (f"{START}'", "a quote"),
    "a space inside": (f"{START} x", "white space"),
    "a line end inside": (f"postgresql://user:{PASSWORD}\n@host/db", "white space"),
    "a tab inside": (f"postgresql://us\ter:{PASSWORD}@host/db", "white space"),
    "a NUL inside": (f"{START}\0", "invisible character"),
    "an invisible space inside": (f"{START}\u200b", "invisible character"),
    "a lone surrogate inside": (f"{START}\ud800", "invisible character"),
    "an encoded NUL in the password": (f"postgresql://u:{PASSWORD}%00@h/db", "password: .*NUL"),
    "an encoded NUL in the database": (f"{START}%00", "database: .*NUL"),
    "an encoded NUL in a value": (f"{START}?application_name=%00", "application_name: .*NUL"),
    "a lone percent sign": (f"postgresql://u:{PASSWORD}%@h/db", "password: malformed"),
    "percent-encoding without digits": (f"postgresql://u%zz:{PASSWORD}@h/db", "user name: malf"),
    "percent-encoding of no UTF-8": (f"postgresql://u:{PASSWORD}%ff@h/db", "password: malformed"),
    "a slash in the password": (f"postgresql://u:a/{PASSWORD}@host/db", "percent-encode"),
    "a question mark in the password": (f"postgresql://u:a?{PASSWORD}@host/db", "percent-encode"),
    "a password that looks like a key": (f"postgresql://u:a?{PASSWORD}=1@h/db", "percent-encode"),
    "a hash in the password": (f"postgresql://u:a#{PASSWORD}@host/db", "percent-encode"),
    "an at sign and a slash in it": (f"postgresql://u:a@b/{PASSWORD}@host/db", "percent-encode"),
    "a bracket in the password": (f"postgresql://u:[{PASSWORD}@host/db", "percent-encode"),
    "a sign that normalises to a slash": (f"postgresql://u:{PASSWORD}℀@h/db", "percent-encode"),
    "a fragment": (f"{START}#part", "percent-encode"),
    "no user": ("postgresql://host/db", "no user name"),
    "no user but a password": (f"postgresql://:{PASSWORD}@host/db", "no user name"),
    "a host that was forgotten": (f"postgresql://user:{PASSWORD}", "no user name"),
    "a port of words": (f"postgresql://u:{PASSWORD}@host:port/db", "port: "),
    "port 0": (f"postgresql://u:{PASSWORD}@host:0/db", "port: "),
    "port 65536": (f"postgresql://u:{PASSWORD}@host:65536/db", "port: "),
    "a negative port": (f"postgresql://u:{PASSWORD}@host:-1/db", "port: "),
    "a port of 5000 digits": (f"postgresql://u:{PASSWORD}@host:{'9' * 5000}/db", "port: "),
    "a port in Arabic digits": (f"postgresql://u:{PASSWORD}@host:\u0665\u0664/db", "port: "),
    "a port as a bad key": (f"{START}?port=99999", "port: "),
    "two ports": (f"postgresql://u:{PASSWORD}@host:1/db?port=2", "port: given twice"),
    "an IPv6 address without brackets": (f"postgresql://u:{PASSWORD}@::1/db", "port: .*brackets"),
    "an IPv6 address that is none": (f"postgresql://u:{PASSWORD}@[::g]/db", "host"),
    "an IPv4 address in brackets": (f"postgresql://u:{PASSWORD}@[1.2.3.4]/db", "host"),
    "words after the bracket": (f"postgresql://u:{PASSWORD}@[::1]x/db", "host: "),
    "several hosts": (f"postgresql://u:{PASSWORD}@a,b/db", "host: several"),
    "several hosts with ports": (f"postgresql://u:{PASSWORD}@a:1,b:2/db", "host: several"),
    "several hosts as a key": (f"postgresql://u:{PASSWORD}@/db?host=a,b", "host: several"),
    "two hosts in two places": (f"{START}?host=other", "host: given twice"),
    "a socket beside a real host": (f"{START}?host=/run", "host: given twice"),
    "an empty label in the host": (f"postgresql://u:{PASSWORD}@a..b/db", "host: "),
    "a label of 64 letters": (f"postgresql://u:{PASSWORD}@{'a' * 64}/db", "host: "),
    "a host of 300 letters": (f"postgresql://u:{PASSWORD}@{'aaaa.' * 60}b/db", "host: "),
    "an abstract socket": (f"postgresql://u:{PASSWORD}@%40pg/db", "host: "),
    "a space in the host": (f"postgresql://u:{PASSWORD}@a%20b/db", "host: "),
    "two database names": (f"{START}/more", "database: "),
    "an unknown sslmode": (f"{START}?sslmode=foo", "sslmode: must be one of disable, allow"),
    "an empty sslmode": (f"{START}?sslmode=", "sslmode: "),
    "an sslmode in capitals": (f"{START}?sslmode=REQUIRE", "sslmode: "),
    "an unknown ssl": (f"{START}?ssl=maybe", "ssl: "),
    "ssl against sslmode": (f"{START}?ssl=true&sslmode=disable", "ssl and sslmode"),
    "Neon without TLS": (f"postgresql://u:{PASSWORD}@{NEON}/db?sslmode=disable", "sslmode: Neon"),
    "channel binding without TLS": (
        f"{START}?sslmode=disable&channel_binding=require",
        "sslmode: .*channel_binding",
    ),
    "an unknown channel_binding": (f"{START}?channel_binding=yes", "channel_binding: "),
    "a wrong channel_binding on a socket": ("postgres://u@/d?channel_binding=x", "channel_binding"),
    "a root certificate that is missing": (f"{START}?sslrootcert=/no/file", "sslrootcert: .*/no/"),
    "a timeout of words": (f"{START}?connect_timeout=abc", "connect_timeout: "),
    "a negative timeout": (f"{START}?connect_timeout=-1", "connect_timeout: "),
    "a timeout of 0": (f"{START}?connect_timeout=0", "connect_timeout: "),
    "a timeout that is no number": (f"{START}?connect_timeout=nan", "connect_timeout: "),
    "a timeout without end": (f"{START}?connect_timeout={'9' * 400}", "connect_timeout: "),
    "an empty timeout": (f"{START}?connect_timeout=", "connect_timeout: "),
    "two timeouts": (
        f"{START}?connect_timeout=1&connect_timeout=2",
        "connect_timeout: given twice",
    ),
    "settings as options": (f"{START}?options=-c%20jit%3Doff", "options: .*ALTER ROLE"),
    "an endpoint and a setting": (f"{START}?options=endpoint%3Dep%20-cjit%3Doff", "options: "),
    "an endpoint without a name": (f"{START}?options=endpoint%3D", "options: "),
    "an endpoint outside ASCII": (f"{START}?options=endpoint%3Dé", "options: "),
    "a libpq key that asyncpg lacks": (f"{START}?gssencmode=disable", "unknown key: 'gssencmode'"),
    "a setting as a key": (f"{START}?statement_timeout=5", "unknown key: 'statement_timeout'"),
    "a password as a key": (f"postgres://u@h/d?password={PASSWORD}", "unknown key: 'password'"),
    "a key that is no name": (f"{START}?a-{PASSWORD}/b=1", "unknown key: one of them"),
    "an escaped ampersand": (f"{START}?ssl=true&amp;sslmode=require", "unknown key: one of them"),
}


@pytest.mark.parametrize(("text", "message"), ERRORS.values(), ids=ERRORS.keys())
def test_what_is_refused_and_the_password_is_not_shown(text: str, message: str) -> None:
    with pytest.raises(DatabaseURLError, match=message) as caught:
        DatabaseURL.parse(text)
    assert_error_hides(caught.value, PASSWORD)


def assert_error_hides(error: DatabaseURLError, password: str) -> None:
    trace = "".join(traceback.format_exception(error))
    for shown in (str(error), repr(error), repr(error.args), trace):
        assert password not in shown
    # Log processors may walk these although a traceback does not print them.
    assert error.__cause__ is None
    assert error.__context__ is None


# Migrations


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


def test_the_direct_url_names_one_endpoint_in_host_and_options() -> None:
    url = DatabaseURL.parse(
        "postgres://u:p@ep-x-pooler.neon.tech/d?options=endpoint%3Dep-x-pooler"
    ).direct()
    assert (url.host, url.options) == ("ep-x.neon.tech", "endpoint=ep-x")


# TLS


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


# What is shown


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (NEON_URL, f"postgresql://owner:***@{NEON}:5432/neondb?sslmode=verify-full"),
        ("postgres://u@h:1/d", "postgresql://u@h:1/d?sslmode=prefer"),
        ("postgres://u:p@[::1]/d", "postgresql://u:***@[::1]:5432/d?sslmode=prefer"),
        ("postgres://u@/d?host=/a:b", "postgresql://u@%2Fa%3Ab:5432/d?sslmode=disable"),
        ("postgres://u@/d", "postgresql://u@:5432/d?sslmode=disable"),
        ("postgres://a%0Ab@h/c%20d", "postgresql://a%0Ab@h:5432/c%20d?sslmode=prefer"),
    ],
)
def test_the_masked_url_tells_everything_but_the_password(text: str, masked: str) -> None:
    url = DatabaseURL.parse(text)
    assert url.masked == masked
    assert str(url) == masked


@pytest.mark.parametrize("text", ["postgres://u@[fe80::1%25eth0]/d", "postgres://u@/d?host=/a:b"])
def test_a_masked_url_without_a_password_is_the_url(text: str) -> None:
    url = DatabaseURL.parse(text)
    assert DatabaseURL.parse(url.masked) == url


# Properties

PIECES = ["postgres://", "postgresql+x://", "psql ", "'", "@", ":", "/", "?", "#", "[", "]", "%"]
PIECES += [
    "&",
    "=",
    ",",
    "host",
    "sslmode=",
    "port=",
    "1",
    "::1",
    "%00",
    "%ff",
    "\0",
    "é",
    "u",
    "℀",
]
any_url = st.one_of(
    st.text(),
    st.text().map("postgres://{}".format),
    st.text().map("postgres://u:p@h/d?{}".format),
    st.lists(st.sampled_from(PIECES)).map("".join),
    st.lists(st.sampled_from(PIECES)).map(lambda pieces: "postgres://u:p@" + "".join(pieces)),
)
postgres_text = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1
)
untimed = settings(deadline=None)  # a busy machine is no failure
# Letters in an order that no message, key or line of a traceback has.
secret_core = st.text("QXZJqxzj0279", min_size=8)


@untimed
@given(any_url)
def test_any_text_is_either_read_or_refused(text: str) -> None:
    with suppress(DatabaseURLError):
        url = DatabaseURL.parse(text)
        assert url.user
        assert url.database
        assert 1 <= url.port <= 65535


@untimed
@given(user=postgres_text, password=postgres_text, database=postgres_text)
def test_any_user_password_and_database_survive_percent_encoding(
    user: str, password: str, database: str
) -> None:
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    url = DatabaseURL.parse(f"postgresql://{login}@h/{quote(database, safe='')}")
    assert (url.user, url.password, url.database) == (user, password, database)


def assert_hidden(text: str, secret: str) -> None:
    try:
        url = DatabaseURL.parse(text)
    except DatabaseURLError as error:
        assert_error_hides(error, secret)
        return
    for shown in (repr(url), str(url), f"{url}", url.masked, repr(url.direct())):
        assert secret not in shown


ENDS = ["", "?", "?sslmode=foo", "?key=1", ":x", "/a", "?port=0", "#", "'", " ", "%"]


@untimed
@given(before=st.text(), secret=secret_core, after=st.text(), end=st.sampled_from(ENDS))
def test_no_piece_of_a_password_pasted_without_encoding_is_shown(
    before: str, secret: str, after: str, end: str
) -> None:
    assert_hidden(f"postgresql://user:{before}{secret}{after}@host/db{end}", secret)


@untimed
@given(st.lists(st.sampled_from(PIECES)), secret_core, st.lists(st.sampled_from(PIECES)))
def test_no_piece_of_a_password_full_of_delimiters_is_shown(
    before: list[str], secret: str, after: list[str]
) -> None:
    assert_hidden(f"postgres://user:{''.join(before)}{secret}{''.join(after)}@host/db", secret)


@untimed
@given(before=postgres_text, secret=secret_core, end=st.sampled_from(ENDS))
def test_no_piece_of_an_encoded_password_is_shown(before: str, secret: str, end: str) -> None:
    assert_hidden(f"postgresql://user:{quote(before + secret, safe='')}@host/db{end}", secret)


# On the wire: what asyncpg makes of the arguments

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
