"""A `DATABASE_URL` pasted from anywhere becomes keyword arguments for asyncpg.

The grammar is libpq's (PostgreSQL manual, "Connection URIs"), without its environment variables,
service and password files: what the URL leaves out has a fixed default, so that one text means the
same connection on every machine. Unknown keys are refused, because asyncpg would send them to the
server as settings. No message, `repr` or exception chain of this module contains a password.
"""

import math
import os
import re
import ssl
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import SplitResult, quote, urlsplit

from taskward.database.addresses import (
    DEFAULT_PORT,
    Address,
    DatabaseURLError,
    TargetSession,
    decode,
    is_neon,
    is_socket,
    parse_addresses,
    parse_target,
)
from taskward.database.tls import SSLMode

__all__ = ["DEFAULT_PORT", "DatabaseURL", "DatabaseURLError"]

DEFAULT_CONNECT_TIMEOUT = 10.0  # seconds
DEFAULT_APPLICATION_NAME = "taskward"
SOCKET_DIRECTORIES = ("/run/postgresql", "/var/run/postgresql", "/tmp")  # noqa: S108

_KEYS = ["application_name", "channel_binding", "connect_timeout", "host", "options", "port"]
_KEYS += ["ssl", "sslmode", "sslrootcert", "target_session_attrs"]
_ENCODE = "percent-encode special characters (%2F for /, %3F ?, %23 #, %40 @, %5B [, %5D ])"
_EXPECTED = "expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
_SYSTEM_TRUST_STORE = "system"
_QUOTES = ("'", '"')
_END_OF_AUTHORITY = re.compile(r"[/?#]|$")


