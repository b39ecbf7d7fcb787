"""The registry: core's fields, the plugins' and the application's, merged once."""

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from authward.errors import ConfigurationError
from authward.schema.checks import check_table
from authward.schema.core import core_tables
from authward.schema.fields import DBField, DBTable
from authward.schema.style import BETTER_AUTH, GenerateId, IdType, TableStyle

Fields: TypeAlias = Mapping[str, DBField]
Source: TypeAlias = tuple[str, Mapping[str, DBTable]]
"""Whose tables they are, in words, and the tables by model."""

_APPLICATION = "additional_fields"


@dataclass(frozen=True, slots=True)
class TableNames:
    """Better Auth's `modelName` and `fields`: the names of a table and of its columns."""

    model_name: str | None = None
    fields: Mapping[str, str] = dataclasses.field(default_factory=dict)


NO_OTHER_NAME = TableNames()


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """How the tables are made.

    Args:
        names: other names for core's tables and their columns, by model.
        style: how all tables are named, and what their columns are.
        generate_id: who makes ids.
    """

    names: Mapping[str, TableNames] = dataclasses.field(default_factory=dict)
    style: TableStyle = BETTER_AUTH
    generate_id: GenerateId = None


AS_BETTER_AUTH = Made()


class ConflictError(ConfigurationError):
    """Two parts of a server want the same name; the message names both."""


