"""Alembic's entry point: runs the migrations on the connection that `migrate` opened."""

from alembic import context
from sqlmodel import SQLModel

import taskward.auth.tables
import taskward.models  # noqa: F401

context.configure(
    connection=context.config.attributes["connection"], target_metadata=SQLModel.metadata
)
context.run_migrations()
