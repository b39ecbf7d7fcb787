"""The list of tools as assistants read it: written by hand, because every byte is read each time.

JSON Schema 2020-12. A test compares the limits with those of `arguments.py`, and one weighs it all.
"""

from typing import Any, NamedTuple, TypeAlias

from taskward.mcp.arguments import LISTED, MOST_LISTED, MOST_NEW_TASKS, QUERY_MAX_LENGTH
from taskward.tasks.schemas import DESCRIPTION_MAX_LENGTH, TITLE_MAX_LENGTH

Schema: TypeAlias = dict[str, Any]


class Hints(NamedTuple):
    """What a client may let a tool do unasked; one that is absent would count as the worst."""

    read_only: bool
    destructive: bool
    idempotent: bool

    def as_annotations(self) -> dict[str, bool]:
        """Return them as the protocol has them; no tool reaches beyond these tasks."""
        return {
            "readOnlyHint": self.read_only,
            "destructiveHint": self.destructive,
            "idempotentHint": self.idempotent,
            "openWorldHint": False,
        }


READS = Hints(read_only=True, destructive=False, idempotent=True)
ADDS = Hints(read_only=False, destructive=False, idempotent=False)
SETS = Hints(read_only=False, destructive=False, idempotent=True)
DELETES = Hints(read_only=False, destructive=True, idempotent=False)


def _text(description: str, most: int) -> Schema:
    return {"type": "string", "description": description, "maxLength": most}


def _title(description: str) -> Schema:
    return _text(description, TITLE_MAX_LENGTH) | {"minLength": 1}


def _object(properties: Schema, *required: str) -> Schema:
    """What is taken: nothing else."""
    needs = {"required": [*required]} if required else {}
    return {
        "type": "object",
        "properties": properties,
        **needs,
        "additionalProperties": False,
    }


def _result(**kinds: str | Schema) -> Schema:
    """What is handed back."""
    properties = {k: {"type": v} if isinstance(v, str) else v for k, v in kinds.items()}
    return {"type": "object", "properties": properties}


def _list_of(item: Schema) -> Schema:
    return {"type": "array", "items": item}


_TITLE = _title("What to do.")
_DESCRIPTION = _text("Plain text.", DESCRIPTION_MAX_LENGTH)
_TASK_ID = {"type": "integer", "description": "From list_tasks."}
_NEW = {"title": _TITLE, "description": _DESCRIPTION}
_NULL = {"type": "null"}
_WHOLE_TASK: dict[str, str | Schema] = {
    "id": "integer",
    "title": "string",
    "description": {"anyOf": [{"type": "string"}, _NULL]},
    "completed": "boolean",
    "created_at": "string",
    "updated_at": "string",
}
_CHANGED: dict[str, str | Schema] = {"task_id": "integer", "status": "string", "title": "string"}

ADD_TASK = (_object(_NEW, "title"), _result(**_CHANGED))
ADD_TASKS = (
    _object(
        {
            "tasks": {
                **_list_of(_object(_NEW, "title")),
                "description": "In order.",
                "minItems": 1,
                "maxItems": MOST_NEW_TASKS,
            }
        },
        "tasks",
    ),
    _result(status="string", tasks=_list_of({"type": "object"})),
)
LIST_TASKS = (
    _object(
        {
            "status": {
                "enum": ["all", "pending", "completed"],
                "description": "Which tasks; all by default.",
            },
            "query": _text("Text in title or description.", QUERY_MAX_LENGTH),
            "limit": {
                "type": "integer",
                "description": "How many at most.",
                "minimum": 1,
                "maximum": MOST_LISTED,
                "default": LISTED,
            },
            "before_id": {
                "type": "integer",
                "description": "next_before_id of the page before.",
            },
        }
    ),
    _result(tasks=_list_of({"type": "object"}), total="integer", next_before_id="integer"),
)
GET_TASK = (_object({"task_id": _TASK_ID}, "task_id"), _result(**_WHOLE_TASK))
UPDATE_TASK = (
    _object(
        {
            "task_id": _TASK_ID,
            "title": _title("The new title."),
            "description": {
                "description": "Null clears it.",
                "anyOf": [{"type": "string", "maxLength": DESCRIPTION_MAX_LENGTH}, _NULL],
            },
            "completed": {"type": "boolean", "description": "Whether it is done."},
        },
        "task_id",
    ),
    _result(**_CHANGED, completed="boolean"),
)
COMPLETE_TASK = (
    _object(
        {
            "task_id": _TASK_ID,
            "completed": {
                "type": "boolean",
                "description": "False makes it pending again.",
                "default": True,
            },
        },
        "task_id",
    ),
    _result(**_CHANGED),
)
DELETE_TASK = (
    _object({"task_id": _TASK_ID}, "task_id"),
    _result(**_CHANGED, task={"type": "object"}),
)
