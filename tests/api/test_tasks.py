"""The six endpoints as their owner sees them: what they answer, store, refuse and ignore."""

import asyncio
import json
import re
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.api.tasks import create
from tests.conftest import User

JSON = {"Content-Type": "application/json"}
KEYS = ["id", "user_id", "title", "description", "completed", "created_at", "updated_at"]
INVALID_STATUS = "Invalid status filter: must be 'pending', 'completed', or 'all'"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
EMOJI = "\N{THUMBS UP SIGN}"
WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
STORABLE = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
MANY = examples(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
MEMBER = [("GET", ""), ("PUT", ""), ("DELETE", ""), ("PATCH", "/complete")]


@pytest.fixture
def mine(client: httpx.AsyncClient, alice: User) -> httpx.AsyncClient:
    """A client with Alice's token."""
    client.headers.update(alice.headers)
    return client


async def titles(mine: httpx.AsyncClient, query: str = "") -> list[str]:
    answer = await mine.get(f"/api/tasks{query}")
    assert answer.status_code == 200, answer.text
    return [task["title"] for task in answer.json()]


# Creating


async def test_creating_a_task_answers_201_with_the_whole_task_and_where_it_is(
    mine: httpx.AsyncClient, alice: User
) -> None:
    body = {"title": "Buy milk", "description": "2 l"}
    answer = await mine.post("/api/tasks", json=body)
    task = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/tasks/{task['id']}"
    assert answer.headers["content-type"] == "application/json"
    assert list(task) == KEYS
    assert task == body | {
        "id": task["id"],
        "user_id": alice.id,
        "completed": False,
        "created_at": task["created_at"],
        "updated_at": task["created_at"],
    }
    assert type(task["id"]) is int


async def test_the_location_of_a_new_task_leads_to_it(mine: httpx.AsyncClient) -> None:
    created = await mine.post("/api/tasks", json={"title": "Follow me"})
    assert (await mine.get(created.headers["location"])).json() == created.json()


async def test_dates_are_utc_with_three_fraction_digits_and_z(mine: httpx.AsyncClient) -> None:
    before = datetime.now(UTC)
    tasks = [await create(mine) for _ in range(20)]
    changed = (await mine.patch(f"/api/tasks/{tasks[0]['id']}/complete")).json()
    listed = (await mine.get("/api/tasks")).json()
    for task in [*tasks, changed, *listed]:
        for date in (task["created_at"], task["updated_at"]):
            assert TIME.fullmatch(date)
            assert abs((datetime.fromisoformat(date) - before).total_seconds()) < 60


@pytest.mark.parametrize("body", [{"title": "t"}, {"title": "t", "description": None}])
async def test_a_missing_or_null_description_is_null(
    mine: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    answer = await mine.post("/api/tasks", json=body)
    assert (answer.status_code, answer.json()["description"]) == (201, None)
    assert (await mine.get(answer.headers["location"])).json()["description"] is None


async def test_an_empty_description_is_kept_empty(mine: httpx.AsyncClient) -> None:
    assert (await create(mine, description=""))["description"] == ""


@pytest.mark.parametrize("path", ["/api/tasks", "/api/tasks/"])
async def test_both_spellings_of_the_collection_answer_directly(
    mine: httpx.AsyncClient, path: str
) -> None:
    created = await mine.post(path, json={"title": "No redirect"})
    listed = await mine.get(path)
    assert (created.status_code, listed.status_code) == (201, 200)
    assert listed.json() == [created.json()]
    assert created.headers["location"] == f"/api/tasks/{created.json()['id']}"


@pytest.mark.parametrize("field", ["id", "user_id", "created_at", "updated_at"])
async def test_a_body_cannot_set_what_belongs_to_the_server(
    mine: httpx.AsyncClient, alice: User, bob: User, field: str
) -> None:
    forged = {"id": 1, "user_id": bob.id, "created_at": "2001-01-01T00:00:00.000Z"}
    forged["updated_at"] = forged["created_at"]
    body = {"title": "Mine", field: forged[field]}
    created = (await mine.post("/api/tasks", json=body)).json()
    replaced = (await mine.put(f"/api/tasks/{created['id']}", json=body)).json()
    for task in (created, replaced):
        assert task["user_id"] == alice.id
        assert task["id"] == created["id"]
        assert task["created_at"] == created["created_at"]
        assert task[field] != forged[field]


# What a title and a description may be


@MANY
@given(
    st.text(WHITE_SPACE, max_size=3),
    st.text(STORABLE, min_size=1, max_size=200),
    st.text(WHITE_SPACE, max_size=3),
)
async def test_any_title_is_stored_trimmed_and_otherwise_unchanged(
    mine: httpx.AsyncClient, before: str, title: str, after: str
) -> None:
    trimmed = title.strip(WHITE_SPACE)
    assume(trimmed)
    task = await create(mine, before + title + after)
    assert (await mine.get(f"/api/tasks/{task['id']}")).json()["title"] == trimmed


@MANY
@given(st.text(STORABLE, max_size=200))
async def test_any_description_is_stored_unchanged(
    mine: httpx.AsyncClient, description: str
) -> None:
    task = await create(mine, description=description)
    assert (await mine.get(f"/api/tasks/{task['id']}")).json()["description"] == description


@pytest.mark.parametrize("character", ["x", "\N{LATIN SMALL LETTER E WITH ACUTE}", EMOJI])
@pytest.mark.parametrize(("length", "status"), [(1, 201), (200, 201), (201, 422), (10_000, 422)])
async def test_a_title_has_1_to_200_characters_however_many_bytes_they_take(
    mine: httpx.AsyncClient, character: str, length: int, status: int
) -> None:
    answer = await mine.post("/api/tasks", json={"title": f" {character * length}\n"})
    assert answer.status_code == status
    if status == 201:
        assert answer.json()["title"] == character * length
    else:
        assert answer.json()["detail"] == "title: at most 200 characters"


@pytest.mark.parametrize("character", ["x", EMOJI])
@pytest.mark.parametrize(("length", "status"), [(10_000, 201), (10_001, 422)])
async def test_a_description_has_up_to_10000_characters(
    mine: httpx.AsyncClient, character: str, length: int, status: int
) -> None:
    body = {"title": "t", "description": character * length}
    answer = await mine.post("/api/tasks", json=body)
    assert answer.status_code == status
    if status == 422:
        assert answer.json()["detail"] == "description: at most 10000 characters"


BAD_TITLES: list[object] = [
    "",
    " ",
    WHITE_SPACE,
    None,
    1,
    1.5,
    True,
    [],
    ["t"],
    {},
    "a\0b",
    "\0",
    "x" * 201,
]
BAD_DESCRIPTIONS: list[object] = [1, False, [], {"a": 1}, "a\0b", "x" * 10_001]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("title", value) for value in BAD_TITLES),
        *(("description", value) for value in BAD_DESCRIPTIONS),
        *(("title", value) for value in ("\ud800", "a\udfffb")),
        *(("description", value) for value in ("\ud800", "\udc00\ud800")),
    ],
)
async def test_a_bad_value_is_422_for_post_and_put_and_changes_nothing(
    mine: httpx.AsyncClient, field: str, value: object
) -> None:
    task = await create(mine, "Untouched", description="as it was")
    for method, path in [("POST", "/api/tasks"), ("PUT", f"/api/tasks/{task['id']}")]:
        content = json.dumps({"title": "t", field: value})
        answer = await mine.request(method, path, content=content, headers=JSON)
        body = answer.json()
        assert answer.status_code == 422
        assert body["detail"].startswith(f"{field}: ")
        assert [error["loc"] for error in body["errors"]] == [["body", field]]
    assert (await mine.get("/api/tasks")).json() == [task]


