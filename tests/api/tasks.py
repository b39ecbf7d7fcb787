"""Tasks for tests."""

from typing import Any

import httpx


async def create(mine: httpx.AsyncClient, title: str = "Buy milk", **more: Any) -> dict[str, Any]:
    answer = await mine.post("/api/tasks", json={"title": title, **more})
    assert answer.status_code == 201, answer.text
    task: dict[str, Any] = answer.json()
    return task
