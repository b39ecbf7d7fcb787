"""What tools take: checked as strictly as the API's bodies, and refused in the same words."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    ValidationError,
)

from taskward.mcp.errors import ToolError
from taskward.tasks.schemas import TaskCreate, TaskUpdate, Title, without_nul
from taskward.tasks.tool_statements import NEWEST
from taskward.validation import message_of

MOST_NEW_TASKS = 50
QUERY_MAX_LENGTH = 200
MOST_LISTED, LISTED = 200, 50
USER_ID = "user_id"
_MOST_PROBLEMS = 5
_CLEARABLE = "description"
_Arguments = TypeVar("_Arguments", bound=BaseModel)


def _whole(value: Any) -> Any:
    """JSON has one kind of number: 5.0 is the integer 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


TaskId = Annotated[StrictInt, BeforeValidator(_whole), Field(ge=1, le=NEWEST)]
_ONLY = ConfigDict(extra="forbid")


class Nothing(BaseModel):
    """A tool's arguments; one that it does not have is refused."""

    model_config = _ONLY


class AddTask(TaskCreate):
    """A new task."""

    model_config = _ONLY


class AddTasks(Nothing):
    """New tasks."""

    tasks: Annotated[list[AddTask], Field(min_length=1, max_length=MOST_NEW_TASKS)]


class ListTasks(Nothing):
    """Which tasks, and how many."""

    status: Literal["all", "pending", "completed"] = "all"
    query: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=QUERY_MAX_LENGTH),
        AfterValidator(without_nul),
    ] = ""
    limit: Annotated[StrictInt, BeforeValidator(_whole), Field(ge=1, le=MOST_LISTED)] = LISTED
    before_id: TaskId = NEWEST


class OneTask(Nothing):
    """A task's id."""

    task_id: TaskId


class UpdateTask(TaskUpdate, OneTask):
    """What is to be changed."""

    title: Title | None = None  # type: ignore[assignment]  # here it may stay as it is


class CompleteTask(OneTask):
    """Which way."""

    completed: StrictBool = True


def parse(model: type[_Arguments], arguments: Mapping[str, Any], user_id: str) -> _Arguments:
    """Return the arguments of a call by this user.

    What is null counts as not given, as some clients fill in all that a schema has; but a
    description of null is none.

    Raises:
        ToolError: says what is wrong with them.
    """
    given = {k: v for k, v in arguments.items() if v is not None or k == _CLEARABLE}
    if given.pop(USER_ID, user_id) != user_id:
        raise ToolError("user_id is not the signed-in user")
    try:
        return model.model_validate(given)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)[:_MOST_PROBLEMS]
        raise ToolError("; ".join(_sentence(model, problem) for problem in problems)) from None


def _sentence(model: type[BaseModel], problem: Mapping[str, Any]) -> str:
    location, message = [*map(str, problem["loc"])], message_of(problem)
    if problem["type"] == "extra_forbidden":  # its name is the client's own
        inner = AddTask if len(location) > 1 else model
        location, message = location[:-1], f"takes only {', '.join(inner.model_fields)}"
    return f"{'.'.join(location) or 'the tool'}: {message}"
