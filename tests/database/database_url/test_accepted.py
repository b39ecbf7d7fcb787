"""A database URL pasted from anywhere: what is connected with."""

from typing import Any

import pytest

from taskward.database.url import SOCKET_DIRECTORIES, DatabaseURL
from tests.database.database_url.samples import (
    CA_ONLY,
    ENCRYPTED,
    NEON,
    NEON_URL,
    PASSWORD,
    VERIFIED,
    describe_tls,
)

Expected = dict[str, Any]


def at(host: str | list[str], /, **others: Any) -> Expected:
    expected = {"host": host, "port": 5432, "user": "u", "password": "p", "database": "d"}
    defaults = {"ssl": "prefer", "timeout": 10.0, "settings": {"application_name": "taskward"}}
    return expected | {"target": "any"} | defaults | others


def either(hosts: list[str], **others: Any) -> Expected:
    return at(hosts, **({"target": "read-write"} | others))


def at_neon(host: str = NEON, **others: Any) -> Expected:
    login = {"user": "owner", "password": PASSWORD, "database": "neondb", "ssl": VERIFIED}
    return at(host, **(login | others))


def at_socket(directory: str | list[str], **others: Any) -> Expected:
    return at(directory, **({"ssl": False, "password": ""} | others))


def named(**settings: str) -> dict[str, str]:
    return {"application_name": "taskward"} | settings


def connected_with(url: DatabaseURL) -> Expected:
    arguments = url.connect_arguments()
    names = ("host", "port", "user", "password", "database", "timeout")
    shown = {name: arguments[name] for name in names}
    return shown | {
        "ssl": describe_tls(arguments["ssl"]),
        "settings": arguments["server_settings"],
        "target": arguments["target_session_attrs"],
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
    # Several hosts
    "two hosts": ("postgres://u:p@a,b/d", either(["a", "b"])),
    "two hosts and ports": ("postgres://u:p@a:1,b:2/d", either(["a", "b"], port=[1, 2])),
    "a port for the second": ("postgres://u:p@a,b:2/d", either(["a", "b"], port=[5432, 2])),
    "two hosts as a key": ("postgres://u:p@/d?host=a,b", either(["a", "b"])),
    "hosts and ports as keys": (
        "postgres://u:p@/d?host=a,b&port=1,2",
        either(["a", "b"], port=[1, 2]),
    ),
    "hosts and ports as encoded keys": (
        "postgres://u:p@/d?host=a%2Cb&port=1%2C2",
        either(["a", "b"], port=[1, 2]),
    ),
    "one port for all hosts": ("postgres://u:p@/d?host=a,b&port=6", either(["a", "b"], port=6)),
    "hosts before the path, ports as a key": (
        "postgres://u:p@a,b/d?port=1,",
        either(["a", "b"], port=[1, 5432]),
    ),
    "the same hosts twice": ("postgres://u:p@a,b/d?host=a,b", either(["a", "b"])),
    "IPv6 addresses": ("postgres://u:p@[::1]:1,[::2]/d", either(["::1", "::2"], port=[1, 5432])),
    "a name and an IPv6 address": ("postgres://u:p@a,[::2]/d", either(["a", "::2"])),
    "sockets of two servers": (
        "postgres://u@/d?host=/a,/b",
        either(["/a", "/b"], ssl=False, password=""),
    ),
    "the local server first, then another": (
        "postgres://u:p@,b/d",
        either([*SOCKET_DIRECTORIES, "b"]),
    ),
    "a comma in the password": ("postgres://u:p,q@a,b/d", either(["a", "b"], password="p,q")),
    "Neon among others": (f"postgres://u:p@a,{NEON}/d", either(["a", NEON], ssl=VERIFIED)),
    "a kind of session for one host": (
        "postgres://u:p@h/d?target_session_attrs=read-write",
        at("h", target="read-write"),
    ),
    **{
        f"{kind} of several": (
            f"postgres://u:p@a,b/d?target_session_attrs={kind}",
            either(["a", "b"], target=kind),
        )
        for kind in ("any", "read-write", "read-only", "primary", "standby", "prefer-standby")
    },
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
