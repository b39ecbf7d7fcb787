"""A plugin's own table as SQLAlchemy has it: its columns' keys are the fields' names."""

from typing import Any

from sqlalchemy import Column, MetaData, Table

from authward.schema.column_types import RowId
from authward.schema.fields import DBTable
from authward.schema.user_tables import column_type


def sql_table(model: str, table: DBTable) -> Table:
    """Return the table, to write statements with."""
    columns: list[Column[Any]] = [Column("id", RowId(), primary_key=True)]
    for name, field in table.fields.items():
        column: Column[Any] = Column(
            table.column(name), column_type(field), key=name, nullable=not field.required
        )
        columns.append(column)
    return Table(table.name or model, MetaData(), *columns, info={"model": model})
