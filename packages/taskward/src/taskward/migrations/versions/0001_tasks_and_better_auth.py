"""Tasks, and Better Auth's tables where its own migration has not made them already.

Revision ID: 0001
Revises:
"""

from typing import Any

import sqlalchemy as sa
from alembic import context, op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NOW = sa.text("CURRENT_TIMESTAMP")
NOW_IN_MILLISECONDS = sa.text("date_trunc('milliseconds', now())")


def time(name: str, *, nullable: bool = False, default: sa.TextClause | None = None) -> "sa.Column[Any]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, server_default=default)


def words(name: str, *constraints: sa.schema.SchemaItem, nullable: bool = False, **options: Any) -> "sa.Column[Any]":
    return sa.Column(name, sa.Text(), *constraints, nullable=nullable, **options)


def owner() -> "sa.Column[Any]":
    return words("userId", sa.ForeignKey("user.id", ondelete="CASCADE"))


def upgrade() -> None:
    if not context.config.attributes.get("foreign"):  # else another tool has made them
        _create_better_auth_tables()
    _create_tasks()


def _create_better_auth_tables() -> None:
    op.create_table(
        "user",
        words("id", primary_key=True),
        words("name"),
        words("email", unique=True),
        sa.Column("emailVerified", sa.Boolean(), nullable=False),
        words("image", nullable=True),
        time("createdAt", default=NOW),
        time("updatedAt", default=NOW),
        if_not_exists=True,
    )
    op.create_table(
        "session",
        words("id", primary_key=True),
        time("expiresAt"),
        words("token", unique=True),
        time("createdAt", default=NOW),
        time("updatedAt"),
        words("ipAddress", nullable=True),
        words("userAgent", nullable=True),
        owner(),
        if_not_exists=True,
    )
    op.create_table(
        "account",
        words("id", primary_key=True),
        words("accountId"),
        words("providerId"),
        owner(),
        words("accessToken", nullable=True),
        words("refreshToken", nullable=True),
        words("idToken", nullable=True),
        time("accessTokenExpiresAt", nullable=True),
        time("refreshTokenExpiresAt", nullable=True),
        words("scope", nullable=True),
        words("password", nullable=True),
        time("createdAt", default=NOW),
        time("updatedAt"),
        if_not_exists=True,
    )
    op.create_table(
        "verification",
        words("id", primary_key=True),
        words("identifier"),
        words("value"),
        time("expiresAt"),
        time("createdAt", default=NOW),
        time("updatedAt", default=NOW),
        if_not_exists=True,
    )
    op.create_table(
        "rateLimit",
        words("id", primary_key=True),
        words("key", unique=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("lastRequest", sa.BigInteger(), nullable=False),
        if_not_exists=True,
    )
    op.create_index("session_userId_idx", "session", ["userId"], if_not_exists=True)
    op.create_index("account_userId_idx", "account", ["userId"], if_not_exists=True)
    op.create_index("verification_identifier_idx", "verification", ["identifier"], if_not_exists=True)


def _create_tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("completed", sa.Boolean(), nullable=False, server_default=sa.false()),
        time("created_at", default=NOW_IN_MILLISECONDS),
        time("updated_at", default=NOW_IN_MILLISECONDS),
        sa.CheckConstraint("char_length(title) BETWEEN 1 AND 200", name="tasks_title_check"),
        sa.CheckConstraint("char_length(description) <= 10000", name="tasks_description_check"),
        sa.CheckConstraint("user_id ~ '^[A-Za-z0-9_-]+$'", name="tasks_user_id_check"),
    )
    op.create_index("tasks_user_id_id_idx", "tasks", ["user_id", "id"])


def downgrade() -> None:
    op.drop_table("tasks")
    for table in ("rateLimit", "verification", "account", "session", "user"):
        op.drop_table(table)
