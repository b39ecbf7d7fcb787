"""The page as the server hands it out: which paths, which headers, and nothing else of the disk."""

import base64
import gzip
import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import orjson
import pytest
from fastapi import FastAPI

from taskward.app import create_app
from taskward.settings import WEB
from tests.conftest import BASE_URL, settings_for
from tests.support.servers import TaskwardServer, auth_settings

POLICY = "default-src 'none'; script-src 'self' 'sha256-aGVsbG8='"
FILES: dict[str, dict[str, object]] = {
    "/": {"file": "index.html", "type": "text/html; charset=utf-8", "policy": POLICY},
    "/404": {"file": "404.html", "type": "text/html; charset=utf-8", "policy": POLICY},
    "/_next/static/a.js": {
        "file": "a.js",
        "type": "text/javascript; charset=utf-8",
        "immutable": True,
        "encodings": ["br", "gzip"],
    },
}
BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
SCRIPT = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A build of three small files, as the end of a real one leaves it."""
    entries = {p: {"immutable": False, "etag": f'"{p}"', **entry} for p, entry in FILES.items()}
    (tmp_path / "pages.json").write_bytes(orjson.dumps(entries))
    (tmp_path / "index.html").write_text("<h1>The page</h1>")
    (tmp_path / "404.html").write_text("<h1>There is no such page</h1>")
    (tmp_path / "a.js").write_text("hello()")
    (tmp_path / "a.js.gzip").write_bytes(gzip.compress(b"hello()"))
    (tmp_path / "a.js.br").write_bytes(b"\x0b\x03\x80hello()\x03")
    (tmp_path / "secret.txt").write_text("not in the list")
    return tmp_path


def client_of(app: FastAPI, **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=headers)


@pytest.fixture
async def page(database_url: str, build: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody in front of a server that has a page; nothing here needs the database."""
    app = create_app(settings_for(database_url, frontend_dir=build))
    async with client_of(app, **{"Accept-Encoding": "identity"}) as client:
        yield client


@pytest.fixture
async def real_page(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    if not (WEB / "pages.json").is_file():
        pytest.skip("THE PAGE IS NOT BUILT: run `make frontend` (`make test` does)")
    async with client_of(create_app(settings_for(database_url))) as client:
        yield client


async def test_the_page_is_served_with_its_own_policy_and_asked_for_each_time(
    page: httpx.AsyncClient,
) -> None:
    answer = await page.get("/")
    assert (answer.status_code, answer.text) == (200, "<h1>The page</h1>")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers.get_list("content-security-policy") == [POLICY]
    assert answer.headers["cache-control"] == "no-cache"


async def test_a_page_says_what_the_server_offers_beyond_passwords_if_anything(
    database_url: str, build: Path
) -> None:
    (build / "index.html").write_text('<!doctype html><html lang="en"><h1>The page</h1></html>')
    plain = create_app(settings_for(database_url, frontend_dir=build))
    more = {"better_auth_plugins": "passkey,username,two-factor"}
    offering = create_app(settings_for(database_url, frontend_dir=build, **more))
    async with client_of(plain) as client:
        bare = await client.get("/")
    async with client_of(offering) as client:
        answer, script = await client.get("/"), await client.get("/_next/static/a.js")
        kept = await client.get("/", headers={"If-None-Match": bare.headers["etag"]})
        known = await client.get("/", headers={"If-None-Match": answer.headers["etag"]})
    assert bare.content == (build / "index.html").read_bytes()
    said = '<html data-offers="two-factor passkey" lang="en">'
    assert answer.text == bare.text.replace('<html lang="en">', said)
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-security-policy"] == POLICY
    assert (kept.status_code, known.status_code) == (200, 304)
    assert script.text == "hello()"


async def test_what_a_browser_has_already_is_not_sent_again(page: httpx.AsyncClient) -> None:
    etag = (await page.get("/")).headers["etag"]
    answer = await page.get("/", headers={"If-None-Match": etag})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    assert (await page.get("/", headers={"If-None-Match": '"other"'})).status_code == 200


async def test_files_with_a_hash_in_their_name_are_kept_for_ever(page: httpx.AsyncClient) -> None:
    answer = await page.get("/_next/static/a.js")
    assert answer.text == "hello()"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("accepted", "sent"), [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("zstd", None)]
)
async def test_a_file_is_sent_in_the_smallest_form_that_is_accepted(
    page: httpx.AsyncClient, build: Path, accepted: str, sent: str | None
) -> None:
    headers = {"Accept-Encoding": accepted}
    async with page.stream("GET", "/_next/static/a.js", headers=headers) as answer:
        body = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers.get("content-encoding") == sent
    assert "Accept-Encoding" in answer.headers["vary"]
    assert body == (build / (f"a.js.{sent}" if sent else "a.js")).read_bytes()


async def test_an_unknown_path_is_a_page_for_browsers_and_json_for_programs(
    page: httpx.AsyncClient,
) -> None:
    answer = await page.get("/nowhere", headers=BROWSER)
    assert (answer.status_code, answer.text) == (404, "<h1>There is no such page</h1>")
    assert answer.headers["content-security-policy"] == POLICY
    answer = await page.get("/nowhere")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize("path", ["/api/nowhere", "/api/tasks/1/nowhere", "/api/auth/nowhere"])
