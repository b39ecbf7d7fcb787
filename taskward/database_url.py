"""A `DATABASE_URL` pasted from anywhere becomes keyword arguments for asyncpg.

The grammar is libpq's (PostgreSQL manual, "Connection URIs"), without its environment variables,
service and password files: what the URL leaves out has a fixed default, so that one text means the
same connection on every machine. Unknown keys are refused, because asyncpg would send them to the
server as settings. No message, `repr` or exception chain of this module contains a password.
"""

import ipaddress
import math
import os
import ssl
import string
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import SplitResult, quote, unquote, urlsplit

from taskward.sslmode import SSLMode

DEFAULT_PORT = 5432
DEFAULT_CONNECT_TIMEOUT = 10.0  # seconds
DEFAULT_APPLICATION_NAME = "taskward"
SOCKET_DIRECTORIES = ("/run/postgresql", "/var/run/postgresql", "/tmp")  # noqa: S108

_KEYS = ["application_name", "channel_binding", "connect_timeout", "host", "options", "port"]
_KEYS += ["ssl", "sslmode", "sslrootcert"]
_ENCODE = "percent-encode special characters (%2F for /, %3F ?, %23 #, %40 @, %5B [, %5D ])"
_EXPECTED = "expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
_SYSTEM_TRUST_STORE = "system"
_QUOTES = ("'", '"')
_NAME_CHARACTERS = frozenset(string.ascii_lowercase + string.digits + "-_.")


class DatabaseURLError(ValueError):
    """Why a database URL is refused. The message is safe to show: it never contains a password."""


@dataclass(frozen=True, slots=True)
class DatabaseURL:
    """Where PostgreSQL is and how to log in; `str` and `repr` hide the password.

    `sslmode` is the mode in force, which may be stricter than what the URL said.
    """

    host: str
    """A DNS name, an IP address, a socket directory, or nothing: the local server's socket."""
    port: int
    user: str
    password: str | None = field(repr=False)
    database: str
    sslmode: SSLMode = SSLMode.PREFER
    connect_timeout: float = DEFAULT_CONNECT_TIMEOUT
    """Seconds."""
    application_name: str = DEFAULT_APPLICATION_NAME
    options: str = ""
    """Nothing, or `endpoint=<id>`: which Neon endpoint is meant where the host does not say."""
    sslrootcert: str | None = None
    """A file of PEM certificates to trust instead of the system's, or None."""

    def __post_init__(self) -> None:
        if _is_neon(self.host) and not self.sslmode.verifies:
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
        host, port = _parse_address(address, keys)
        return cls(
            host=host,
            port=port,
            user=user,
            password=password,
            database=_parse_database(path) or user,
            sslmode=_resolve_sslmode(host, keys),
            connect_timeout=_parse_connect_timeout(keys),
            application_name=keys.get("application_name") or DEFAULT_APPLICATION_NAME,
            options=_parse_options(keys),
            sslrootcert=_parse_sslrootcert(keys),
        )

    def connect_arguments(self) -> dict[str, Any]:
        """Return the keyword arguments for `asyncpg.connect` and `asyncpg.create_pool`.

        Whatever asyncpg would otherwise look up in PGHOST, PGPASSWORD, ~/.pgpass and the like is
        passed explicitly. One thing cannot be: with sslmode `prefer` and `allow` asyncpg builds the
        TLS context itself and may offer the client certificate in ~/.postgresql or PGSSLCERT.

        Raises DatabaseURLError where the file `sslrootcert` holds no certificates.
        """
        return {
            "host": self.host or list(SOCKET_DIRECTORIES),
            "port": self.port,
            "user": self.user,
            # None would make asyncpg read PGPASSWORD and ~/.pgpass; it sends both alike.
            "password": self.password or "",
            "database": self.database,
            "ssl": self._ssl(),
            "direct_tls": False,
            "timeout": self.connect_timeout,
            "server_settings": self._server_settings(),
            "target_session_attrs": "any",
            "krbsrvname": "postgres",
            "gsslib": "sspi" if sys.platform == "win32" else "gssapi",
        }

    def direct(self) -> Self:
        """Return the URL of the server behind Neon's pooler, or an equal one where there is none.

        Migrations and advisory locks need a session, which a transaction-mode pooler does not keep.
        """
        label, dot, domain = self.host.partition(".")
        host = label.removesuffix("-pooler") + dot + domain if _is_neon(self.host) else self.host
        # Neon refuses a connection whose host and endpoint option name different endpoints.
        return replace(self, host=host, options=self.options.removesuffix("-pooler"))

    @property
    def masked(self) -> str:
        """The URL for logs, with `***` where there is a password."""
        password = "" if self.password is None else ":***"
        host = quote(self.host, safe="") if _is_socket(self.host) else quote(self.host, safe=":")
        host = f"[{host}]" if ":" in host else host
        return (
            f"postgresql://{quote(self.user, safe='')}{password}@{host}:{self.port}"
            f"/{quote(self.database, safe='')}?sslmode={self.sslmode}"
        )

    def __str__(self) -> str:
        return self.masked

    def _server_settings(self) -> dict[str, str]:
        # Nothing else by default: Neon's pooler refuses start-up parameters it does not know.
        settings = {"application_name": self.application_name}
        if self.options:
            settings["options"] = self.options
        return settings

    def _ssl(self) -> ssl.SSLContext | str | bool:
        if self.sslmode is SSLMode.DISABLE or _is_socket(self.host):
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
    parts = _urlsplit(rest)
    if parts is None:
        raise DatabaseURLError(f"user name, password or host: {_ENCODE}")
    # A raw / ? or # in a password ends the authority early and leaves its @ further on. Without
    # this check the rest of the password would be taken for a database or a key, and be shown.
    if parts.fragment or "@" in parts.path + parts.query:
        raise DatabaseURLError(f"user name, password or value of a key: {_ENCODE}")
    return parts.netloc, parts.path, parts.query