class AuthSchema:
    """All tables. `added` has the fields of core's tables that are not core's own.

    Two sources may not have one field or one column of a table in common.
    """

    def __init__(
        self,
        plugins: Mapping[str, Mapping[str, DBTable]],
        additional: Mapping[str, Fields],
        *,
        rate_limit: bool = True,
        absent: Collection[str] = (),
        made: Made = AS_BETTER_AUTH,
    ) -> None:
        """Merge.

        Args:
            plugins: the tables of each plugin, by its id.
            additional: the application's `additional_fields`, by model.
            rate_limit: whether requests are counted, in a table of its own.
            absent: models that have no table, for their rows are elsewhere.
            made: how the tables are named, and what their columns are.

        Raises:
            ConflictError: two sources name the same thing.
            ConfigurationError: a table or field cannot be had.
        """
        core = core_tables(rate_limit=rate_limit)
        self._absent = absent
        self.style = made.style
        self.id_type: IdType = made.style.id_type(made.generate_id)
        self._owners: dict[str, str] = {}
        self.tables: dict[str, DBTable] = {}
        own = {model: DBTable(fields=fields) for model, fields in additional.items() if fields}
        by_plugins = [(f"the plugin {name!r}", tables) for name, tables in plugins.items()]
        for source in [("the core", core), *by_plugins, (_APPLICATION, own)]:
            self._add(*source)
        self._check_references()
        self._check_indexes()
        self.has_other_names = self._rename(made.names, core)
        self.added: dict[str, Fields] = {
            model: {n: f for n, f in self.tables[model].fields.items() if n not in table.fields}
            for model, table in core.items()
        }

    def input_fields(self, model: str) -> Fields:
        """Return what a client may send: the application's fields, then the plugins'."""
        added = self.added[model].items()
        own = {n: f for n, f in added if self._owner(model, n) == _APPLICATION}
        return {**own, **self.added[model]}

    def has_table(self, model: str) -> bool:
        """Whether rows of a model are in the database."""
        return model in self.tables and model not in self._absent

    @property
    def made_tables(self) -> dict[str, DBTable]:
        """The tables that are in the database, in the order in which they can be made."""
        return {model: t for model, t in self.tables.items() if model not in self._absent}

    @property
    def is_foreign(self) -> bool:
        """Whether its own tables are made, named or typed otherwise than Better Auth makes them."""
        return self.has_other_names or self.style != BETTER_AUTH or self.id_type != "text"

    def table(self, model: str) -> str:
        """Return the name of a model's table."""
        table = self.tables.get(model)
        return (table and table.name) or self.style.table(model)

    def column(self, model: str, field: str) -> str:
        """Return the name of a field's column, be it one that nobody has told us of."""
        table = self.tables.get(model)
        known = table is not None and field in table.fields
        return table.column(field) if table and known else self.style.column(field)

    def _rename(self, names: Mapping[str, TableNames], core: Mapping[str, DBTable]) -> bool:
        """Give all tables the names that they have in the database; tell whether any is another.

        Plugins' statements may be constants of their modules, which know the usual names only.
        """
        before = dict(self.tables)
        usual = {m: t if m in core else DBTable(fields=_unnamed(t)) for m, t in before.items()}
        taken: dict[str, str] = {}
        for model, table in before.items():
            renamed = _renamed(model, table, names.get(model, NO_OTHER_NAME), self.style)
            check_table("model_name or fields", model, renamed)
            if (other := taken.setdefault(renamed.name or model, model)) != model:
                raise ConflictError(f"{other!r} and {model!r} have one table, {renamed.name!r}")
            self.tables[model] = renamed
        return any(_names(m, usual[m]) != _names(m, t) for m, t in self.tables.items())

    def _add(self, owner: str, tables: Mapping[str, DBTable]) -> None:
        for model, table in tables.items():
            check_table(owner, model, table)
            known = self.tables.get(model)
            if known is None:
                if "id" in table.fields:
                    raise ConflictError(f"{owner}: {model!r} names 'id', which every table has")
                self._claim(owner, f"the table {(table.name or model)!r}")
            elif table.name is not None:
                raise ConflictError(f"{owner} would rename the table of {model!r}")
            for name in ("id", *table.fields) if known is None else table.fields:
                self._claim(owner, f"{name!r} of {model!r}")
                self._claim(owner, f"the column {table.column(name)!r} of {model!r}")
            self.tables[model] = table if known is None else _merged(known, table)

    def _claim(self, owner: str, what: str) -> None:
        other = self._owners.setdefault(what, owner)
        if other != owner:
            raise ConflictError(f"{owner} and {other} both have {what}")

    def _owner(self, model: str, name: str) -> str:
        return self._owners[f"{name!r} of {model!r}"]

    def _check_references(self) -> None:
        for model, name, field in self._fields():
            reference = field.references
            if reference is None:
                continue
            owner = self._owner(model, name)
            if reference.model not in self.tables:
                raise ConflictError(f"{owner}: {model}.{name} refers to no table there is")
            if not self._has(reference.model, reference.field):
                raise ConflictError(f"{owner}: {model}.{name} refers to no field there is")

    def _check_indexes(self) -> None:
        for model, table in self.tables.items():
            for name in (name for index in table.indexes for name in index.fields):
                if not self._has(model, name):
                    raise ConflictError(f"an index of {model!r} is over {name!r}, no field of it")

    def _has(self, model: str, name: str) -> bool:
        return name == "id" or name in self.tables[model].fields

    def _fields(self) -> Iterator[tuple[str, str, DBField]]:
        for model, table in self.tables.items():
            for name, field in table.fields.items():
                yield model, name, field


def _renamed(model: str, table: DBTable, names: TableNames, style: TableStyle) -> DBTable:
    if unknown := sorted(set(names.fields) - set(table.fields)):
        raise ConfigurationError(f"{model}.fields has {unknown[0]!r}, which is no field of it")
    columns = {n: style.column(names.fields.get(n) or table.column(n)) for n in table.fields}
    name = style.table(names.model_name or table.name or model)
    fields = {n: replace(f, field_name=columns[n]) for n, f in table.fields.items()}
    return replace(table, name=name, fields=fields)


def _unnamed(table: DBTable) -> Fields:
    return {name: replace(field, field_name=None) for name, field in table.fields.items()}


def _names(model: str, table: DBTable) -> tuple[str, list[str]]:
    return table.name or model, [table.column(name) for name in table.fields]


def _merged(known: DBTable, more: DBTable) -> DBTable:
    return replace(
        known,
        fields={**known.fields, **more.fields},
        indexes=(*known.indexes, *more.indexes),
    )
