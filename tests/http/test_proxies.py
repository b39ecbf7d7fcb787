"""Behind proxies and without, however the server is started: whose request it is, on real sockets.

`uvicorn main:app` believes `X-Forwarded-For` of anybody on this machine, unless it is told not to.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import asyncpg
import httpx
import pytest

from taskward.database.url import DatabaseURL
from tests.conftest import PASSWORD, CreateDatabase, new_email
from tests.fuzz.target import MakeRunServer
from tests.support.servers import HOST, PlainServer, TaskwardServer, auth_settings

FORGED = [
    *("198.51.100.7", "198.51.100.7:0", "198.51.100.7:080", "198.51.100.7:+80", "198.51.100.7: 80"),
    *("[2001:db8::7]:080", "[2001:db8::7]", "2001:db8::7", "10.0.0.1, 198.51.100.8:0", "unknown"),
]
WARNING = "X-Forwarded-For arrives and is ignored"


@contextmanager
def running(kind: type[TaskwardServer], url: str, **settings: str) -> Iterator[TaskwardServer]:
    environment = {**auth_settings(url), "RATE_LIMIT_ENABLED": "true", **settings}
    server = MakeRunServer(url, environment) if kind is MakeRunServer else kind(environment)
    with server:
        yield server


@pytest.fixture
async def url(create_migrated_database: CreateDatabase) -> str:
    return await create_migrated_database()


@pytest.fixture
async def database(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(**DatabaseURL.parse(url).connect_arguments())
    yield connection
    await connection.close()


def sign_up(server: TaskwardServer, forwarded: str) -> int:
    body = {"email": new_email(), "password": PASSWORD, "name": "N"}
    headers = {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https"}
    answer = httpx.post(f"{server.url}/api/auth/sign-up/email", json=body, headers=headers)
    return answer.status_code


def knock(server: TaskwardServer, forwarded: str) -> int:
    headers = {"X-Forwarded-For": forwarded}
    url = f"{server.url}/api/auth/sign-in/email"
    return httpx.post(url, json={"email": "?"}, headers=headers).status_code


@pytest.mark.parametrize("kind", [PlainServer, MakeRunServer])
async def test_without_a_proxy_of_ours_nobody_gets_another_address_by_a_header(
    url: str, database: asyncpg.Connection, kind: type[TaskwardServer]
) -> None:
    with running(kind, url) as server:
        assert [knock(server, forged) for forged in FORGED] == [400] * 3 + [429] * (len(FORGED) - 3)
        assert sign_up(server, FORGED[2]) == 200
        assert server.log().count(WARNING) == 1
    assert await database.fetchval('SELECT "ipAddress" FROM "session"') == HOST
    keys = await database.fetch('SELECT key FROM "rateLimit"')
    assert {key.partition("|")[0] for (key,) in keys} == {HOST}


async def named_by_itself(server: TaskwardServer, source: str, path: str, form: str) -> int:
    """Knock from another address of this machine with that and its port in the header."""
    reader, writer = await asyncio.open_connection(HOST, server.port, local_addr=(source, 0))
    own = form.format(source, writer.get_extra_info("sockname")[1])
    body = json.dumps({"email": new_email(), "password": PASSWORD, "name": "N"})
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Forwarded-For: {own}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    status = int((await reader.readline()).split()[1])
    await reader.read()
    writer.close()
    return status


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")
@pytest.mark.parametrize("kind", [PlainServer, MakeRunServer])
async def test_who_names_its_own_address_and_port_stays_who_it_is(
    url: str, database: asyncpg.Connection, kind: type[TaskwardServer]
) -> None:
    """That is what uvicorn's own reading of the header would look like."""
    forms = ["{0}:{1}", "10.0.0.1, {0}:0{1}", "{0}:+{1}", "[::ffff:{0}]:{1}"]
    with running(kind, url) as server:
        for number, form in enumerate(forms, start=2):
            source = f"127.0.0.{number}"
            assert await named_by_itself(server, source, "/api/auth/signup", form) == 201
            assert await named_by_itself(server, source, "/api/auth/login", form) == 401
    sources = {f"127.0.0.{number}" for number in range(2, 2 + len(forms))}
    addresses = await database.fetch('SELECT "ipAddress" FROM "session"')
    assert {address for (address,) in addresses} == sources
    keys = await database.fetch('SELECT key FROM "rateLimit"')
    assert {key.partition("|")[0] for (key,) in keys} == sources


@pytest.mark.parametrize("kind", [PlainServer, MakeRunServer])
async def test_behind_a_gateway_that_names_ports_each_client_counts_for_itself(
    url: str, kind: type[TaskwardServer]
) -> None:
    with running(kind, url, TRUSTED_PROXY_HOPS="1") as server:
        one = [knock(server, f"6.6.6.{n}, 203.0.113.7:{50_000 + n}") for n in range(5)]
        other = [knock(server, f"[2001:db8::7]:{50_000 + n}") for n in range(5)]
        assert one == other == [400, 400, 400, 429, 429]
        assert WARNING not in server.log()


async def test_nothing_is_said_of_proxies_where_there_are_none(url: str) -> None:
    with running(PlainServer, url) as server:
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{server.url}/health/live")).status_code == 200
        assert WARNING not in server.log()