async def test_below_api_nothing_is_ever_a_page(page: httpx.AsyncClient, path: str) -> None:
    answer = await page.get(path, headers=BROWSER)
    assert answer.status_code == 404
    assert "html" not in answer.headers.get("content-type", "")


@pytest.mark.parametrize(
    "path",
    [
        *("/secret.txt", "/pages.json", "/index.html", "/a.js", "/_next/static/"),
        *("/../secret.txt", "/%2e%2e/%2e%2e/etc/passwd", "/_next/static/..%2f..%2fsecret.txt"),
        *("//etc/passwd", "/\\..\\secret.txt", "/_next/static/a.js%00", "/404.html"),
    ],
)
async def test_only_what_the_build_lists_is_served(page: httpx.AsyncClient, path: str) -> None:
    answer = await page.get(path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_page_is_only_read(page: httpx.AsyncClient, method: str) -> None:
    answer = await page.request(method, "/", headers=BROWSER)
    assert (answer.status_code, answer.json()) == (405, {"detail": "Method Not Allowed"})
    assert answer.headers["allow"] == "GET, HEAD"
    answer = await page.request(method, "/nowhere", headers=BROWSER)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


async def test_the_documentation_is_served_beside_the_page_without_its_policy(
    page: httpx.AsyncClient,
) -> None:
    answer = await page.get("/docs", headers=BROWSER)
    assert answer.status_code == 200
    assert POLICY not in answer.headers.get("content-security-policy", "")


def test_without_a_build_everything_else_works_and_the_log_says_how_to_get_one(
    database_url: str, tmp_path: Path
) -> None:
    settings = {**auth_settings(database_url), "FRONTEND_DIR": str(tmp_path / "nowhere")}
    with TaskwardServer(settings) as server, httpx.Client(base_url=server.url) as client:
        answer = client.get("/")
        assert (answer.status_code, answer.headers["location"]) == (307, "/docs")
        assert client.get("/api/tasks").status_code == 401
        assert client.get("/tasks", headers=BROWSER).json() == {"detail": "Not Found"}
        assert "make frontend" in server.log()


@pytest.mark.long
async def test_every_worker_serves_the_page(database_url: str, build: Path) -> None:
    settings = {**auth_settings(database_url), "FRONTEND_DIR": str(build)}
    with TaskwardServer(settings, workers=2) as server:
        async with httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=0)) as client:
            answers = [await client.get(server.url) for _ in range(10)]
    assert {answer.text for answer in answers} == {"<h1>The page</h1>"}


# The real build


async def test_every_inline_script_of_every_page_is_in_its_policy_and_nothing_else_may_run(
    real_page: httpx.AsyncClient,
) -> None:
    listed = orjson.loads((WEB / "pages.json").read_bytes())
    pages = [path for path, entry in listed.items() if entry["file"].endswith(".html")]
    assert {"/", "/404", "/account", "/sign-in", "/sign-up", "/tasks"} <= set(pages)
    for path in pages:
        answer = await real_page.get(path, headers=BROWSER)
        directives = dict(
            part.strip().split(" ", 1)
            for part in answer.headers["content-security-policy"].split(";")
        )
        allowed = set(directives["script-src"].split())
        scripts = SCRIPT.findall(answer.text)
        assert len(scripts) >= 1
        digests = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
        assert allowed == {"'self'", *(f"'sha256-{digest}'" for digest in digests)}
        assert directives["default-src"] == directives["base-uri"] == "'none'"
        assert directives["form-action"] == directives["frame-ancestors"] == "'none'"
        for kind in ("style", "connect", "font", "manifest", "worker"):
            assert directives[f"{kind}-src"] == "'self'"
        assert not re.search(r"<[a-z][^>]*\s(on[a-z]+|style)=", SCRIPT.sub("", answer.text))


async def test_the_page_can_be_installed_and_its_worker_may_reach_only_this_server(
    real_page: httpx.AsyncClient,
) -> None:
    answer = await real_page.get("/manifest.webmanifest")
    assert answer.headers["content-type"] == "application/manifest+json"
    manifest = answer.json()
    assert manifest["start_url"] == manifest["id"] == "/tasks"
    for icon in manifest["icons"]:
        drawn = await real_page.get(icon["src"])
        assert drawn.headers["content-type"].startswith(icon["type"])
    worker = await real_page.get("/sw.js")
    assert worker.headers["cache-control"] == "no-cache"
    policy = "default-src 'none'; script-src 'self'; connect-src 'self'"
    assert worker.headers["content-security-policy"] == policy
    for path in orjson.loads(worker.text.split("const FILES = ")[1].split(";")[0]):
        assert not path.startswith("/api")
        assert (await real_page.get(path)).status_code == 200, path


async def test_the_page_loads_nothing_from_elsewhere(real_page: httpx.AsyncClient) -> None:
    for path in ("/", "/tasks", "/account", "/sign-in", "/sign-up"):
        text = (await real_page.get(path)).text
        loaded = set(
            re.findall(r"""(?:src|href)="([^"]+\.(?:js|css|svg|png|woff2|webmanifest))\"""", text)
        )
        assert {Path(part).suffix for part in loaded} >= {".css", ".svg", ".woff2", ".webmanifest"}
        assert (".js" in {Path(part).suffix for part in loaded}) == (path != "/")
        for part in loaded:
            assert part.startswith("/"), part
            answer = await real_page.get(part)
            assert answer.status_code == 200, part
            assert answer.content
