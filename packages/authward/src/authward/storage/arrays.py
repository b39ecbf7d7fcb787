"""Arrays as parameters: as the text that PostgreSQL reads.

asyncpg asks of each element twice or thrice whether it is an array itself, by abstract base
classes: that was a sixteenth of what a small request costs. One text is written at once.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import ARRAY, Cast, Text, bindparam, cast
from sqlalchemy.types import TypeEngine

Scalar: TypeAlias = int | float | Decimal | date | UUID
"""What PostgreSQL reads as `str` writes it; a `bool` and a `datetime` are among them."""


class ArrayText(Text):
    """The type of a parameter that is what `array_text` returns."""


def array_parameter(name: str, kind: TypeEngine[Any]) -> Cast[Sequence[Any]]:
    """Return a parameter that is given as `array_text`, as an array of `kind`."""
    return cast(bindparam(name, type_=ArrayText()), ARRAY(kind))


def array_text(values: Sequence[Any]) -> str:
    """Return an array of one dimension, for instance `{"a","b"}`.

    Args:
        values: texts, bytes, None and what `Scalar` names.

    Raises:
        TypeError: an element is of another type.

    Source: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
    """
    kinds = set(map(type, values))
    if kinds == {int}:
        return f"{{{','.join(map(str, values))}}}"
    if kinds == {str}:
        joined = '","'.join(values)
        if "\\" not in joined and joined.count('"') == 2 * (len(values) - 1):
            return f'{{"{joined}"}}'
    return f"{{{','.join(map(_element, values))}}}"


def _element(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return rf'"\\x{value.hex()}"'
    if isinstance(value, str):
        escaped = value.replace("\\", r"\\").replace('"', r"\"")
        return f'"{escaped}"'
    if isinstance(value, Scalar):
        return f'"{value!s}"'
    msg = f"{type(value)} has no form in an array"
    raise TypeError(msg)
