"""Whose the tasks of a guest become, also those that are created while the guest is deleted.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

FUNCTION = """
CREATE OR REPLACE FUNCTION {schema}.taskward_user_deleted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM set_config('taskward.user_id', OLD.id::text, true);  -- row-level security wants to know
    {move}DELETE FROM {schema}.tasks WHERE user_id = OLD.id::text;
    DELETE FROM {schema}.idempotency_keys WHERE user_id = OLD.id::text;
    INSERT INTO {schema}.deleted_users (user_id) VALUES (OLD.id::text)
        ON CONFLICT (user_id) DO UPDATE SET deleted_at = now();
    RETURN NULL;
END $$
"""
MOVE = """UPDATE {schema}.tasks SET user_id = marked.successor FROM {schema}.deleted_users AS marked
        WHERE tasks.user_id = OLD.id::text AND marked.user_id = OLD.id::text AND marked.successor IS NOT NULL;
    """


def _put(move: str) -> None:
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    function = FUNCTION.format(schema=schema, move=move.format(schema=schema))
    op.get_bind().exec_driver_sql(function)


def upgrade() -> None:
    op.execute("ALTER TABLE deleted_users ADD COLUMN IF NOT EXISTS successor text")
    _put(MOVE)


def downgrade() -> None:
    _put("")
    op.drop_column("deleted_users", "successor")