def _check_raw_characters(rest: str) -> None:
    # urlsplit would silently remove tabs and line ends.
    if not rest.isprintable() or " " in rest:
        raise DatabaseURLError("white space or an invisible character inside the URL")
    if rest.endswith(_QUOTES):
        raise DatabaseURLError("a quote at the end of the URL that none at its start matches")


def _urlsplit(rest: str) -> SplitResult | None:
    # None instead of an error, because urlsplit's own error quotes the password and would stay
    # visible as the context of one raised while it is handled.
    try:
        return urlsplit("//" + rest)
    except ValueError:
        return None


def _decode(raw: str, part: str) -> str:
    decoded = _unquote(raw)
    if decoded is None:
        raise DatabaseURLError(f"{part}: malformed percent-encoding; a literal % is written %25")
    if "\0" in decoded:
        raise DatabaseURLError(f"{part}: PostgreSQL has no NUL character")
    return decoded


def _unquote(raw: str) -> str | None:
    escapes = [piece[:2] for piece in raw.split("%")[1:]]
    if not all(len(hex_) == 2 and set(hex_) <= set(string.hexdigits) for hex_ in escapes):
        return None
    try:
        return unquote(raw, errors="strict")
    except UnicodeDecodeError:
        return None


def _parse_query(query: str) -> dict[str, str]:
    keys: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        # Not parse_qsl: to libpq a plus sign is a plus sign.
        raw_key, _, raw_value = pair.partition("=")
        key = _decode(raw_key, "a key")
        if key not in _KEYS:
            # Anything but a name may be a piece of something secret.
            shown = repr(key) if key.isascii() and key.isidentifier() else "one of them"
            raise DatabaseURLError(f"unknown key: {shown}; known are {', '.join(_KEYS)}")
        value = _decode(raw_value, key)
        if keys.setdefault(key, value) != value:
            raise DatabaseURLError(f"{key}: given twice, with different values")
    return keys


