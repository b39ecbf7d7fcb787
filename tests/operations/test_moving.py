"""From the embedded database to a PostgreSQL of one's own: nobody notices."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import PASSWORD, new_email, url_text
from tests.operations.commands import taskward
from tests.support.clusters import EMBEDDED, Cluster, installed
from tests.support.servers import TaskwardServer

# As docs/moving.md has it: the same address, or the tokens would be another server's.
ADDRESS = "http://localhost:8000"
TARGETS = [
    *((f"PostgreSQL {major}", binaries) for major, binaries in installed().items()),
    ("the embedded one's version", EMBEDDED),
]
"""The first is the one to try: of another version than the old one, where there is such."""


@pytest.fixture(
    params=[
        pytest.param(binaries, id=name, marks=[pytest.mark.slow] if place else [])
        for place, (name, binaries) in enumerate(TARGETS)
    ]
)
def target(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    with Cluster(request.param) as cluster:
        yield cluster


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(headers={"Origin": ADDRESS}, timeout=60) as client:
        yield client


class Ada:
    """Somebody who was there before, with a cookie, a token and a password."""

    def __init__(self, client: httpx.Client, server: TaskwardServer) -> None:
        self.email = new_email()
        self.client = client
        self.go_to(server)
        body = {"email": self.email, "password": PASSWORD, "name": "Ada"}
        signed_up = self.client.post("/api/auth/sign-up/email", json=body)
        assert signed_up.status_code == 200, signed_up.text
        token = self.client.get("/api/auth/token").json()["token"]
        self.bearer = {"Authorization": f"Bearer {token}"}

    def go_to(self, server: TaskwardServer) -> None:
        self.client.base_url = httpx.URL(server.url)

    def add_task(self, title: str) -> dict[str, Any]:
        answer = self.client.post("/api/tasks", json={"title": title}, headers=self.bearer)
        assert answer.status_code == 201, answer.text
        task: dict[str, Any] = answer.json()
        return task

    def sees(self) -> tuple[Any, Any]:
        """The tasks, by the token, and the session, by the cookie."""
        tasks = self.client.get("/api/tasks", headers=self.bearer)
        return tasks.json(), self.client.get("/api/auth/get-session").json()

    def can_sign_in(self) -> bool:
        body = {"email": self.email, "password": PASSWORD}
        return self.client.post("/api/auth/sign-in/email", json=body).status_code == 200


@pytest.mark.long
def test_a_running_installation_moves_with_its_users_sessions_tokens_and_tasks(
    target: Cluster, client: httpx.Client, tmp_path: Path
) -> None:
    with TaskwardServer({"BETTER_AUTH_URL": ADDRESS}, cwd=tmp_path) as old:
        ada = Ada(client, old)
        tasks = [ada.add_task(f"Task {number}") for number in range(3)]
        seen = ada.sees()
        assert seen[0] == tasks[::-1]
        dumped = taskward(tmp_path, "dump", "moving.dump")
        assert dumped.returncode == 0, dumped.stderr
        assert "keep .taskward/secret too" in dumped.stderr
    settings = {
        "DATABASE_URL": url_text(target.url),
        "BETTER_AUTH_SECRET": (tmp_path / ".taskward" / "secret").read_text(),
    }
    restored = taskward(tmp_path, "restore", "moving.dump", **settings)
    assert restored.returncode == 0, restored.stderr
    assert restored.stderr.startswith("1 users and 3 tasks are restored to postgresql://")
    with TaskwardServer({"BETTER_AUTH_URL": ADDRESS, **settings}, cwd=tmp_path) as new:
        ada.go_to(new)
        assert ada.sees() == seen
        assert ada.add_task("here")["id"] == tasks[-1]["id"] + 1
        assert ada.can_sign_in()
    back = taskward(tmp_path, "dump", "back.dump", **settings)
    assert back.returncode == 0, back.stderr
    again = taskward(tmp_path, "restore", "--replace", "back.dump")
    assert again.stderr.startswith("1 users and 4 tasks are restored to"), again.stderr
