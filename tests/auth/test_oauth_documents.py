"""Client ID Metadata Documents: clients whose ids are URLs, and where the server never goes."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import httpx2
import pytest
from ada_url import URL

from authward.plugins import ClientIdMetadata
from authward.plugins.oauth_provider import documents
from authward.plugins.oauth_provider.client_id_options import DocumentError
from authward.plugins.oauth_provider.document_limits import (
    A_MINUTE_PER_ORIGIN,
    AT_ONCE_PER_ORIGIN,
    DocumentLimits,
    LimitReachedError,
)
from authward.plugins.oauth_provider.documents import DocumentFetcher, is_special_use
from authward.plugins.oauth_provider.urls import document_url
from tests.conftest import CreateDatabase
from tests.support.oauth_site import CALLBACK, Client, OAuthSite, oauth_site

PUBLIC = "93.184.216.34"
ID = "https://client.example.com/oauth/metadata.json"
JSON = {"content-type": "application/json"}
SPECIAL = [
    *("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.8.8.8", "169.254.169.254"),
    *("172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1"),
    *("198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::808:808"),
    *("100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "fc00::1", "fd00:ec2::254"),
    *("fe80::1", "fe80::1%eth0", "ff02::1", "3fff::1", "nonsense", ""),
]
PUBLIC_ADDRESSES = ["1.1.1.1", "8.8.8.8", PUBLIC, "172.32.0.1", "2606:4700:4700::1111"]


class Internet:
    """Names with their addresses, and a server behind every address that writes down who came."""

    def __init__(self, **names: Sequence[str]) -> None:
        self.addresses: dict[str, list[Sequence[str]]] = {n: [a] for n, a in names.items()}
        self.asked: list[str] = []
        self.requests: list[httpx2.Request] = []
        self.answer: Callable[[httpx2.Request], httpx2.Response] = self.document
        self.metadata: dict[str, Any] = {
            "client_id": ID,
            "client_name": "A client",
            "redirect_uris": [CALLBACK],
        }
        self.headers: dict[str, str] = dict(JSON)

    async def resolve(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        known = self.addresses.get(host, [[PUBLIC]])
        return known.pop(0) if len(known) > 1 else known[0]

    def document(self, _: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers=self.headers, content=json.dumps(self.metadata))

    def fetcher(self) -> DocumentFetcher:
        def handle(request: httpx2.Request) -> httpx2.Response:
            self.requests.append(request)
            return self.answer(request)

        return DocumentFetcher(resolve=self.resolve, transport=httpx2.MockTransport(handle))


@pytest.mark.parametrize("address", SPECIAL)
async def test_no_special_use_address_is_ever_connected_to(address: str) -> None:
    for addresses in ([address], [PUBLIC, address], [address, PUBLIC]):
        internet = Internet(**{"client.example.com": addresses})
        with pytest.raises(DocumentError):
            await internet.fetcher().fetch(URL(ID))
        assert internet.requests == []


@pytest.mark.parametrize("address", PUBLIC_ADDRESSES)
def test_public_addresses_are_not_special(address: str) -> None:
    assert not is_special_use(address)


async def test_a_name_that_changes_its_mind_does_not_lead_elsewhere() -> None:
    internet = Internet()
    internet.addresses["client.example.com"] = [[PUBLIC], ["127.0.0.1"]]
    await internet.fetcher().fetch(URL(ID))
    (request,) = internet.requests
    assert internet.asked == ["client.example.com"]
    assert request.url.host == PUBLIC
    assert request.headers["host"] == "client.example.com"
    assert request.extensions["sni_hostname"] == "client.example.com"
    assert "authorization" not in request.headers
    assert "cookie" not in request.headers


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(302, headers={"location": "https://other.example/x"}),
        httpx2.Response(404, headers=JSON, content="{}"),
        httpx2.Response(204),
        httpx2.Response(200, headers={"content-type": "text/html"}, content="{}"),
        httpx2.Response(200, content="{}"),
        httpx2.Response(200, headers=JSON, content="[]"),
        httpx2.Response(200, headers=JSON, content="{"),
        httpx2.Response(200, headers=JSON, content="[" * 5000),
        httpx2.Response(200, headers=JSON, content=json.dumps({"a": "x" * documents.MAX_BYTES})),
        httpx2.Response(200, headers={**JSON, "content-encoding": "br"}, content="{}"),
    ],
)
async def test_what_is_no_small_json_document_is_refused(answer: httpx2.Response) -> None:
    internet = Internet()
    internet.answer = lambda _: answer
    with pytest.raises(DocumentError):
        await internet.fetcher().fetch(URL(ID))
    assert len(internet.requests) == 1


@pytest.mark.parametrize("failure", [OSError, httpx2.ConnectError("no"), httpx2.ReadTimeout("no")])
async def test_whatever_goes_wrong_at_the_other_server_is_one_error(failure: Any) -> None:
    def fail(_: httpx2.Request) -> httpx2.Response:
        raise failure

    internet = Internet()
    internet.answer = fail
    with pytest.raises(DocumentError):
        await internet.fetcher().fetch(URL(ID))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, documents.DEFAULT_AGE),
        ({"cache-control": "max-age=600"}, 600),
        ({"cache-control": "public, max-age=999999"}, documents.MAX_AGE),
        ({"cache-control": "no-store"}, documents.MIN_AGE),
        ({"cache-control": "max-age=0"}, documents.MIN_AGE),
        ({"expires": "0"}, documents.MIN_AGE),
        ({"expires": "Thu, 01 Jan 2099 00:00:00 GMT"}, documents.MAX_AGE),
    ],
)
async def test_a_document_is_kept_as_its_headers_say_within_bounds(
    headers: dict[str, str], seconds: int
) -> None:
    internet = Internet()
    internet.headers |= headers
    assert (await internet.fetcher().fetch(URL(ID))).max_age == seconds


@pytest.mark.parametrize(
    "client_id",
    [
        "http://client.example.com/x",
        "https://client.example.com",
        "https://client.example.com/",
        "https://client.example.com/../x",
        "https://client.example.com/a/./b",
        "https://client.example.com:8443/x",
        "https://user@client.example.com/x",
        "https://client.example.com/x#y",
        "https://client.example.com/x?y",
        "https://CLIENT.example.com/x",
        "https://localhost/x",
        "https://127.0.0.1/x",
        "https://2130706433/x",
        "https://0x7f.1/x",
        "https://[::1]/x",
        "https://intranet/x",
        "https:/client.example.com/x",
        "https://client.example.com/x\n",
        "javascript:alert(1)",
        "https://client.example.com/" + "x" * 3000,
    ],
)
def test_only_plain_https_urls_with_a_path_name_documents(client_id: str) -> None:
    assert document_url(client_id) is None


async def test_limits_bound_how_often_and_how_many_at_once() -> None:
    limits = DocumentLimits()
    async with limits.one_fetch("a", "o"):
        with pytest.raises(LimitReachedError):
            async with limits.one_fetch("a", "o"):
                pass
    limits = DocumentLimits()
    running = [limits.one_fetch(str(n), "o") for n in range(AT_ONCE_PER_ORIGIN + 1)]
    for each in running[:-1]:
        await each.__aenter__()
    with pytest.raises(LimitReachedError):
        await running[-1].__aenter__()
    limits = DocumentLimits()
    for n in range(A_MINUTE_PER_ORIGIN):
        async with limits.one_fetch(str(n), "o"):
            pass
    with pytest.raises(LimitReachedError):
        async with limits.one_fetch("one more", "o"):
            pass


@pytest.fixture(scope="module")
def internet() -> Internet:
    return Internet()


@pytest.fixture(scope="module")
async def site(create_database: CreateDatabase, internet: Internet) -> AsyncIterator[OAuthSite]:
    options = ClientIdMetadata(fetcher=internet.fetcher())
    async with oauth_site(await create_database(), client_id_metadata=options) as made:
        yield made


def named(internet: Internet, site: OAuthSite, name: str, **more: Any) -> Client:
    """A client whose document has this name."""
    client_id = f"https://client.example.com/{name}"
    internet.metadata = {
        "client_id": client_id,
        "client_name": "A client",
        "redirect_uris": [CALLBACK],
        **more,
    }
    return Client(site.client(), client_id)


async def test_a_client_with_a_document_goes_the_whole_way(
    site: OAuthSite, internet: Internet
) -> None:
    client, before = named(internet, site, "whole"), len(internet.requests)
    person = await site.person()
    tokens = await client.tokens(person)
    assert (await client.refresh(tokens["refresh_token"])).status_code == 200
    assert len(internet.requests) == before + 1
    row = await site.pool.fetchrow('SELECT * FROM "oauthClient" WHERE "clientId" = $1', client.id)
    assert row is not None
    assert (row["clientDiscoveryId"], row["clientSecret"]) == ("cimd", None)
    shown = await person.browser.get("/oauth2/public-client", params={"client_id": client.id})
    assert shown.json()["client_name"] == "A client"


@pytest.mark.parametrize(
    "more",
    [
        {"client_id": "https://client.example.com/other"},
        {"client_secret": "x"},
        {"client_secret_expires_at": 0},
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"client_name": ""},
        {"client_name": None},
        {"client_name": ["x"]},
        {"redirect_uris": []},
        {"redirect_uris": ["javascript:alert(1)"]},
        {"redirect_uris": ["http://elsewhere.example/cb"]},
        {"redirect_uris": "https://client.example.com/callback"},
        {"grant_types": ["magic"]},
        {"scope": "nope"},
        {"client_name": "\0"},
    ],
)
async def test_a_document_that_is_not_in_order_is_nobodys(
    site: OAuthSite, internet: Internet, more: dict[str, Any]
) -> None:
    before = await site.count("oauthClient")
    client = named(internet, site, f"bad-{abs(hash(str(more)))}", **more)
    person = await site.person()
    url = await person.visit(**client.request())
    assert "error=invalid_client" in url
    assert url.startswith("http://localhost:8000/api/auth/error")
    assert await site.count("oauthClient") == before


async def test_a_document_never_takes_over_a_client_that_was_registered(
    site: OAuthSite, internet: Internet
) -> None:
    client = named(internet, site, "taken")
    await site.pool.execute(
        'INSERT INTO "oauthClient" (id, "clientId", "redirectUris", name) VALUES ($1, $1, $2, $3)',
        client.id,
        '["https://owner.example/cb"]',
        "The owner's",
    )
    before = len(internet.requests)
    url = await (await site.person()).visit(**client.request())
    assert "error=invalid_redirect" in url
    assert len(internet.requests) == before
    name = 'SELECT name FROM "oauthClient" WHERE "clientId" = $1'
    assert await site.pool.fetchval(name, client.id) == "The owner's"


async def test_many_that_ask_at_once_store_one_client(site: OAuthSite, internet: Internet) -> None:
    client = named(internet, site, "race")
    person = await site.person()
    urls = await asyncio.gather(*(person.visit(**client.request()) for _ in range(8)))
    assert any("/consent" in url for url in urls)
    rows = 'SELECT count(*) FROM "oauthClient" WHERE "clientId" = $1'
    assert await site.pool.fetchval(rows, client.id) == 1


async def test_the_metadata_says_that_urls_are_taken_only_where_they_are(site: OAuthSite) -> None:
    document = (await site.client().get("/.well-known/oauth-authorization-server")).json()
    assert document["client_id_metadata_document_supported"] is True
    assert "none" in document["token_endpoint_auth_methods_supported"]
