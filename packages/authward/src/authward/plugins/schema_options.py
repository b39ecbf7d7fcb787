"""Other names for a plugin's tables and columns, and more columns: the option `schema`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from authward.errors import ConfigurationError
from authward.schema.fields import DBField, DBTable


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOptions:
    """How one of a plugin's tables is to be.

    Args:
        model_name: the table's name; for a table of the plugin's own.
        fields: other names for columns, by field.
        additional_fields: fields that the application adds, in tables of the plugin's own.
    """

    model_name: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    additional_fields: Mapping[str, DBField] = field(default_factory=dict)


SchemaOptions = Mapping[str, TableOptions]
"""By model, such as `{"user": TableOptions(fields={"role": "user_role"})}`."""


def renamed(plugin: str, tables: Mapping[str, DBTable], given: SchemaOptions) -> dict[str, DBTable]:
    """Return the tables with the names that the option has, where no field can be added.

    Raises:
        ConfigurationError: it names a model or a field that the plugin does not have.
    """
    changed = with_options(plugin, tables, given)
    for model, options in given.items():
        if options.additional_fields:
            raise ConfigurationError(f"{plugin}: schema[{model!r}] adds no fields")
    return changed


def with_options(
    plugin: str, tables: Mapping[str, DBTable], given: SchemaOptions
) -> dict[str, DBTable]:
    """Return the tables as the option wants them.

    Raises:
        ConfigurationError: it names a model or a field that the plugin does not have.
    """
    for model, options in given.items():
        if not isinstance(options, TableOptions):
            raise ConfigurationError(f"{plugin}: schema[{model!r}] is TableOptions(…)")
        known = tables[model].fields if model in tables else None
        if known is None:
            raise ConfigurationError(f"{plugin}: schema has {model!r}, which is no table of it")
        if unknown := sorted(set(options.fields) - set(known)):
            message = f"{plugin}: schema[{model!r}].fields has {unknown[0]!r}, no field of it"
            raise ConfigurationError(message)
    return {model: _table(table, given.get(model)) for model, table in tables.items()}


def _table(table: DBTable, options: TableOptions | None) -> DBTable:
    if options is None:
        return table
    fields = {
        name: replace(each, field_name=options.fields[name]) if name in options.fields else each
        for name, each in table.fields.items()
    }
    return replace(
        table,
        name=options.model_name or table.name,
        fields={**fields, **options.additional_fields},
    )
