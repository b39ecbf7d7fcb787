"""The `verification` table: short-lived values that are found by a secret and used once.

Nothing is kept in memory, so every worker and replica sees the same, and a TypeScript Better Auth
server on the same database does as well. Each new row takes some expired ones away with it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Integer, bindparam, delete, insert, literal_column, select
from sqlmodel import col

from authward.schema.tables import Verification
from authward.storage.statements import Executor, Statement, new_id
from authward.text import is_storable
from authward.timestamps import now

_PRUNED_AT_ONCE = literal_column("100", type_=Integer)
_EXPIRED = (
    select(col(Verification.id))
    .where(col(Verification.expires_at) < bindparam("now"))
    .limit(_PRUNED_AT_ONCE)
    .with_for_update(skip_locked=True)
)
_PRUNE = delete(Verification).where(col(Verification.id).in_(_EXPIRED)).cte("pruned")

CREATE = Statement(
    insert(Verification)
    .values(
        {
            "id": bindparam("row_id"),
            "identifier": bindparam("identifier"),
            "value": bindparam("value"),
            "expiresAt": bindparam("expires_at"),
            "createdAt": bindparam("now"),
            "updatedAt": bindparam("now"),
        }
    )
    .add_cte(_PRUNE)
)
FIND = Statement(
    select(col(Verification.value))
    .where(
        col(Verification.identifier) == bindparam("identifier"),
        col(Verification.expires_at) >= bindparam("now"),
    )
    .order_by(col(Verification.created_at).desc())
    .limit(literal_column("1", type_=Integer))
)
CONSUME = Statement(
    delete(Verification)
    .where(col(Verification.identifier) == bindparam("identifier"))
    .returning(col(Verification.value), col(Verification.expires_at), col(Verification.created_at))
)


async def create(database: Executor, identifier: str, value: str, lifetime: timedelta) -> None:
    """Keep `value` for `lifetime`, to be found by `identifier`, which holds a secret."""
    moment = now()
    await CREATE.fetch(
        database,
        row_id=await new_id(database, "verification"),
        identifier=identifier,
        value=value,
        now=moment,
        expires_at=moment + lifetime,
    )


async def find(database: Executor, identifier: str) -> str | None:
    """Return the value without using it up; None if there is none, or no longer."""
    if not is_storable(identifier):
        return None
    row = await FIND.fetchrow(database, identifier=identifier, now=now())
    return None if row is None else str(row["value"])


@dataclass(frozen=True, slots=True)
class Consumed:
    """A value that was there, and until when it would have been."""

    value: str
    expires_at: datetime


async def consume(database: Executor, identifier: str) -> Consumed | None:
    """Return the value and remove it: of any number of callers at once, one gets it.

    Inside a transaction the others wait for its end, and one of them succeeds if it is undone.
    """
    if not is_storable(identifier):
        return None
    rows = await CONSUME.fetch(database, identifier=identifier)
    latest = max(rows, key=lambda row: row["createdAt"], default=None)
    if latest is None or latest["expiresAt"] < now():
        return None
    return Consumed(str(latest["value"]), latest["expiresAt"])
