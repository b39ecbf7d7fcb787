"""Long lists are compressed where that is safe."""

import gzip

import httpx
import pytest

from taskward.http.compression import COMPRESSED_FROM, accepts_gzip
from tests.conftest import User

PAGE = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        *(
            ("gzip, deflate, br", True),
            ("br;q=1, GZIP;q=0.5", True),
            ("*", True),
            ("gzip;q=1.0", True),
        ),
        *(
            ("identity", False),
            ("", False),
            ("br", False),
            ("gzip;q=0", False),
            ("gzip; q=0.000", False),
        ),
    ],
)
def test_gzip_is_used_where_it_is_accepted(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) == accepted


async def raw(client: httpx.AsyncClient, user: User, **headers: str) -> httpx.Response:
    """The list, as it came over the line."""
    request = client.build_request("GET", "/api/tasks", headers={**user.headers, **headers})
    answer = await client.send(request, stream=True)
    answer.extensions["raw"] = b"".join([part async for part in answer.aiter_raw()])
    return answer


async def fill(client: httpx.AsyncClient, user: User) -> None:
    for _ in range(COMPRESSED_FROM // 8_000 + 1):
        task = {"title": "t", "description": "word " * 1_600}
        await client.post("/api/tasks", json=task, headers=user.headers)


async def test_a_long_list_is_compressed_for_whoever_accepts_it(
    client: httpx.AsyncClient, alice: User
) -> None:
    await fill(client, alice)
    plain = await raw(client, alice, **{"Accept-Encoding": "identity"})
    packed = await raw(client, alice, **PAGE)
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["vary"]
    assert packed.headers["content-type"] == "application/json"
    assert gzip.decompress(packed.extensions["raw"]) == plain.extensions["raw"]
    assert packed.headers["content-length"] == str(len(packed.extensions["raw"]))


async def test_a_compressed_list_has_a_weak_etag_with_which_it_is_304(
    client: httpx.AsyncClient, alice: User
) -> None:
    await fill(client, alice)
    etag = (await raw(client, alice, **PAGE)).headers["etag"]
    assert etag.startswith('W/"')
    again = await raw(client, alice, **PAGE, **{"If-None-Match": etag})
    assert (again.status_code, again.extensions["raw"]) == (304, b"")


async def test_what_cookies_open_and_what_is_short_is_never_compressed(
    client: httpx.AsyncClient, alice: User
) -> None:
    await client.post("/api/tasks", json={"title": "t"}, headers=alice.headers)
    assert "content-encoding" not in (await raw(client, alice, **PAGE)).headers
    for path in ("/api/auth/get-session", "/api/auth/token", "/openapi.json"):
        answer = await client.get(path, headers={**alice.headers, **PAGE})
        assert "content-encoding" not in answer.headers
