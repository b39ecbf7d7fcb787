"""The examples in the OpenAPI document: there is one for everything, and each is taken."""

import json
import re
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import User
from tests.support.factories import signed_in
from tests.support.servers import ROOT

DOCUMENT = json.loads((ROOT / "tests" / "openapi.json").read_text())
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = {
    operation["operationId"]: (method, path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
WITH_BODY = [name for name, (_, _, operation) in OPERATIONS.items() if "requestBody" in operation]
EVERY_BODY = pytest.mark.parametrize("name", WITH_BODY)
NOT_TAKEN = re.compile("VALIDATION_ERROR|UNSUPPORTED_MEDIA_TYPE")


def body_of(operation: dict[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The kind of a body, its schema and its example, where Swagger UI looks for it."""
    ((kind, content),) = operation["requestBody"]["content"].items()
    schema = SCHEMAS[content["schema"]["$ref"].rpartition("/")[2]]
    return kind, schema, content.get("example", schema["examples"][0])


@EVERY_BODY
def test_every_body_has_an_example_with_all_that_is_required(name: str) -> None:
    _, schema, example = body_of(OPERATIONS[name][2])
    assert {*schema.get("required", ())} <= example.keys() <= schema["properties"].keys()
    for key, value in example.items():
        pattern = schema["properties"][key].get("pattern")
        assert pattern is None or re.search(pattern, value)


@EVERY_BODY
def test_every_text_in_a_body_has_an_example_so_that_none_is_made_from_its_pattern(
    name: str,
) -> None:
    for key, of in body_of(OPERATIONS[name][2])[1]["properties"].items():
        kinds = of.get("anyOf", [of])
        if any("pattern" in kind for kind in kinds):
            assert any("examples" in k or "example" in k for k in (of, *kinds)), key


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_parameter_has_an_example_and_only_what_is_required_is_filled_in(name: str) -> None:
    for parameter in OPERATIONS[name][2].get("parameters", []):
        schema = parameter["schema"]
        assert "examples" in schema or "default" in schema, parameter["name"]
        assert ("example" in parameter or "examples" in parameter) == parameter["required"]


@pytest.mark.parametrize("name", [n for n in WITH_BODY if "/api/auth/" in OPERATIONS[n][1]])
async def test_an_endpoint_takes_its_example(app: FastAPI, name: str) -> None:
    method, path, operation = OPERATIONS[name]
    kind, _, example = body_of(operation)
    content = urlencode(example) if "form" in kind else json.dumps(example)
    async with signed_in(app) as browser:
        answer = await browser.client.request(
            method,
            path.replace("{provider}", "github"),
            content=content,
            headers={"content-type": kind},
        )
    assert answer.status_code != 415
    assert not NOT_TAKEN.search(answer.text)
    assert not answer.text.startswith('{"detail":"') or '"errors"' not in answer.text
    if name == "updateUser":
        assert answer.status_code == 200


async def test_the_task_operations_take_theirs(client: httpx.AsyncClient, alice: User) -> None:
    create, update = (body_of(OPERATIONS[name][2])[2] for name in ("createTask", "updateTask"))
    created = await client.post("/api/tasks", json=create, headers=alice.headers)
    assert created.status_code == 201
    path = created.headers["location"]
    updated = await client.put(path, json=update, headers=alice.headers)
    assert (updated.status_code, updated.json()["description"]) == (200, create["description"])
    links = OPERATIONS["createTask"][2]["responses"]["201"]["links"].values()
    assert {link["operationId"] for link in links} <= OPERATIONS.keys()


async def test_who_has_signed_up_as_in_the_example_can_sign_in_as_in_the_other(
    client: httpx.AsyncClient,
) -> None:
    up, into = (body_of(OPERATIONS[name][2])[2] for name in ("signUpEmail", "signInEmail"))
    assert {key: up[key] for key in into} == into
    assert body_of(OPERATIONS["verifyPassword"][2])[2]["password"] == up["password"]
    assert body_of(OPERATIONS["login"][2])[2] == into


def test_swagger_ui_remembers_who_is_authorized(app: FastAPI) -> None:
    assert app.swagger_ui_parameters == {"persistAuthorization": True}
