"""Roles and what they may do: the original's access control."""

import json
import subprocess
from typing import Any

import pytest

from authward import ConfigurationError
from authward.plugins import create_access_control
from authward.plugins.access import Role
from tests.support.servers import JS, node

STATEMENTS = {"user": ["create", "list", "ban"], "session": ["list"], "nothing": []}
REQUESTS: list[tuple[dict[str, Any], str]] = [
    ({"user": ["create"]}, "AND"),
    ({"user": ["create", "list"]}, "AND"),
    ({"user": ["create", "delete"]}, "AND"),
    ({"user": []}, "AND"),
    ({"user": []}, "OR"),
    ({}, "AND"),
    ({}, "OR"),
    ({"unknown": ["x"]}, "AND"),
    ({"unknown": ["x"]}, "OR"),
    ({"unknown": ["x"], "user": ["list"]}, "OR"),
    ({"nothing": ["x"]}, "AND"),
    ({"user": ["list"], "session": ["revoke"]}, "AND"),
    ({"user": ["list"], "session": ["revoke"]}, "OR"),
    ({"user": ["list"], "session": ["list"]}, "AND"),
    ({"user": {"actions": ["create", "delete"], "connector": "OR"}}, "AND"),
    ({"user": {"actions": ["create", "delete"], "connector": "AND"}}, "AND"),
    ({"user": {"actions": ["create", "delete"], "connector": "XOR"}}, "AND"),
    ({"user": {"actions": "create"}}, "AND"),
    ({"user": {}}, "AND"),
    ({"user": ["create", 7]}, "AND"),
    ({"user": {"actions": [7, "create"], "connector": "OR"}}, "AND"),
]
PRINT = """
import { createAccessControl } from "better-auth/plugins/access";
const { statements, requests } = JSON.parse(process.argv[1]);
const role = createAccessControl(statements).newRole(statements);
console.log(JSON.stringify(requests.map((each) => role.authorize(...each))));
"""


@pytest.fixture
def role() -> Role:
    return create_access_control(STATEMENTS).new_role(STATEMENTS)


def test_every_request_is_judged_as_by_the_original(role: Role) -> None:
    asked = json.dumps({"statements": STATEMENTS, "requests": REQUESTS})
    run = subprocess.run(
        [node(), "--input-type=module", "--eval", PRINT, asked],
        cwd=JS,
        capture_output=True,
        check=True,
    )
    theirs = [(each["success"], each.get("error")) for each in json.loads(run.stdout)]
    ours = [role.authorize(request, connector) for request, connector in REQUESTS]  # type: ignore[arg-type]
    assert [(each.success, each.error) for each in ours] == theirs


@pytest.mark.parametrize("wanted", ["create", None, 7])
def test_actions_that_are_no_list_are_an_error_of_the_programmer(role: Role, wanted: Any) -> None:
    with pytest.raises(TypeError):
        role.authorize({"user": wanted})


@pytest.mark.parametrize("actions", ["create", [7], [None]])
def test_statements_that_are_no_lists_of_texts_are_refused_by_name(actions: Any) -> None:
    with pytest.raises(ConfigurationError, match="user"):
        create_access_control({"user": actions})


def test_what_a_role_may_do_does_not_change_with_the_list_it_was_made_of() -> None:
    actions = ["list"]
    role = create_access_control(STATEMENTS).new_role({"user": actions})
    actions.append("ban")
    assert not role.authorize({"user": ["ban"]}).success
