"""Whose request it is: the network address that sessions show and rate limits count."""

from ipaddress import IPv6Address, ip_address

from starlette.requests import HTTPConnection

CLIENT_IS_PEER = "client_is_peer"
"""In the state that a lifespan gives to its requests: nobody replaces the socket's own address."""
_UNKNOWN = "127.0.0.1"
_IPV6_NETWORK_BITS = 64


def client_address(connection: HTTPConnection, trusted_hops: int) -> str:
    """Return the client's address; IPv6 is cut to its /64, which one customer usually owns.

    Args:
        connection: the request.
        trusted_hops: how many proxies of ours append to `X-Forwarded-For`. With 0 the header is
            ignored, because anybody can send it.
    """
    forwarded = ",".join(connection.headers.getlist("x-forwarded-for"))
    entries = [entry for entry in forwarded.split(",") if entry.strip()]
    peer = _peer(connection, entries) or _UNKNOWN
    if 0 < trusted_hops <= len(entries):
        return _parse(entries[-trusted_hops])[0] or peer
    return peer


def _peer(connection: HTTPConnection, forwarded: list[str]) -> str | None:
    """uvicorn by default replaces a loopback peer by what `X-Forwarded-For` says: not believed.

    It leaves port 0 behind, or the port that the header names. A client's own port may be named as
    well; so where it is known that nothing was replaced, the header is not looked at.
    """
    if connection.client is None:
        return None
    host, port = connection.client
    address, _ = _parse(host)
    if connection.scope.get("state", {}).get(CLIENT_IS_PEER):
        return address
    likely = (entry for entry in forwarded if host in entry)
    ports = {named for each, named in map(_parse, likely) if each == address}
    return None if ports and (port == 0 or port in ports) else address


def _parse(text: str) -> tuple[str | None, int]:
    """Read an address alone, `v4:port`, `[v6]` or `[v6]:port`, as different proxies write them.

    Returns:
        the address, None if it is none; the port, 0 if there is none.
    """
    host, port = text.strip(), ""
    if host.startswith("["):
        host, _, port = host[1:].partition("]")
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
    return _normalized(host.strip()), _number(port.strip().removeprefix(":"))


def _number(text: str) -> int:
    """As uvicorn reads it: `:080`, `:+80` and `: 80` are 80."""
    try:
        return int(text)
    except ValueError:
        return 0


def _normalized(text: str) -> str | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    host_bits = 128 - _IPV6_NETWORK_BITS
    return IPv6Address(int(address) >> host_bits << host_bits).exploded
