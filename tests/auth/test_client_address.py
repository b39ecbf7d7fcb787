"""The client's address: what a proxy of ours says, never what anybody can write into a header."""

import asyncio
import time
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from authward.security.client_ip import client_address

PEER = "203.0.113.7"
NET = "2001:0db8:0001:0002:0000:0000:0000:0000"


def address(
    forwarded: str | list[str] | None,
    *,
    hops: int,
    peer: str | None = PEER,
    port: int = 50_000,
) -> str:
    """The address of a request from this peer with these `X-Forwarded-For` headers."""
    values = [forwarded] if isinstance(forwarded, str) else forwarded or []
    scope = {
        "type": "http",
        "client": None if peer is None else (peer, port),
        "headers": [(b"x-forwarded-for", value.encode("latin-1")) for value in values],
    }
    return client_address(HTTPConnection(scope), hops)


@pytest.mark.parametrize(
    "forwarded",
    [
        None,
        "",
        "198.51.100.1",
        "198.51.100.1, 198.51.100.2",
        "127.0.0.1",
        PEER,
        f"{PEER}, {PEER}",
        f"1{PEER}",
        f"{PEER}7",
        "unknown",
        "é",
        ["198.51.100.1", "198.51.100.2"],
    ],
    ids=ascii,
)
def test_without_a_proxy_of_ours_the_header_says_nothing(forwarded: str | list[str] | None) -> None:
    assert address(forwarded, hops=0) == PEER


LOOPBACK = ("127.0.0.1", 50_000)
ADDRESSES = ["198.51.100.7", "[2001:db8::7]", "2001:db8::7", "127.0.0.1", "[198.51.100.7]", "x", ""]
PORTS = ["", ":0", ":080", ":+80", ": 80", ":8_0", ":", ":x", "80", " :80", ":-1", ":٨", ":\t1 "]


async def behind_uvicorns_own_middleware(header: bytes) -> str:
    """The address as it is seen where uvicorn is started without a word about proxies."""
    seen: list[str] = []

    async def app(scope: Scope, _: Receive, __: Send) -> None:
        seen.append(client_address(HTTPConnection(scope), 0))

    scope = {"type": "http", "client": LOOPBACK, "headers": [(b"x-forwarded-for", header)]}
    await ProxyHeadersMiddleware(app, "127.0.0.1,::1")(scope, None, None)  # type: ignore[arg-type]
    return seen[0]


@pytest.mark.parametrize("port", PORTS, ids=ascii)
@pytest.mark.parametrize("forwarded", ADDRESSES)
async def test_a_peer_that_uvicorn_took_from_the_header_is_not_believed(
    forwarded: str, port: str
) -> None:
    for header in (forwarded + port, f"10.0.0.1, {forwarded}{port}", f" {forwarded}{port}\t,, "):
        assert await behind_uvicorns_own_middleware(header.encode()) == "127.0.0.1"


@given(
    st.lists(st.tuples(st.sampled_from(ADDRESSES) | st.ip_addresses().map(str), st.text(" :+80"))),
    st.sampled_from([",", ", ", " ,"]),
)
def test_no_header_at_all_moves_a_peer_behind_uvicorns_own_middleware(
    entries: list[tuple[str, str]], comma: str
) -> None:
    header = comma.join(f"{host}{port}" for host, port in entries).encode()
    assert asyncio.run(behind_uvicorns_own_middleware(header)) == "127.0.0.1"


@pytest.mark.parametrize(
    "written",
    [
        *("198.51.100.1:4711", "198.51.100.1:0", " 198.51.100.1 : 80 ", "198.51.100.1:"),
        *(
            "[::ffff:198.51.100.1]:4711",
            "::ffff:198.51.100.1",
            "::FFFF:c633:6401",
            "[198.51.100.1]",
        ),
    ],
)
def test_however_a_proxy_writes_an_address_it_counts_as_one(written: str) -> None:
    assert address(f"6.6.6.6, {written}", hops=1) == "198.51.100.1"


