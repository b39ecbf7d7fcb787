"""Who was deleted, so that nothing is kept that their tokens still create.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# A function that acts for its owner trusts no search path, where others could put tables of theirs.
# At the end of the transaction, so that nothing can be created in between that it would not see.
FUNCTION = """
CREATE OR REPLACE FUNCTION {schema}.taskward_user_deleted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM set_config('taskward.user_id', OLD.id::text, true);  -- row-level security wants to know
    DELETE FROM {schema}.tasks WHERE user_id = OLD.id::text;
    DELETE FROM {schema}.idempotency_keys WHERE user_id = OLD.id::text;
    INSERT INTO {schema}.deleted_users (user_id) VALUES (OLD.id::text)
        ON CONFLICT (user_id) DO UPDATE SET deleted_at = now();
    RETURN NULL;
END $$
"""
TRIGGER = """
CREATE CONSTRAINT TRIGGER taskward_user_deleted AFTER DELETE ON "user"
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {schema}.taskward_user_deleted()
"""


def upgrade() -> None:
    op.create_table(
        "deleted_users",
        sa.Column("user_id", sa.Text(), primary_key=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        if_not_exists=True,  # it outlives a restore of an older dump
    )
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    for statement in (FUNCTION, TRIGGER):
        op.get_bind().exec_driver_sql(statement.format(schema=schema))


def downgrade() -> None:
    op.execute('DROP TRIGGER IF EXISTS taskward_user_deleted ON "user"')
    op.execute("DROP FUNCTION IF EXISTS taskward_user_deleted()")
    op.drop_table("deleted_users")
