"""The `tasks` table and the shapes of tasks in requests and responses."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StrictBool, StringConstraints
from pydantic import Field as PydanticField
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    DateTime,
    Identity,
    Index,
    String,
    Text,
    false,
    func,
    text,
)
from sqlmodel import Field, SQLModel

TITLE_MAX_LENGTH = 200
DESCRIPTION_MAX_LENGTH = 10_000
USER_ID_MAX_LENGTH = 255
IDEMPOTENCY_KEY_MAX_LENGTH = 255

_MILLISECONDS = text("'milliseconds'")


_WITHOUT_NUL = {"pattern": "^[^\\u0000]*$"}
_SPACES = r"\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_NOT_BLANK = {"pattern": rf"^[^\u0000]*[^\u0000{_SPACES}][^\u0000]*$"}


def without_nul(value: str) -> str:
    """Return the text; a NUL character, which PostgreSQL cannot hold, is a `ValueError`."""
    if "\0" in value:
        raise ValueError("NUL characters are not allowed")
    return value


Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=TITLE_MAX_LENGTH),
    AfterValidator(without_nul),
    PydanticField(json_schema_extra={**_NOT_BLANK, "examples": ["Buy milk"]}),
]
Description = Annotated[
    str,
    StringConstraints(max_length=DESCRIPTION_MAX_LENGTH),
    AfterValidator(without_nul),
    PydanticField(json_schema_extra={**_WITHOUT_NUL, "examples": ["Two litres"]}),
]


class Task(SQLModel, table=True):
    """A task of one user.

    There is no foreign key to `user`: the owner may be known only to a Better Auth server
    elsewhere.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        Index("tasks_user_id_id_idx", "user_id", "id"),
        CheckConstraint(
            f"char_length(title) BETWEEN 1 AND {TITLE_MAX_LENGTH}", name="tasks_title_check"
        ),
        CheckConstraint(
            f"char_length(description) <= {DESCRIPTION_MAX_LENGTH}", name="tasks_description_check"
        ),
        CheckConstraint("user_id ~ '^[A-Za-z0-9_-]+$'", name="tasks_user_id_check"),
    )

    id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)])
    user_id: str = Field(sa_type=String(USER_ID_MAX_LENGTH))
    title: str = Field(sa_type=String(TITLE_MAX_LENGTH))
    description: str | None = Field(default=None, sa_type=Text)
    completed: bool = Field(
        default=False, sa_type=Boolean, sa_column_kwargs={"server_default": false()}
    )
    created_at: datetime = Field(
        sa_type=DateTime(timezone=True),
        sa_column_kwargs={"server_default": func.date_trunc(_MILLISECONDS, func.now())},
    )
    updated_at: datetime = Field(
        sa_type=DateTime(timezone=True),
        sa_column_kwargs={"server_default": func.date_trunc(_MILLISECONDS, func.now())},
    )


class IdempotencyKey(SQLModel, table=True):
    """A key that a user sent with a new task, and the task as it was answered then."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("idempotency_keys_created_at_idx", "created_at"),)

    user_id: str = Field(primary_key=True, sa_type=String(USER_ID_MAX_LENGTH))
    key: str = Field(primary_key=True, sa_type=String(IDEMPOTENCY_KEY_MAX_LENGTH))
    fingerprint: str = Field(sa_type=Text)
    task: str = Field(sa_type=Text)
    created_at: datetime = Field(
        sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": func.now()}
    )


class DeletedUser(SQLModel, table=True):
    """A mark: the tokens of this user may still be valid, but nothing of theirs is kept.

    With a `successor` it becomes theirs: of a guest who has signed in, before the guest is gone.
    """

    __tablename__ = "deleted_users"

    user_id: str = Field(primary_key=True, sa_type=Text)
    deleted_at: datetime = Field(
        sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": func.now()}
    )
    successor: str | None = Field(default=None, sa_type=Text)


class TaskCreate(BaseModel):
    """A new task; anything else in the body, such as `id` or `user_id`, is ignored."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"title": "Buy milk", "description": "Two litres"}]}
    )
    title: Title
    description: Description | None = None


class TaskUpdate(TaskCreate):
    """A task's new content: what is missing stays as it is, a description of null clears it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"title": "Buy oat milk", "completed": True}]}
    )
    completed: StrictBool | None = None


class TaskRead(BaseModel):
    """A task as the API answers it; times are UTC with milliseconds: `2026-01-08T10:30:00.123Z`."""

    id: int
    user_id: str
    title: str
    description: str | None
    completed: bool
    created_at: datetime
    updated_at: datetime