def _parse_userinfo(userinfo: str) -> tuple[str, str | None]:
    user, _, password = userinfo.partition(":")
    if not user:
        raise DatabaseURLError(f"no user name: {_EXPECTED}")
    return _decode(user, "user name"), _decode(password, "password") or None


def _parse_database(path: str) -> str:
    raw = path.removeprefix("/")
    if "/" in raw:
        raise DatabaseURLError("database: more than one name; a / inside a name is written %2F")
    return _decode(raw, "database")


def _parse_address(address: str, keys: Mapping[str, str]) -> tuple[str, int]:
    bracketed, bracket, rest = address.rpartition("]")
    name, _, port = rest.partition(":")
    host = _decode(bracketed + bracket + name, "host")
    if "," in address + host + keys.get("host", ""):
        raise DatabaseURLError("host: several hosts; name one")
    ports = {_parse_port(given) for given in (port, keys.get("port", "")) if given}
    if len(ports) > 1:
        raise DatabaseURLError("port: given twice, with different values")
    return _choose_host(host, keys.get("host", "")), next(iter(ports), DEFAULT_PORT)


def _choose_host(before_path: str, key: str) -> str:
    # Prisma wants "localhost" in front of a socket directory: postgresql://u@localhost/d?host=/run
    is_placeholder = before_path == "localhost" and key.startswith("/")
    if key and before_path not in {"", key} and not is_placeholder:
        raise DatabaseURLError("host: given twice, with different values")
    host = _canonical_host(key or before_path)
    if host is None:
        raise DatabaseURLError("host: not a host name, an IP address or the path of a directory")
    return host


def _canonical_host(host: str) -> str | None:
    if _is_socket(host):
        return host
    try:
        if ":" in host:
            return str(ipaddress.IPv6Address(host.removeprefix("[").removesuffix("]")))
        name = host.encode("idna").decode("ascii").lower().removesuffix(".")
    except ValueError:  # of which UnicodeError and AddressValueError are kinds
        return None
    return name if set(name) <= _NAME_CHARACTERS and 0 < len(name) <= 253 else None


def _parse_port(raw: str) -> int:
    number = int(raw) if raw.isascii() and raw.isdigit() and len(raw) <= 5 else 0
    if not 1 <= number <= 65535:
        raise DatabaseURLError("port: must be from 1 to 65535; an IPv6 address needs brackets")
    return number


def _is_socket(host: str) -> bool:
    return not host or host.startswith("/")


def _is_neon(host: str) -> bool:
    return host.endswith((".neon.tech", ".neon.build"))


def _resolve_sslmode(host: str, keys: Mapping[str, str]) -> SSLMode:
    given = _parse_sslmode(keys)
    required = _required_sslmode(host, keys)
    if _is_socket(host):  # as with libpq, whatever the URL says
        return SSLMode.DISABLE
    if given and given.verifies:
        return given
    if required and given is SSLMode.DISABLE:
        raise DatabaseURLError("sslmode: Neon, channel_binding=require and sslrootcert need TLS")
    return required or given or SSLMode.PREFER


def _required_sslmode(host: str, keys: Mapping[str, str]) -> SSLMode | None:
    """Return the verification that the rest of the URL asks for, whatever its sslmode says.

    `channel_binding=require` (Neon's copy button writes it) asks for proof that nobody sits between
    client and server. asyncpg's SCRAM has no channel binding; a certificate verified for the host's
    name gives the same proof. A root certificate raises `require` to `verify-ca`, as in libpq.
    """
    channel_binding = keys.get("channel_binding", "prefer")
    if channel_binding not in {"disable", "prefer", "require"}:
        raise DatabaseURLError("channel_binding: must be disable, prefer or require")
    sslrootcert = keys.get("sslrootcert")
    if _is_neon(host) or channel_binding == "require" or sslrootcert == _SYSTEM_TRUST_STORE:
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
