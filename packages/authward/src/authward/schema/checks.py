"""Refuses tables and fields that no database could have, before a server has them."""

from typing import Any, get_args

from authward.errors import ConfigurationError
from authward.schema.fields import DBField, DBTable, FieldType
from authward.schema.values import to_database

_TYPES = frozenset(get_args(get_args(FieldType)[0]))
_SYSTEM_COLUMNS = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})
_NAME_MAX_BYTES = 63


def check_table(owner: str, model: str, table: Any) -> None:
    """Refuse what cannot be a table.

    Raises:
        ConfigurationError: it names the owner and the table or field.
    """
    if not isinstance(table, DBTable):
        raise ConfigurationError(f"{owner}: {model!r} is no DBTable")
    _check_name(f"{owner}: the table {model!r}", table.name or model)
    columns: dict[str, str] = {}
    for name, field in table.fields.items():
        where = f"{owner}: {name!r} of {model!r}"
        _check_field(where, field)
        column = table.column(name)
        _check_name(where, column)
        if column in _SYSTEM_COLUMNS:
            raise ConfigurationError(f"{where} has the name of a system column, {column!r}")
        if (other := columns.setdefault(column, name)) != name:
            raise ConfigurationError(f"{where} has the same column as {other!r}: {column!r}")


def _check_field(where: str, field: Any) -> None:
    if not isinstance(field, DBField):
        raise ConfigurationError(f"{where} is no DBField")
    if not _is_type(field.type):
        known = ", ".join(sorted(_TYPES))
        raise ConfigurationError(
            f"{where} has the type {field.type!r}: choose {known}, or a tuple of texts"
        )
    if field.default_value is None or callable(field.default_value):
        return
    try:
        to_database(field, field.default_value)
    except ValueError as error:
        message = f"{where} cannot have the default value {field.default_value!r}: {error}"
        raise ConfigurationError(message) from None


def _is_type(given: Any) -> bool:
    if isinstance(given, tuple):
        return bool(given) and all(isinstance(text, str) for text in given)
    return isinstance(given, str) and given in _TYPES


def _check_name(where: str, name: str) -> None:
    if not name or "\0" in name or len(name.encode()) > _NAME_MAX_BYTES:
        message = f"{where} needs a name of 1 to {_NAME_MAX_BYTES} bytes, not {name!r}"
        raise ConfigurationError(message)
