"""Refuses what is said of tables and ids, and cannot be."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args

from authward.errors import ConfigurationError
from authward.options import BetterAuthOptions
from authward.schema.style import STYLES, IdType, TableStyle, TimeType

_MADE: dict[Any, tuple[IdType, ...]] = {"uuid": ("uuid",), "serial": ("integer",)}
_NAMED = ("user", "session", "account", "verification", "rate_limit")


def check_tables(options: BetterAuthOptions) -> None:
    """Refuse options about tables, by name.

    Raises:
        ConfigurationError: it names the option.
    """
    given: Any = options.tables
    if not isinstance(given, TableStyle) and not (isinstance(given, str) and given in STYLES):
        words = " or ".join(map(repr, STYLES))
        raise ConfigurationError(f"tables is {words}, or a TableStyle, not {given!r}")
    _check_style(options.table_style)
    _check_ids(options.advanced.database.generate_id, options.table_style)
    for name in _NAMED:
        _check_names(name, getattr(options, name))


def _check_style(style: TableStyle) -> None:
    for field in fields(style):
        value: Any = getattr(style, field.name)
        known = {"times": get_args(TimeType), "ids": (None, *get_args(IdType))}
        allowed = known.get(field.name, (True, False))
        if not any(value is each or (isinstance(value, str) and value == each) for each in allowed):
            words = ", ".join(map(repr, allowed))
            raise ConfigurationError(f"tables.{field.name} is one of {words}, not {value!r}")


def _check_ids(generate_id: Any, style: TableStyle) -> None:
    name = "advanced.database.generate_id"
    is_word = isinstance(generate_id, str)
    if is_word and generate_id in _MADE:
        if style.ids not in (None, *_MADE[generate_id]):
            raise ConfigurationError(f"{name} {generate_id!r} makes no ids of type {style.ids!r}")
        return
    if generate_id is not None and generate_id is not False and not callable(generate_id):
        message = f"{name} is 'uuid', 'serial', False or a function, not {generate_id!r}"
        raise ConfigurationError(message)
    if generate_id is None and style.ids == "integer":
        raise ConfigurationError(f"tables.ids is 'integer': who makes them? Set {name} 'serial'")


def _check_names(name: str, group: Any) -> None:
    if group.model_name is not None and not isinstance(group.model_name, str):
        raise ConfigurationError(f"{name}.model_name is a text, not {group.model_name!r}")
    columns = group.fields
    is_mapping = isinstance(columns, Mapping)
    if not is_mapping or not all(isinstance(each, str) for each in columns.values()):
        raise ConfigurationError(f"{name}.fields are names of columns by field, not {columns!r}")