@pytest.mark.parametrize(
    "written",
    [
        *("2001:db8:1:2::9", "[2001:db8:1:2::9]", "[2001:db8:1:2::9]:443", "2001:DB8:1:2::9%eth0"),
        *("[2001:db8:1:2::9%eth0]:0", " [2001:db8:1:2::9] :80"),
    ],
)
def test_however_a_proxy_writes_an_ipv6_address_its_network_counts(written: str) -> None:
    assert address(f"6.6.6.6, {written}", hops=1) == NET


def test_a_header_full_of_addresses_is_read_in_no_time() -> None:
    started = time.thread_time()
    address(",".join([PEER] * 2_300) + "," * 9_000, hops=0, port=0)
    assert time.thread_time() - started < 0.05


@pytest.mark.parametrize(
    ("hops", "forwarded", "expected"),
    [
        (1, "198.51.100.1", "198.51.100.1"),
        (1, "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        (1, ["6.6.6.6", "198.51.100.1"], "198.51.100.1"),
        (1, ["6.6.6.6, 7.7.7.7", "8.8.8.8 ,  198.51.100.1 "], "198.51.100.1"),
        (2, "198.51.100.1, 10.0.0.1", "198.51.100.1"),
        (2, "6.6.6.6, 198.51.100.1, 10.0.0.1", "198.51.100.1"),
        (2, ["6.6.6.6", "198.51.100.1", "10.0.0.1"], "198.51.100.1"),
        (3, "6.6.6.6, 198.51.100.1, 10.0.0.1, 10.0.0.2", "198.51.100.1"),
        (1, None, PEER),
        (1, "", PEER),
        (1, " , ,", PEER),
        (2, "198.51.100.1", PEER),
        (3, "6.6.6.6, 198.51.100.1", PEER),
        (1, "unknown", PEER),
        (1, "198.51.100.1, _hidden", PEER),
        (1, "198.51.100.1, 198.51.100.1.5", PEER),
        (1, "198.51.100.1, é", PEER),
    ],
    ids=ascii,
)
def test_behind_proxies_of_ours_the_entry_that_the_outermost_wrote_counts(
    hops: int, forwarded: str | list[str] | None, expected: str
) -> None:
    assert address(forwarded, hops=hops) == expected


@given(st.lists(st.text(st.characters(max_codepoint=255)), max_size=4), st.ip_addresses(v=4))
def test_no_header_that_a_client_sends_changes_what_our_proxy_appended(
    sent: list[str], appended: object
) -> None:
    assert address([*sent, str(appended)], hops=1) == str(appended)


@given(st.lists(st.text(st.characters(max_codepoint=255)), max_size=4), st.integers(0, 4))
def test_an_address_is_always_an_address(sent: list[str], hops: int) -> None:
    ip_address(address(sent, hops=hops))


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("2001:db8:1:2::", NET),
        ("2001:db8:1:2::1", NET),
        ("2001:DB8:1:2:ffff:ffff:ffff:ffff", NET),
        ("2001:db8:1:2::1%eth0", NET),
        ("2001:db8:1:3::1", NET.replace("0002", "0003")),
        ("::ffff:203.0.113.7", PEER),
        ("::FFFF:cb00:7107", PEER),
        ("203.0.113.7", PEER),
        ("testclient", "127.0.0.1"),
        ("", "127.0.0.1"),
        (None, "127.0.0.1"),
    ],
)
def test_ipv6_counts_by_its_network_of_64_bits_and_mapped_ipv4_as_ipv4(
    peer: str | None, expected: str
) -> None:
    assert address(None, hops=0, peer=peer) == expected
    if peer:
        behind = expected if expected != "127.0.0.1" else PEER
        assert address(f"6.6.6.6, {peer}", hops=1) == behind


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_whoever_owns_a_64_cannot_look_like_many(network: object, host: int) -> None:
    base = int(ip_address(str(network))) >> 64 << 64
    if base >> 32 == 0:
        return
    one, other = ip_address(base), ip_address(base + host)
    assert address(None, hops=0, peer=str(one)) == address(None, hops=0, peer=str(other))
