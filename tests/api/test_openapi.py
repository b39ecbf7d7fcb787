"""The documentation: what it promises is what the server does, and it needs no other server.

`UPDATE_SNAPSHOTS=1 make test PYTEST_ARGS=tests/api/test_openapi.py` renews `tests/openapi*.json`.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from taskward.app import create_app
from tests.conftest import BASE_URL, User, settings_for
from tests.support.servers import ROOT

SNAPSHOT = ROOT / "tests" / "openapi.json"
PLUGINS_SNAPSHOT = ROOT / "tests" / "openapi-plugins.json"
OPERATIONS = {
    ("post", "/api/tasks"): {"201", "401", "409", "413", "415", "422", "503"},
    ("get", "/api/tasks"): {"200", "304", "400", "401", "503"},
    ("get", "/api/tasks/{id}"): {"200", "304", "401", "404", "422", "503"},
    ("put", "/api/tasks/{id}"): {"200", "401", "404", "412", "413", "415", "422", "503"},
    ("patch", "/api/tasks/{id}/complete"): {"200", "401", "404", "412", "422", "503"},
    ("delete", "/api/tasks/{id}"): {"204", "401", "404", "412", "422", "503"},
}
WITHOUT_NUL = r"^[^\u0000]*$"
CONDITIONS = [
    {"If-Match": '"another"'},
    {"If-None-Match": "*"},
    {"Content-Encoding": "gzip", "If-Match": "*"},
]
LOADED = re.compile(r"""(?:src|href|url)\s*[=:]\s*["']([^"']+)["']""")
EVERY_OPERATION = pytest.mark.parametrize(("method", "path"), OPERATIONS)


@pytest.fixture
async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def members(document: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]:
    """The members of the object with which an operation answers."""
    reference: str = response["content"]["application/json"]["schema"]["$ref"]
    schema = document["components"]["schemas"][reference.rpartition("/")[2]]
    found: dict[str, Any] = schema["properties"]
    return found


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (v for k, v in value.items() if k == "$ref")
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from references(item)


# What it lists


async def test_exactly_the_six_operations_are_documented_under_tasks(
    document: dict[str, Any],
) -> None:
    listed = {(m, path) for m, path, op in operations(document) if op["tags"] == ["tasks"]}
    assert listed == OPERATIONS.keys()


async def test_everything_else_is_documented_under_auth(document: dict[str, Any]) -> None:
    others = [(op["tags"], path) for _, path, op in operations(document) if op["tags"] != ["tasks"]]
    assert len(others) > 10
    for tags, path in others:
        assert tags == ["auth"]
        assert path.startswith("/api/auth/")


async def test_every_operation_has_an_id_of_its_own_and_a_summary(document: dict[str, Any]) -> None:
    ids = [op["operationId"] for _, _, op in operations(document)]
    assert len(ids) == len(set(ids))
    assert all(op["summary"] for _, _, op in operations(document))


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    names = {reference.removeprefix("#/components/schemas/") for reference in references(document)}
    assert names <= document["components"]["schemas"].keys()
    assert names


@EVERY_OPERATION
async def test_each_task_operation_documents_exactly_the_answers_it_gives(
    document: dict[str, Any], method: str, path: str
) -> None:
    responses = document["paths"][path][method]["responses"]
    assert responses.keys() == OPERATIONS[method, path]
    for status, response in responses.items():
        if status >= "400":
            found = members(document, response)
            assert found.keys() == ({"detail", "errors"} if status == "422" else {"detail"})
            assert found["detail"]["type"] == "string"


async def test_no_error_is_documented_with_a_list_for_a_detail(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    details = [schema.get("properties", {}).get("detail") for schema in schemas.values()]
    assert {detail["type"] for detail in details if detail} == {"string"}


async def test_authorize_takes_the_jwt_and_all_six_need_it(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert schemes.keys() == {"JWT"}
    assert schemes["JWT"]["type"] == "http"
    assert (schemes["JWT"]["scheme"], schemes["JWT"]["bearerFormat"]) == ("bearer", "JWT")
    for method, path in OPERATIONS:
        assert document["paths"][path][method]["security"] == [{"JWT": []}]


async def test_the_limits_of_a_task_are_documented(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in ("TaskCreate", "TaskUpdate"):
        title = schemas[name]["properties"]["title"]
        description = schemas[name]["properties"]["description"]["anyOf"]
        assert (title["type"], title["minLength"], title["maxLength"]) == ("string", 1, 200)
        text = {"type": "string", "maxLength": 10_000, "pattern": WITHOUT_NUL}
        assert description == [{**text, "examples": ["Two litres"]}, {"type": "null"}]
        assert re.fullmatch(title["pattern"], " a ")
        assert not re.fullmatch(title["pattern"], " \t\u3000")
        assert not re.fullmatch(title["pattern"], "a\0")
        assert schemas[name]["required"] == ["title"]


async def test_the_filter_is_documented_with_its_three_values(document: dict[str, Any]) -> None:
    parameter, _ = document["paths"]["/api/tasks"]["get"]["parameters"]
    assert (parameter["name"], parameter["required"]) == ("status", False)
    assert parameter["schema"]["enum"] == ["all", "pending", "completed"]
    assert parameter["schema"]["default"] == "all"


# What it promises


async def test_a_task_has_exactly_the_documented_members(
    client: httpx.AsyncClient, alice: User, document: dict[str, Any]
) -> None:
    schema = document["components"]["schemas"]["TaskRead"]
    task = (await client.post("/api/tasks", json={"title": "t"}, headers=alice.headers)).json()
    assert list(task) == list(schema["properties"])
    assert set(schema["required"]) == task.keys()


@EVERY_OPERATION
async def test_each_operation_answers_as_documented_for_an_owner_a_stranger_and_a_bad_request(
    client: httpx.AsyncClient, alice: User, document: dict[str, Any], method: str, path: str
) -> None:
    created = await client.post("/api/tasks", json={"title": "t"}, headers=alice.headers)
    seen = set()
    for task_id in (created.json()["id"], 0, "abc"):
        for headers in (*({**alice.headers, **extra} for extra in CONDITIONS), alice.headers, {}):
            for body in ({"title": "t"}, {"title": ""}):
                for query in ("", "?status=archive"):
                    target = path.format(id=task_id) + query
                    answer = await client.request(method, target, json=body, headers=headers)
                    seen.add(str(answer.status_code))
    documented = document["paths"][path][method]["responses"].keys()
    assert seen == documented - {"409", "413", "503"}


async def test_the_document_is_the_one_that_was_reviewed(app: FastAPI) -> None:
    assert_reviewed(app.openapi(), SNAPSHOT)


async def test_what_the_page_uses_of_plugins_is_documented_as_it_was_reviewed(
    database_url: str,
) -> None:
    app = create_app(settings_for(database_url, better_auth_plugins="two-factor,passkey"))
    document = app.openapi()
    used = {
        path: operations
        for path, operations in document["paths"].items()
        if path.startswith(("/api/auth/two-factor/", "/api/auth/passkey/"))
    }
    assert len(used) == 15
    assert_reviewed(part_of(document, used), PLUGINS_SNAPSHOT)


def assert_reviewed(document: dict[str, Any], snapshot: Path) -> None:
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        snapshot.write_text(text)
    assert text == snapshot.read_text(), f"if this is meant: {__doc__.splitlines()[2]}"


def part_of(document: dict[str, Any], paths: dict[str, Any]) -> dict[str, Any]:
    """The document with these paths only, and with the schemas that they need."""
    schemas, needed = document["components"]["schemas"], dict[str, Any]()
    waiting = [*references(paths)]
    while waiting:
        name = waiting.pop().rpartition("/")[2]
        if name not in needed:
            needed[name] = schemas[name]
            waiting += references(schemas[name])
    known = {key: document[key] for key in ("info", "openapi")}
    return {**known, "paths": paths, "components": {"schemas": needed}}


# The pages


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
async def test_the_documentation_pages_load_nothing_from_elsewhere(
    client: httpx.AsyncClient, page: str
) -> None:
    answer = await client.get(page)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "//" not in re.sub(
        r"<!--.*?-->|^\s*//.*$", "", answer.text, flags=re.DOTALL | re.MULTILINE
    )
    parts = LOADED.findall(answer.text)
    assert len(parts) >= 2
    for part in parts:
        loaded = await client.get(part)
        assert (part, loaded.status_code) == (part, 200)
        assert loaded.content


async def test_the_bare_address_leads_to_the_documentation_where_there_is_no_page(
    database_url: str, tmp_path: Path
) -> None:
    app = create_app(settings_for(database_url, frontend_dir=tmp_path))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        answer = await client.get("/", follow_redirects=True)
    assert (answer.status_code, answer.url.path) == (200, "/docs")
