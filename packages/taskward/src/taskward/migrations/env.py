"""Alembic's entry point: runs the migrations on the connection that `migrate` opened."""

from typing import Any

from alembic import context
from sqlmodel import SQLModel

import taskward.tasks.schemas  # noqa: F401
from authward.schema import tables


def is_ours(item: Any, _: str | None, kind: str, reflected: bool, same: Any) -> bool:
    """Whether a revision may be about it: what plugins added to Better Auth's is theirs."""
    is_added = reflected and same is None
    return not (is_added and (kind == "table" or item.table.name in tables.metadata.tables))


context.configure(
    connection=context.config.attributes["connection"],
    include_object=is_ours,
    target_metadata=[SQLModel.metadata, tables.metadata],
)
context.run_migrations()