@dataclass(frozen=True, slots=True)
class DatabaseURL:
    """Where PostgreSQL is and how to log in; `str` and `repr` hide the password.

    Where several hosts are named, `host` and `port` are the first. `sslmode` is the mode in force,
    which may be stricter than what the URL said.
    """

    host: str
    """A DNS name, an IP address, a socket directory, or nothing: the local server's socket."""
    port: int
    user: str
    password: str | None = field(repr=False)
    database: str
    sslmode: SSLMode = SSLMode.PREFER
    connect_timeout: float = DEFAULT_CONNECT_TIMEOUT
    """Seconds, for each host."""
    application_name: str = DEFAULT_APPLICATION_NAME
    options: str = ""
    """Nothing, or `endpoint=<id>`: which Neon endpoint is meant where the host does not say."""
    sslrootcert: str | None = None
    """A file of PEM certificates to trust instead of the system's, or None."""
    more_addresses: tuple[Address, ...] = ()
    """Where else it may be."""
    target: TargetSession = TargetSession.ANY
    """Which of them is wanted."""

    def __post_init__(self) -> None:
        if any(is_neon(a.host) for a in self.addresses) and not self.sslmode.verifies:
            raise DatabaseURLError(f"sslmode: a Neon host needs verified TLS, not {self.sslmode}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URL as pasted, perhaps in quotes or after `psql`, `NAME=` or `export NAME=`.

        Raises DatabaseURLError, which names the part that is wrong.
        """
        authority, path, query = _split(_unwrap(text))
        keys = _parse_query(query)
        userinfo, _, address = authority.rpartition("@")
        user, password = _parse_userinfo(userinfo)
        addresses = parse_addresses(address, keys)
        return cls(
            *addresses[0],
            user=user,
            password=password,
            database=_parse_database(path) or user,
            sslmode=_resolve_sslmode([a.host for a in addresses], keys),
            connect_timeout=_parse_connect_timeout(keys),
            application_name=keys.get("application_name") or DEFAULT_APPLICATION_NAME,
            options=_parse_options(keys),
            sslrootcert=_parse_sslrootcert(keys),
            more_addresses=addresses[1:],
            target=parse_target(keys, addresses),
        )

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where it may be, in the order in which the places are tried."""
        return (Address(self.host, self.port), *self.more_addresses)

    def at(self, address: Address) -> Self:
        """Return the URL of that one server, whatever it is."""
        target = TargetSession.ANY
        return replace(self, host=address.host, port=address.port, more_addresses=(), target=target)

    def connect_arguments(self) -> dict[str, Any]:
        """Return the keyword arguments for `connect` and `asyncpg.connect`.

        Whatever asyncpg would otherwise look up in PGHOST, PGPASSWORD, ~/.pgpass and the like is
        passed explicitly. One thing cannot be: with sslmode `prefer` and `allow` asyncpg builds the
        TLS context itself and may offer the client certificate in ~/.postgresql or PGSSLCERT.

        Raises DatabaseURLError where the file `sslrootcert` holds no certificates.
        """
        hosts, ports = zip(*_reachable(self.addresses), strict=True)
        return {
            "host": hosts[0] if len(hosts) == 1 else [*hosts],
            "port": ports[0] if len({*ports}) == 1 else [*ports],
            "user": self.user,
            # None would make asyncpg read PGPASSWORD and ~/.pgpass; it sends both alike.
            "password": self.password or "",
            "database": self.database,
            "ssl": self._ssl(),
            "direct_tls": False,
            "timeout": self.connect_timeout,
            "server_settings": self._server_settings(),
            "target_session_attrs": self.target.value,
            "krbsrvname": "postgres",
            "gsslib": "sspi" if sys.platform == "win32" else "gssapi",
        }

    def direct(self) -> Self:
        """Return the URL of the server behind Neon's pooler, or an equal one where there is none.

        Migrations and advisory locks need a session, which a transaction-mode pooler does not keep.
        """
        first, *more = (Address(_direct_host(a.host), a.port) for a in self.addresses)
        # Neon refuses a connection whose host and endpoint option name different endpoints.
        options = self.options.removesuffix("-pooler")
        return replace(self, host=first.host, more_addresses=tuple(more), options=options)

    @property
    def masked(self) -> str:
        """The URL for logs, with `***` where there is a password."""
        password = "" if self.password is None else ":***"
        target = "" if self.target is TargetSession.ANY else f"&target_session_attrs={self.target}"
        return (
            f"postgresql://{quote(self.user, safe='')}{password}@{self.places}"
            f"/{quote(self.database, safe='')}?sslmode={self.sslmode}{target}"
        )

    @property
    def places(self) -> str:
        """The hosts and ports, as they stand in a URL."""
        return ",".join(f"{_quoted_host(host)}:{port}" for host, port in self.addresses)

    def __str__(self) -> str:
        return self.masked

    def _server_settings(self) -> dict[str, str]:
        # Nothing else by default: Neon's pooler refuses start-up parameters it does not know.
        settings = {"application_name": self.application_name}
        if self.options:
            settings["options"] = self.options
        return settings

    def _ssl(self) -> ssl.SSLContext | str | bool:
        if self.sslmode is SSLMode.DISABLE:
            return False
        if self.sslmode in {SSLMode.ALLOW, SSLMode.PREFER}:
            return self.sslmode.value
        try:
            return self.sslmode.context(self.sslrootcert)
        except OSError:
            msg = f"sslrootcert: no certificates in {self.sslrootcert!r}"
            raise DatabaseURLError(msg) from None


def _unwrap(text: str) -> str:
    for _ in range(6):  # export, NAME=, quotes, psql, quotes, and one to spare
        text = _peel(text.strip())
    return text.strip()


def _peel(text: str) -> str:
    if text.startswith(_QUOTES) and len(text) > 1 and text[0] == text[-1]:
        return text[1:-1]
    name, assigned, value = text.partition("=")
    if assigned and name.strip().isidentifier():
        return value
    command, *rest = text.split(maxsplit=1) or [""]
    return rest[0] if rest and command in {"export", "psql"} else text


def _split(url: str) -> tuple[str, str, str]:
    """Return the authority, path and query of a PostgreSQL URL, all still percent-encoded."""
    scheme, separator, rest = url.partition("://")
    name, plus, driver = scheme.lower().partition("+")
    is_known = name in {"postgres", "postgresql"} and (driver.isidentifier() or not plus)
    if not (separator and is_known):
        raise DatabaseURLError(f"not a PostgreSQL URL: {_EXPECTED}")
    _check_raw_characters(rest)
    end = _END_OF_AUTHORITY.search(rest).start()  # type: ignore[union-attr]
    authority, parts = rest[:end], urlsplit("//host" + rest[end:])
    _check_authority(authority)
    # A raw / ? or # in a password ends the authority early and leaves its @ further on. Without
    # this check the rest of the password would be taken for a database or a key, and be shown.
    if parts.fragment or "@" in parts.path + parts.query:
        raise DatabaseURLError(f"user name, password or value of a key: {_ENCODE}")
    return authority, parts.path, parts.query


def _check_raw_characters(rest: str) -> None:
    # urlsplit would silently remove tabs and line ends.
    if not rest.isprintable() or " " in rest:
        raise DatabaseURLError("white space or an invisible character inside the URL")
    if rest.endswith(_QUOTES):
        raise DatabaseURLError("a quote at the end of the URL that none at its start matches")


def _check_authority(authority: str) -> None:
    """Refuse what no URL of one host could have, whichever of several it is."""
    userinfo, at, addresses = authority.rpartition("@")
    for address in addresses.split(","):
        if _urlsplit(userinfo + at + address) is None:
            raise DatabaseURLError(f"user name, password or host: {_ENCODE}")


def _urlsplit(rest: str) -> SplitResult | None:
    # None instead of an error, because urlsplit's own error quotes the password and would stay
    # visible as the context of one raised while it is handled.
    try:
        return urlsplit("//" + rest)
    except ValueError:
        return None


def _parse_query(query: str) -> dict[str, str]:
    keys: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        # Not parse_qsl: to libpq a plus sign is a plus sign.
        raw_key, _, raw_value = pair.partition("=")
        key = decode(raw_key, "a key")
        if key not in _KEYS:
            # Anything but a name may be a piece of something secret.
            shown = repr(key) if key.isascii() and key.isidentifier() else "one of them"
            raise DatabaseURLError(f"unknown key: {shown}; known are {', '.join(_KEYS)}")
        value = decode(raw_value, key)
        if keys.setdefault(key, value) != value:
            raise DatabaseURLError(f"{key}: given twice, with different values")
    return keys


def _parse_userinfo(userinfo: str) -> tuple[str, str | None]:
    user, _, password = userinfo.partition(":")
    if not user:
        raise DatabaseURLError(f"no user name: {_EXPECTED}")
    return decode(user, "user name"), decode(password, "password") or None


def _parse_database(path: str) -> str:
    raw = path.removeprefix("/")
    if "/" in raw:
        raise DatabaseURLError("database: more than one name; a / inside a name is written %2F")
    return decode(raw, "database")


def _reachable(addresses: Sequence[Address]) -> list[Address]:
    """Name the directories where the local server's socket may be."""
    return [
        Address(host, port)
        for name, port in addresses
        for host in ([name] if name else SOCKET_DIRECTORIES)
    ]


def _direct_host(host: str) -> str:
    label, dot, domain = host.partition(".")
    return label.removesuffix("-pooler") + dot + domain if is_neon(host) else host


def _quoted_host(host: str) -> str:
    if is_socket(host):
        return quote(host, safe="")
    quoted = quote(host, safe=":")
    return f"[{quoted}]" if ":" in quoted else quoted


def _resolve_sslmode(hosts: Sequence[str], keys: Mapping[str, str]) -> SSLMode:
    given = _parse_sslmode(keys)
    required = _required_sslmode(hosts, keys)
    if all(map(is_socket, hosts)):  # as with libpq, whatever the URL says
        return SSLMode.DISABLE
    if given and given.verifies:
        return given
    if required and given is SSLMode.DISABLE:
        raise DatabaseURLError("sslmode: Neon, channel_binding=require and sslrootcert need TLS")
    return required or given or SSLMode.PREFER


def _required_sslmode(hosts: Sequence[str], keys: Mapping[str, str]) -> SSLMode | None:
    """Return the verification that the rest of the URL asks for, whatever its sslmode says.

    `channel_binding=require` (Neon's copy button writes it) asks for proof that nobody sits between
    client and server. asyncpg's SCRAM has no channel binding; a certificate verified for the host's
    name gives the same proof. A root certificate raises `require` to `verify-ca`, as in libpq.
    """
    channel_binding = keys.get("channel_binding", "prefer")
    if channel_binding not in {"disable", "prefer", "require"}:
        raise DatabaseURLError("channel_binding: must be disable, prefer or require")
    sslrootcert = keys.get("sslrootcert")
    if (
        any(map(is_neon, hosts))
        or channel_binding == "require"
        or sslrootcert == _SYSTEM_TRUST_STORE
    ):
        return SSLMode.VERIFY_FULL
    return SSLMode.VERIFY_CA if sslrootcert else None


def _parse_sslmode(keys: Mapping[str, str]) -> SSLMode | None:
    modes = {_read_sslmode(name, keys[name]) for name in ("sslmode", "ssl") if name in keys}
    if len(modes) > 1:
        raise DatabaseURLError("ssl and sslmode: different values")
    return next(iter(modes), None)


def _read_sslmode(name: str, value: str) -> SSLMode:
    if name == "ssl":  # drivers other than libpq also have a boolean
        value = {"true": SSLMode.REQUIRE, "false": SSLMode.DISABLE}.get(value, value)
    if value not in set(SSLMode):
        raise DatabaseURLError(f"{name}: must be one of {', '.join(SSLMode)}")
    return SSLMode(value)


def _parse_sslrootcert(keys: Mapping[str, str]) -> str | None:
    path = keys.get("sslrootcert")
    if not path or path == _SYSTEM_TRUST_STORE:
        return None
    if not os.access(path, os.R_OK):
        raise DatabaseURLError(f"sslrootcert: cannot read the file {path!r}")
    return path


def _parse_connect_timeout(keys: Mapping[str, str]) -> float:
    value = keys.get("connect_timeout", str(DEFAULT_CONNECT_TIMEOUT))
    is_number = value.isascii() and value.replace(".", "", 1).isdigit()
    seconds = float(value) if is_number else math.nan
    if not 0 < seconds < math.inf:
        raise DatabaseURLError("connect_timeout: must be a number of seconds above 0")
    return seconds


def _parse_options(keys: Mapping[str, str]) -> str:
    options = keys.get("options", "")
    name, _, endpoint = options.partition("=")
    is_endpoint = name == "endpoint" and endpoint.isascii() and endpoint.replace("-", "").isalnum()
    if options and not is_endpoint:
        raise DatabaseURLError("options: only endpoint=… is known; for others ALTER ROLE … SET")
    return options
