"""`PUT`: what it says is changed, what it does not say stays."""

from typing import Any

import httpx
import pytest

from tests.api.tasks import create
from tests.conftest import User


@pytest.fixture
def mine(client: httpx.AsyncClient, alice: User) -> httpx.AsyncClient:
    """A client with Alice's token."""
    client.headers.update(alice.headers)
    return client


async def test_put_changes_what_it_says_and_answers_the_stored_task(
    mine: httpx.AsyncClient,
) -> None:
    task = await create(mine, "Old", description="old")
    body = {"title": " New ", "description": "new", "completed": True}
    answer = await mine.put(f"/api/tasks/{task['id']}", json=body)
    assert answer.status_code == 200
    assert answer.json() == task | body | {
        "title": "New",
        "updated_at": answer.json()["updated_at"],
    }
    assert (await mine.get(f"/api/tasks/{task['id']}")).json() == answer.json()


@pytest.mark.parametrize("completed", [False, True])
@pytest.mark.parametrize(
    ("sent", "description"),
    [
        ({}, "old"),
        ({"completed": None}, "old"),
        ({"description": None}, None),
        ({"description": ""}, ""),
        ({"description": "new"}, "new"),
        ({"description": None, "completed": None}, None),
    ],
)
@pytest.mark.parametrize("header", [{}, {"If-Match": "*"}, {"If-Match": "{etag}"}])
async def test_what_put_does_not_say_stays_and_a_description_of_null_clears_it(
    mine: httpx.AsyncClient,
    *,
    completed: bool,
    sent: dict[str, Any],
    description: str | None,
    header: dict[str, str],
) -> None:
    path = f"/api/tasks/{(await create(mine, description='old'))['id']}"
    before = await mine.put(path, json={"title": "t", "completed": completed})
    headers = {k: v.format(etag=before.headers["etag"]) for k, v in header.items()}
    answer = await mine.put(path, json={"title": "u", **sent}, headers=headers)
    assert answer.status_code == 200
    after = answer.json()
    wanted = {"title": "u", "description": description, "completed": completed}
    assert after == before.json() | wanted | {"updated_at": after["updated_at"]}
    assert (await mine.get(path)).json() == after