async def test_a_body_without_a_title_is_422(mine: httpx.AsyncClient) -> None:
    task = await create(mine)
    for method, path in [("POST", "/api/tasks"), ("PUT", f"/api/tasks/{task['id']}")]:
        answer = await mine.request(method, path, json={"description": "no title"})
        assert (answer.status_code, answer.json()["detail"]) == (422, "title: is required")


@pytest.mark.parametrize("completed", ["true", "yes", 1, 0, 1.0, [], {}])
async def test_completed_must_be_true_or_false(mine: httpx.AsyncClient, completed: object) -> None:
    task = await create(mine)
    body = {"title": "t", "completed": completed}
    answer = await mine.put(f"/api/tasks/{task['id']}", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("completed: ")


# Listing and filtering


async def test_three_created_tasks_are_three_listed_ones_newest_first(
    mine: httpx.AsyncClient,
) -> None:
    created = [await create(mine, title) for title in ("one", "two", "three")]
    answer = await mine.get("/api/tasks")
    assert (answer.status_code, answer.json()) == (200, created[::-1])


async def test_somebody_without_tasks_gets_an_empty_array(mine: httpx.AsyncClient) -> None:
    assert (await mine.get("/api/tasks")).json() == []


async def test_a_change_does_not_move_a_task_in_the_list(mine: httpx.AsyncClient) -> None:
    created = [await create(mine, title) for title in ("one", "two", "three")]
    await mine.patch(f"/api/tasks/{created[0]['id']}/complete")
    assert await titles(mine) == ["three", "two", "one"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["c", "b", "a"]),
        ("?status=all", ["c", "b", "a"]),
        ("?status=pending", ["c", "a"]),
        ("?status=completed", ["b"]),
        ("?unknown=1", ["c", "b", "a"]),
        ("?status=archive&status=completed", ["b"]),
    ],
)
async def test_the_status_filter_returns_exactly_the_tasks_of_that_status(
    mine: httpx.AsyncClient, query: str, expected: list[str]
) -> None:
    created = [await create(mine, title) for title in ("a", "b", "c")]
    await mine.patch(f"/api/tasks/{created[1]['id']}/complete")
    assert await titles(mine, query) == expected


