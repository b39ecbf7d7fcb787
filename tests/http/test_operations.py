"""What the hot paths take from FastAPI's routes."""

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Path
from pydantic import BeforeValidator

from authward.fastapi.current_user import CurrentUser, jwt_bearer
from taskward.http.operations import compile_operations


def number_of(kind: Any) -> str | None:
    """The parameter that is read as `int` reads it, in a path with one of this type."""
    router = APIRouter(prefix="/api/tasks")

    @router.get("/{task}")
    async def endpoint(task: kind, user: CurrentUser) -> None: ...

    [operation] = compile_operations(router, {jwt_bearer: lambda *_: None}).values()
    return operation.number


@pytest.mark.parametrize("kind", [int, Annotated[int, Path(ge=0, lt=10**18)]])
def test_a_number_that_any_digits_make_is_read_without_pydantic(kind: Any) -> None:
    assert number_of(kind) == "task"


@pytest.mark.parametrize(
    "kind",
    [
        str,
        float,
        bool,
        Annotated[int, Path(ge=1)],
        Annotated[int, Path(lt=10**18 - 1)],
        Annotated[int, Path(multiple_of=2)],
        Annotated[int, BeforeValidator(lambda digits: int(digits, 8))],
        Annotated[int, BeforeValidator(lambda digits: int(digits) if digits[:2] != "00" else 0)],
    ],
)
def test_what_reads_digits_in_another_way_is_asked_each_time(kind: Any) -> None:
    assert number_of(kind) is None


def test_of_two_parameters_none_is_the_number() -> None:
    router = APIRouter(prefix="/api/tasks")

    @router.get("/{task}/{other}")
    async def endpoint(task: int, other: int, user: CurrentUser) -> None: ...

    [operation] = compile_operations(router, {jwt_bearer: lambda *_: None}).values()
    assert operation.number is None
