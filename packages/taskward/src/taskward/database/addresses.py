"""The servers that a `DATABASE_URL` names, as libpq reads them, and which of them is meant.

Several are separated by commas, before the path or in the keys `host` and `port`:
`h1:5432,h2:5433`, or `host=h1,h2&port=5432,5433`. One port in the key is that of all.
"""

import ipaddress
import string
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import unquote

DEFAULT_PORT = 5432
_MAX_HOSTS = 16
_NAME_CHARACTERS = frozenset(string.ascii_lowercase + string.digits + "-_.")


class DatabaseURLError(ValueError):
    """Why a database URL is refused. The message is safe to show: it never contains a password."""


class Address(NamedTuple):
    """Where one server listens: a DNS name, an IP address, a socket directory, or nothing."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host and not is_socket(self.host) else self.host
        return f"{host}:{self.port}"


class TargetSession(StrEnum):
    """Which of several servers is wanted: libpq's `target_session_attrs`."""

    ANY = "any"
    READ_WRITE = "read-write"
    READ_ONLY = "read-only"
    PRIMARY = "primary"
    STANDBY = "standby"
    PREFER_STANDBY = "prefer-standby"

    @property
    def takes_writes(self) -> bool:
        """Whether what is found can be the server's database, which is written to."""
        return self in {TargetSession.ANY, TargetSession.READ_WRITE, TargetSession.PRIMARY}


def parse_addresses(before_path: str, keys: Mapping[str, str]) -> tuple[Address, ...]:
    """Return the addresses in the order in which they are to be tried.

    Raises:
        DatabaseURLError: what is wrong with a host or a port.
    """
    pieces = [_split_port(piece) for piece in before_path.split(",")]
    hosts = _choose_hosts([decode(host, "host") for host, _ in pieces], keys.get("host", ""))
    ports = _choose_ports([port for _, port in pieces], keys.get("port", ""), len(hosts))
    return tuple(Address(host, port) for host, port in zip(hosts, ports, strict=True))


def parse_target(keys: Mapping[str, str], addresses: Sequence[Address]) -> TargetSession:
    """Return which server is wanted: of several by default the one that takes writes.

    libpq's default is any. But the first that answers may be a standby, with which nothing of
    ours works.
    """
    default = TargetSession.READ_WRITE if len(addresses) > 1 else TargetSession.ANY
    value = keys.get("target_session_attrs", default)
    if value not in set(TargetSession):
        expected = ", ".join(TargetSession)
        raise DatabaseURLError(f"target_session_attrs: must be one of {expected}")
    return TargetSession(value)


def is_socket(host: str) -> bool:
    """Whether it is a directory with a socket in it, or nothing: the local server's."""
    return not host or host.startswith("/")


def is_neon(host: str) -> bool:
    """Whether the host is one of Neon's."""
    return host.endswith((".neon.tech", ".neon.build"))


def decode(raw: str, part: str) -> str:
    """Return a part of a URL without its percent-encoding.

    Raises:
        DatabaseURLError: it is malformed, or has a NUL in it.
    """
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


def _split_port(address: str) -> tuple[str, str]:
    bracketed, bracket, rest = address.rpartition("]")
    name, _, port = rest.partition(":")
    return bracketed + bracket + name, port


def _choose_hosts(before_path: list[str], key: str) -> list[str]:
    named = key.split(",") if key else before_path
    # Prisma wants "localhost" in front of a socket directory: postgresql://u@localhost/d?host=/run
    is_placeholder = before_path == ["localhost"] and key.startswith("/")
    if key and before_path not in ([""], named) and not is_placeholder:
        raise DatabaseURLError("host: given twice, with different values")
    if len(named) > _MAX_HOSTS:
        raise DatabaseURLError(f"host: at most {_MAX_HOSTS}")
    return [_checked_host(host) for host in named]


def _checked_host(host: str) -> str:
    canonical = _canonical_host(host)
    if canonical is None:
        raise DatabaseURLError("host: not a host name, an IP address or the path of a directory")
    return canonical


def _canonical_host(host: str) -> str | None:
    if is_socket(host):
        return None if "," in host else host
    try:
        if ":" in host:
            return str(ipaddress.IPv6Address(host.removeprefix("[").removesuffix("]")))
        name = host.encode("idna").decode("ascii").lower().removesuffix(".")
    except ValueError:  # of which UnicodeError and AddressValueError are kinds
        return None
    return name if set(name) <= _NAME_CHARACTERS and 0 < len(name) <= 253 else None


def _choose_ports(before_path: list[str], key: str, hosts: int) -> list[int]:
    given = _for_each(before_path, hosts) if any(before_path) else []
    named = _for_each(key.split(","), hosts) if key else []
    if given and named and given != named:
        raise DatabaseURLError("port: given twice, with different values")
    return given or named or [DEFAULT_PORT] * hosts


def _for_each(ports: list[str], hosts: int) -> list[int]:
    if len(ports) not in {1, hosts}:
        raise DatabaseURLError(f"port: {len(ports)} for {hosts} hosts; give one for all, or each")
    numbers = [_parse_port(port) if port else DEFAULT_PORT for port in ports]
    return numbers if len(numbers) == hosts else numbers * hosts


def _parse_port(raw: str) -> int:
    number = int(raw) if raw.isascii() and raw.isdigit() and len(raw) <= 5 else 0
    if not 1 <= number <= 65535:
        raise DatabaseURLError("port: must be from 1 to 65535; an IPv6 address needs brackets")
    return number
