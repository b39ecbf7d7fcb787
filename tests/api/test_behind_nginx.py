"""Behind nginx that compresses: it makes the ETag weak, and still the tag names the state."""

import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest

from tests.conftest import PASSWORD, CreateDatabase, new_email
from tests.support.servers import HOST, Server, TaskwardServer, auth_settings

CONFIGURATION = """
daemon off;
master_process off;
pid {here}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {here}/body;
    proxy_temp_path {here}/proxy;
    fastcgi_temp_path {here}/fastcgi;
    uwsgi_temp_path {here}/uwsgi;
    scgi_temp_path {here}/scgi;
    gzip on;
    gzip_types application/json;
    server {{
        listen {host}:{port};
        location / {{ proxy_pass {upstream}; }}
    }}
}}
"""


def program() -> str:
    """Where nginx is installed, or a skip that says loudly what did not run."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if found is None:
        pytest.skip("NGINX IS NOT INSTALLED: no conditional request went through a real proxy")
    return found


class Nginx(Server):
    """nginx with gzip in front of a server."""

    ready_path = "/health"

    def __init__(self, upstream: str, here: Path) -> None:
        super().__init__({})
        self.upstream, self.here, self.program = upstream, here, program()

    def command(self) -> Sequence[str]:
        file = self.here / "nginx.conf"
        values = {"here": self.here, "host": HOST, "port": self.port, "upstream": self.upstream}
        file.write_text(CONFIGURATION.format(**values))
        return [self.program, "-e", "stderr", "-p", str(self.here), "-c", str(file)]


@pytest.fixture
async def compressed(
    create_migrated_database: CreateDatabase, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    program()
    settings = auth_settings(await create_migrated_database())
    with TaskwardServer(settings) as server, Nginx(server.url, tmp_path) as nginx:
        async with httpx.AsyncClient(base_url=nginx.url) as client:
            body = {"email": new_email(), "password": PASSWORD}
            token = (await client.post("/api/auth/signup", json=body)).json()["token"]
            client.headers["authorization"] = f"Bearer {token}"
            client.cookies.clear()
            yield client


async def test_what_was_read_compressed_can_be_changed_and_asked_for_again(
    compressed: httpx.AsyncClient,
) -> None:
    new = {"title": "t", "description": "words " * 100}
    path = (await compressed.post("/api/tasks", json=new)).headers["location"]
    read = await compressed.get(path)
    etag = read.headers["etag"]
    assert read.headers["content-encoding"] == "gzip"
    assert etag.startswith('W/"')
    assert (await compressed.get(path, headers={"If-None-Match": etag})).status_code == 304
    listed = (await compressed.get("/api/tasks")).headers["etag"]
    assert (
        await compressed.get("/api/tasks", headers={"If-None-Match": listed})
    ).status_code == 304
    seen = {"If-Match": etag}
    assert (await compressed.patch(f"{path}/complete", headers=seen)).status_code == 200
    assert (await compressed.put(path, json=new, headers=seen)).status_code == 412
    for method, more in (("PUT", new), ("DELETE", None)):
        seen = {"If-Match": (await compressed.get(path)).headers["etag"]}
        changed = await compressed.request(method, path, json=more, headers=seen)
        assert changed.is_success
