"""Error codes: members of an enumeration, so that a typo is an error of types."""

import json
import subprocess
from typing import get_type_hints

import pytest

from authward.codes import Code, ErrorCode
from authward.errors import APIError
from tests.support.servers import JS, node

PRINT = """
import { BASE_ERROR_CODES } from "@better-auth/core/error";
console.log(JSON.stringify(BASE_ERROR_CODES));
"""


class PluginCode(ErrorCode):
    """What a plugin would bring along."""

    TOO_EARLY = 425, "Not yet"


def test_messages_are_the_originals_to_the_letter() -> None:
    run = subprocess.run(
        [node(), "--input-type=module", "--eval", PRINT], cwd=JS, capture_output=True, check=True
    )
    theirs = {name: error["message"] for name, error in json.loads(run.stdout).items()}
    shared = [code for code in Code if code.name in theirs]
    assert {code.name: code.message for code in shared} == {c.name: theirs[c.name] for c in shared}
    assert len(shared) > 40


def test_an_error_takes_status_and_message_from_its_code() -> None:
    error = APIError(Code.SESSION_NOT_FRESH)
    assert (error.status, error.code) == (403, "SESSION_NOT_FRESH")
    assert error.body == {"message": "Session is not fresh", "code": "SESSION_NOT_FRESH"}


def test_status_and_message_can_be_others() -> None:
    error = APIError(Code.INVALID_TOKEN, status=404, message="No such token")
    assert (error.status, error.body) == (
        404,
        {"message": "No such token", "code": "INVALID_TOKEN"},
    )


def test_a_plugin_has_codes_of_its_own() -> None:
    error = APIError(PluginCode.TOO_EARLY)
    assert (error.status, error.body) == (425, {"message": "Not yet", "code": "TOO_EARLY"})


def test_an_error_may_have_a_message_alone_or_nothing_at_all() -> None:
    assert APIError(400, message="No fields to update").body == {"message": "No fields to update"}
    assert APIError(302).body is None


def test_what_is_no_code_is_no_member_and_no_text_passes_for_one() -> None:
    with pytest.raises(AttributeError):
        Code.INVALID_TOKENS  # type: ignore[attr-defined]  # noqa: B018
    assert get_type_hints(APIError.__init__)["error"] == ErrorCode | int


def test_the_text_of_an_error_says_what_is_wrong() -> None:
    missing = APIError(Code.MISSING_FIELD, message="plan is required")
    assert str(missing) == "MISSING_FIELD: plan is required"
    assert str(APIError(429, message="Too many")) == "Too many"
    assert str(APIError(302)) == ""
