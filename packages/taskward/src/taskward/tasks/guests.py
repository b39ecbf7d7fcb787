"""A guest's tasks go along to the account with which the guest signs in.

Who follows is written down first, so that whatever the guest's tokens still create elsewhere goes
the same way: when the guest is deleted, and when `deleted_users` finds it a moment later.
"""

from sqlalchemy import Text, bindparam, exists, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from authward.plugins.anonymous import LinkedAccount
from authward.schema.column_types import AsId
from authward.schema.tables import User
from authward.storage.statements import Executor, Statement
from taskward.tasks import idempotency
from taskward.tasks.schemas import DeletedUser, Task

_USER_ID, _SUCCESSOR = bindparam("user_id", type_=Text), bindparam("successor", type_=Text)
NAME_SUCCESSOR = Statement(
    insert(DeletedUser)
    .values(user_id=_USER_ID, successor=_SUCCESSOR)
    .on_conflict_do_update(index_elements=["user_id"], set_={"successor": _SUCCESSOR})
)
_IS_THERE = exists(
    select(literal_column("1")).where(col(User.id) == AsId(col(DeletedUser.successor)))
)
MOVE_TASKS = Statement(
    update(Task)
    .values(user_id=col(DeletedUser.successor))
    .where(col(Task.user_id) == _USER_ID, col(DeletedUser.user_id) == _USER_ID, _IS_THERE)
)


async def move_along(event: LinkedAccount) -> None:
    """Let a guest's tasks become the user's; answers that were kept for the guest are forgotten."""
    guest, user = event.anonymous_user.user.id, event.new_user.user.id
    if guest == user:
        return
    await NAME_SUCCESSOR.fetch(event.database, user_id=guest, successor=user)
    await move_to_successor(event.database, guest)
    await idempotency.remove_all(event.database, guest)


async def move_to_successor(database: Executor, user_id: str) -> None:
    """Move a user's tasks to whom they go, if they go to anybody."""
    await MOVE_TASKS.fetch(database, user_id=user_id)
