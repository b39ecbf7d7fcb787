"""The table `verification`: short-lived values that are found by a secret and used once.

Each new row takes some expired ones away with it, unless it is told not to.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, bindparam, delete, func, insert, literal_column, select, update
from sqlmodel import col

from authward.schema.column_types import id_text
from authward.schema.tables import Verification
from authward.storage.statements import Executor, Statement, new_id
from authward.timestamps import now

_PRUNED_AT_ONCE = literal_column("100", type_=Integer)
_EXPIRED = (
    select(col(Verification.id))
    .where(col(Verification.expires_at) < bindparam("now"))
    .limit(_PRUNED_AT_ONCE)
    .with_for_update(skip_locked=True)
)
_PRUNE = delete(Verification).where(col(Verification.id).in_(_EXPIRED)).cte("pruned")
_HAS_IDENTIFIER = col(Verification.identifier) == bindparam("identifier")
_KEPT = (
    *(col(Verification.value), col(Verification.expires_at)),
    *(col(Verification.created_at), col(Verification.id)),
)

_INSERT = insert(Verification).values(
    {
        "id": bindparam("row_id"),
        "identifier": bindparam("identifier"),
        "value": bindparam("value"),
        "expiresAt": bindparam("expires_at"),
        "createdAt": bindparam("now"),
        "updatedAt": bindparam("now"),
    }
)
CREATE = Statement(_INSERT.add_cte(_PRUNE))
_CREATE_ONLY = Statement(_INSERT)
_NEWEST = (
    select(*_KEPT)
    .where(_HAS_IDENTIFIER)
    .order_by(col(Verification.created_at).desc())
    .limit(literal_column("1", type_=Integer))
)
FIND = Statement(_NEWEST)
_LOCK = Statement(
    select(*_KEPT)
    .where(_HAS_IDENTIFIER)
    .order_by(col(Verification.created_at).desc())
    .with_for_update()
)
CONSUME = Statement(delete(Verification).where(_HAS_IDENTIFIER).returning(*_KEPT))
_CHANGE = Statement(
    update(Verification)
    .where(_HAS_IDENTIFIER)
    .values(
        {
            "value": bindparam("value"),
            "expiresAt": bindparam("expires_at"),
            "updatedAt": bindparam("now"),
        }
    )
)

_BEGINS = [
    func.starts_with(col(Verification.identifier), literal_column(f"'{begin}'"))
    for begin in ("reset-password:", "delete-account-", "2fa-")
]
IS_EMAILED_LINK = _BEGINS[0] | _BEGINS[1]
_OF_USER = col(Verification.value) == bindparam("user_id")
_END_LINKS = Statement(delete(Verification).where(IS_EMAILED_LINK | _BEGINS[2], _OF_USER))
_END_ALL = Statement(delete(Verification).where(_OF_USER))


def ended_links(user: Any) -> Any:
    """Return the statement that ends what was mailed to the users of a query with ids."""
    of_them = col(Verification.value).in_(select(id_text(user.c.id)))
    return delete(Verification).where(IS_EMAILED_LINK, of_them)


@dataclass(frozen=True, slots=True)
class Kept:
    """A value that is kept, since when and until when, and the id of its row if it has one."""

    value: str
    expires_at: datetime
    created_at: datetime
    row_id: str | None = None


async def create(database: Executor, identifier: str, kept: Kept, *, prune: bool = True) -> Kept:
    """Keep a value, and return it with the row's id."""
    row_id = await new_id(database, "verification")
    await (CREATE if prune else _CREATE_ONLY).fetch(
        database,
        row_id=row_id,
        identifier=identifier,
        value=kept.value,
        now=kept.created_at,
        expires_at=kept.expires_at,
    )
    return replace(kept, row_id=row_id)


async def find(database: Executor, identifier: str, *, lock: bool = False) -> Kept | None:
    """Return the newest value, be it over or not; with `lock` nobody else changes or takes it."""
    rows = await (_LOCK if lock else FIND).fetch(database, identifier=identifier)
    return _kept(rows[0]) if rows else None


async def change(database: Executor, identifier: str, kept: Kept) -> None:
    """Replace what is kept."""
    values = {"value": kept.value, "expires_at": kept.expires_at, "now": now()}
    await _CHANGE.fetch(database, identifier=identifier, **values)


async def consume(database: Executor, identifier: str) -> Kept | None:
    """Return the newest value and remove all: of any number of callers at once, one gets it.

    Inside a transaction the others wait for its end, and one of them succeeds if it is undone.
    """
    rows = await CONSUME.fetch(database, identifier=identifier)
    return max(map(_kept, rows), key=lambda kept: kept.created_at, default=None)


async def end_links(database: Executor, user_id: str, *, readable: bool = True) -> None:
    """End what was sent to a user, and a sign-in by password that waits for the second factor.

    Where identifiers are hashes, so that nothing says what a value is for, all of the user's end.
    """
    await (_END_LINKS if readable else _END_ALL).fetch(database, user_id=user_id)


def _kept(row: Any) -> Kept:
    return Kept(str(row["value"]), row["expiresAt"], row["createdAt"], str(row["id"]))
