"""Whose request it is: the network address that sessions show and rate limits count."""

from ipaddress import IPv6Address, ip_address

from starlette.requests import HTTPConnection

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
    addresses = [address.strip() for address in forwarded.split(",") if address.strip()]
    peer = _peer(connection, addresses)
    if 0 < trusted_hops <= len(addresses):
        return _normalized(addresses[-trusted_hops]) or _normalized(peer) or _UNKNOWN
    return _normalized(peer) or _UNKNOWN


def _peer(connection: HTTPConnection, forwarded: list[str]) -> str:
    """uvicorn by default replaces a loopback peer by what `X-Forwarded-For` says: not believed.

    It leaves port 0 behind, or the port that the header names.
    """
    if connection.client is None:
        return _UNKNOWN
    host, port = connection.client
    spellings = {host, f"[{host}]"} if port == 0 else {f"{host}:{port}", f"[{host}]:{port}"}
    return host if spellings.isdisjoint(forwarded) else _UNKNOWN


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