@pytest.mark.parametrize(
    "query",
    [
        *("status=archive", "status=", "status", "status=ALL", "status=%20all", "status=all%00"),
        *("status=%FF", "status=all,pending", "status=true", "status=all&status=archive"),
    ],
)
async def test_any_other_status_is_400_with_the_agreed_sentence(
    mine: httpx.AsyncClient, query: str
) -> None:
    answer = await mine.get(f"/api/tasks?{query}")
    assert (answer.status_code, answer.json()) == (400, {"detail": INVALID_STATUS})


# Toggling


async def test_patch_toggles_a_pending_task_to_completed_and_back(mine: httpx.AsyncClient) -> None:
    task = await create(mine)
    for expected in (True, False, True):
        answer = await mine.patch(f"/api/tasks/{task['id']}/complete")
        assert (answer.status_code, answer.json()["completed"]) == (200, expected)
        assert (await mine.get(f"/api/tasks/{task['id']}")).json() == answer.json()


@pytest.mark.parametrize(
    "content",
    [b"", b'{"completed": false}', b'{"title": "x"}', b"{broken", b"\xff", b"[" * 200_000],
)
async def test_patch_ignores_whatever_body_comes_with_it(
    mine: httpx.AsyncClient, content: bytes
) -> None:
    task = await create(mine)
    answer = await mine.patch(f"/api/tasks/{task['id']}/complete", content=content, headers=JSON)
    assert answer.status_code == 200
    assert answer.json() == task | {"completed": True, "updated_at": answer.json()["updated_at"]}


async def test_an_odd_number_of_simultaneous_toggles_leaves_a_pending_task_completed(
    mine: httpx.AsyncClient,
) -> None:
    path = f"/api/tasks/{(await create(mine))['id']}"
    answers = await asyncio.gather(*(mine.patch(f"{path}/complete") for _ in range(51)))
    assert {answer.status_code for answer in answers} == {200}
    assert sum(answer.json()["completed"] for answer in answers) == 26
    assert (await mine.get(path)).json()["completed"] is True


async def test_updated_at_grows_with_each_change_however_fast_and_created_at_never_changes(
    mine: httpx.AsyncClient,
) -> None:
    task = await create(mine)
    path = f"/api/tasks/{task['id']}"
    toggles = [mine.patch(f"{path}/complete") for _ in range(40)]
    replacements = [mine.put(path, json={"title": "t"}) for _ in range(40)]
    answers = [answer.json() for answer in await asyncio.gather(*toggles, *replacements)]
    times = {task["updated_at"], *(answer["updated_at"] for answer in answers)}
    assert len(times) == 81
    assert min(times) == task["updated_at"]
    assert {answer["created_at"] for answer in answers} == {task["created_at"]}


# Deleting


async def test_delete_answers_204_with_neither_body_nor_content_type(
    mine: httpx.AsyncClient,
) -> None:
    answer = await mine.delete(f"/api/tasks/{(await create(mine))['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers
    assert answer.headers.get("content-length", "0") == "0"


async def test_a_deleted_task_is_404_for_every_operation_and_gone_from_the_list(
    mine: httpx.AsyncClient,
) -> None:
    kept, deleted = await create(mine, "kept"), await create(mine, "deleted")
    await mine.delete(f"/api/tasks/{deleted['id']}")
    for method, suffix in MEMBER:
        path = f"/api/tasks/{deleted['id']}{suffix}"
        answer = await mine.request(method, path, json={"title": "back"})
        assert (answer.status_code, answer.json()) == (404, {"detail": "Task not found"})
    assert (await mine.get("/api/tasks")).json() == [kept]


async def test_the_id_of_a_deleted_task_is_not_given_again(mine: httpx.AsyncClient) -> None:
    first = await create(mine)
    await mine.delete(f"/api/tasks/{first['id']}")
    assert (await create(mine))["id"] > first["id"]
