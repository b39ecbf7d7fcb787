"""What can be said of a field and of a table: the original's field attributes, in snake case."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

FieldType: TypeAlias = (
    Literal["string", "number", "boolean", "date", "json", "string[]", "number[]"] | tuple[str, ...]
)
"""A tuple of texts is a string that should be one of them."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key: `field` of the table of `model`."""

    model: str
    field: str = "id"
    on_delete: Literal["cascade", "restrict", "set null", "set default", "no action"] = "cascade"


@dataclass(frozen=True, slots=True, kw_only=True)
class DBField:
    """One field of a table.

    Args:
        type: what it holds; `json`, `string[]` and `number[]` are `jsonb`, `date` is `timestamptz`.
        required: whether it may be null, and missing where a row is created.
        input: whether a client may set it; if not, only `default_value` and code do.
        returned: whether clients see it.
        default_value: the value of a new row, or a function that returns it.
        on_update: a function that returns the value whenever the row changes.
        field_name: the column's name, by default the field's.
        transform: what becomes of a value that a client gave.
        validator: raises ValueError, with a message for people, or returns the value to keep.
        unique, index, references, bigint: what the column is like.
    """

    type: FieldType
    required: bool = True
    input: bool = True
    returned: bool = True
    default_value: Any = None
    on_update: Callable[[], Any] | None = None
    field_name: str | None = None
    transform: Callable[[Any], Any] | None = None
    validator: Callable[[Any], Any] | None = None
    unique: bool = False
    index: bool = False
    references: Reference | None = None
    bigint: bool = False

    def default(self) -> Any:
        """Return the value of a new row that was given none."""
        return self.default_value() if callable(self.default_value) else self.default_value

    @property
    def is_text(self) -> bool:
        """Whether the column is text."""
        return self.type == "string" or isinstance(self.type, tuple)

    @property
    def is_json(self) -> bool:
        """Whether the column is `jsonb`."""
        return self.type in {"json", "string[]", "number[]"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DBIndex:
    """An index over several fields; `name` by default as the original would name it."""

    fields: Sequence[str]
    unique: bool = False
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DBTable:
    """A table of a plugin's own, or its fields in a table that there is."""

    fields: Mapping[str, DBField]
    name: str | None = None
    """The table's name, by default the model's."""
    indexes: Sequence[DBIndex] = field(default=())

    def column(self, name: str) -> str:
        """Return the name of a field's column."""
        return self.fields[name].field_name or name if name in self.fields else name
