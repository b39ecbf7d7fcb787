"""Which rows of a table are meant: the original's `where`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from sqlalchemy import ARRAY, ColumnElement, Table, Text, and_, bindparam, false, or_

from authward.schema.column_types import RowId, id_text

Operator: TypeAlias = Literal[
    "eq",
    "ne",
    "lt",
    "lte",
    "gt",
    "gte",
    "in",
    "not_in",
    "contains",
    "starts_with",
    "ends_with",
]
_PATTERNS = {"contains": "%{}%", "starts_with": "{}%", "ends_with": "%{}"}
_LIKE = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})


@dataclass(frozen=True, slots=True)
class Where:
    """One condition; those with the connector OR are alternatives to one another.

    `value` of `in` and `not_in` is a sequence; that of the text operators a text, in which `%` and
    `_` stand for themselves.
    """

    field: str
    value: Any
    operator: Operator = "eq"
    connector: Literal["AND", "OR"] = "AND"
    ignore_case: bool = False

    @property
    def shape(self) -> tuple[object, ...]:
        """What the SQL depends on; the value is a parameter."""
        return self.field, self.operator, self.connector, self.ignore_case, self.value is None

    @property
    def parameter(self) -> Any:
        """The value as the statement takes it."""
        if self.operator in _PATTERNS:
            return _PATTERNS[self.operator].format(str(self.value).translate(_LIKE))
        return list(self.value) if self.operator in {"in", "not_in"} else self.value

    def condition(self, table: Table, name: str) -> ColumnElement[bool]:
        """Return the SQL; `name` is the parameter's."""
        column: ColumnElement[Any] = table.c[self.field]
        if self.value is None:
            return column.is_not(None) if self.operator == "ne" else column.is_(None)
        parameter: Any = bindparam(name, type_=column.type)
        if self.operator in _PATTERNS:
            column = id_text(column) if isinstance(column.type, RowId) else column
            parameter = bindparam(name, type_=Text)
            return column.ilike(parameter) if self.ignore_case else column.like(parameter)
        if self.operator in {"in", "not_in"}:
            values: Any = bindparam(name, type_=ARRAY(column.type))
            found: ColumnElement[bool] = column == values.any_()
            return found if self.operator == "in" else ~found
        comparisons: dict[str, ColumnElement[bool]] = {
            "eq": column == parameter,
            "ne": column.is_distinct_from(parameter),
            "lt": column < parameter,
            "lte": column <= parameter,
            "gt": column > parameter,
            "gte": column >= parameter,
        }
        return comparisons[self.operator]


Conditions: TypeAlias = Mapping[str, Any] | Sequence[Where]
"""Values that fields have, or conditions."""


def conditions_of(where: Conditions) -> list[Where]:
    """Return conditions in their general form."""
    if isinstance(where, Mapping):
        return [Where(name, value) for name, value in where.items()]
    return list(where)


def clause(table: Table, where: Sequence[Where]) -> ColumnElement[bool] | None:
    """Return the SQL of all conditions, whose parameters are `where_0`, `where_1`, …"""
    found = [(each, each.condition(table, f"where_{i}")) for i, each in enumerate(where)]
    required = [sql for each, sql in found if each.connector == "AND"]
    alternatives = [sql for each, sql in found if each.connector == "OR"]
    if alternatives:
        required.append(or_(false(), *alternatives))
    return and_(*required) if required else None


def parameters(where: Sequence[Where]) -> dict[str, Any]:
    """Return the values of the parameters."""
    return {f"where_{i}": e.parameter for i, e in enumerate(where) if e.value is not None}
