"""How a session begins: in one statement that also looks whether it still may.

Seconds pass between the reading of a password's hash and the session, because hashing has a queue.
So the statement asks once more, and locks user and account, in this order: whoever changes the
password or bans the user either came before, and is seen, or comes after, and finds the session.

The columns `banned`, `banReason`, `banExpires` and `twoFactorEnabled` are those of plugins, maybe
of a TypeScript server on the same database. The row is read as JSON, in which a column that is not
there is null: so they count from the moment they are added, and nobody has to look for them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    Update,
    and_,
    bindparam,
    case,
    cast,
    func,
    insert,
    literal_column,
    not_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import col

from authward.codes import Code
from authward.errors import APIError
from authward.ids import generate_id
from authward.schema.column_types import Moment, RowId
from authward.schema.tables import Account, User
from authward.storage.credentials import HAS_VERIFIED_PASSWORD

SESSION_VALUES: dict[str, BindParameter[Any]] = {
    "id": bindparam("session_id"),
    "expiresAt": bindparam("expires_at"),
    "token": bindparam("token"),
    "createdAt": bindparam("now"),
    "updatedAt": bindparam("now"),
    "ipAddress": bindparam("ip_address"),
    "userAgent": bindparam("user_agent"),
    "userId": bindparam("user_id"),
}
_NO = literal_column("false", type_=Boolean)
_FALSE: list[ColumnElement[str]] = [literal_column(text) for text in ("'false'", "'0'", "''")]
_ISO_8601 = "^[0-9]{4,6}-[0-9]{2}-[0-9]{2}T[0-9:.]+"
_NOW = bindparam("now", type_=DateTime(timezone=True))

_USER = User.__table__.alias("known")  # type: ignore[attr-defined]
_LOCKED_USER = (
    select(_USER.c.id, literal_column("to_jsonb(known)", type_=JSONB).label("row"))
    .where(_USER.c.id == bindparam("user_id"))
    .with_for_update(read=True)
)
_LOCKED_USER_WITH_PASSWORD = (
    _LOCKED_USER.join(Account, col(Account.user_id) == _USER.c.id)
    .where(HAS_VERIFIED_PASSWORD)
    .limit(literal_column("1", type_=Integer))
)


@dataclass(frozen=True, slots=True)
class BanColumns:
    """The columns that ban a user; the plugin `admin` may have them under other names."""

    banned: str = "banned"
    reason: str = "banReason"
    expires: str = "banExpires"


@dataclass(frozen=True, slots=True)
class NewSession:
    """What a session is made of."""

    session_id: str
    user_id: str
    created_at: datetime
    expires_at: datetime
    ip_address: str
    user_agent: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """Return the row."""
        return {
            "session_id": self.session_id,
            "token": generate_id(),
            "now": self.created_at,
            "expires_at": self.expires_at,
            "ip_address": self.ip_address,
            "user_agent": self.user_agent,
            "user_id": self.user_id,
            **{f"session_{name}": value for name, value in self.fields.items()},
        }


class BannedUserError(APIError):
    """No session for this user; the words are those of the original's admin plugin."""

    def __init__(self) -> None:
        super().__init__(Code.BANNED_USER)


class SecondFactorRequiredError(APIError):
    """No session by a password alone for this user."""

    def __init__(self) -> None:
        super().__init__(Code.TWO_FACTOR_REQUIRED)


def _to_timestamp(text: ColumnElement[str]) -> ColumnElement[datetime]:
    """Read what JSON makes of a column for times; without a zone it is UTC, as Prisma has it.

    Anything else, such as `infinity` or a number, is no end.
    """
    utc = text.op("||")(literal_column("'Z'"))
    return case(
        (text.op("~")(literal_column(f"'{_ISO_8601}$'")), cast(utc, DateTime(timezone=True))),
        (
            text.op("~")(literal_column(f"'{_ISO_8601}[+-][0-9:]+$'")),
            cast(text, DateTime(timezone=True)),
        ),
        else_=literal_column("NULL"),
    )


def _literal(text: str) -> ColumnElement[str]:
    quoted = text.replace("'", "''")
    return literal_column(f"'{quoted}'", type_=Text)


def _user_status(user: Select[Any], bans: BanColumns, second_factor: str | None) -> Select[Any]:
    locked = user.cte("locked")

    def value(name: str) -> ColumnElement[Any]:
        return func.jsonb_extract_path_text(locked.c.row, _literal(name))

    def is_true(name: str) -> ColumnElement[bool]:
        return func.coalesce(not_(value(name).in_(_FALSE)), _NO)

    ends = _to_timestamp(value(bans.expires))
    is_over = func.coalesce(ends < _NOW, _NO)
    has_reason = func.jsonb_exists(locked.c.row, _literal(bans.reason))
    return select(
        locked.c.id,
        and_(is_true(bans.banned), not_(is_over)).label("is_banned"),
        and_(is_true(bans.banned), is_over, has_reason).label("ban_is_over"),
        (_NO if second_factor is None else is_true(second_factor)).label("needs_second_factor"),
    )


def start_session(  # noqa: PLR0913 - half of them by name
    session: Table,
    names: Sequence[str],
    bans: BanColumns,
    *,
    by_password: bool,
    second_factor: str | None,
    stored: bool = True,
) -> Select[Any]:
    """Return the statement for the table as it is on a server, with values for these fields.

    Users whose column `second_factor` is true get no session. Where it is not to be `stored`, the
    statement only says whether there may be one.
    """
    user = _LOCKED_USER_WITH_PASSWORD if by_password else _LOCKED_USER
    status = _user_status(user, bans, second_factor).cte("status")
    verdict = (status.c.is_banned, status.c.ban_is_over, status.c.needs_second_factor)
    if not stored:
        return select(*verdict)
    given = {name: parameter.key for name, parameter in SESSION_VALUES.items()}
    given |= {name: f"session_{name}" for name in names}
    row = {name: bindparam(key, type_=session.c[name].type) for name, key in given.items()}
    may_start = not_(status.c.is_banned | status.c.needs_second_factor)
    values = select(*{**row, "userId": status.c.id}.values()).where(may_start)
    made = insert(session).from_select(list(row), values).returning(*session.c).cte("made")
    return select(*verdict, *made.c).select_from(status.outerjoin(made, true()))


def lift_ban(bans: BanColumns) -> Update:
    """Return the statement that takes a ban back which is over."""
    users = Table(
        "user",
        MetaData(),
        Column("id", RowId()),
        Column(bans.banned, Boolean, key="banned"),
        Column(bans.reason, Text, key="banReason"),
        Column(bans.expires, Moment(), key="banExpires"),
        Column("updatedAt", Moment()),
        info={"model": "user"},
    )
    of = users.c
    nothing: ColumnElement[Any] = literal_column("NULL")
    ends = _to_timestamp(func.to_jsonb(of.banExpires).op("#>>")(literal_column("'{}'", type_=Text)))
    return (
        update(users)
        .where(of.id == bindparam("user_id"), of.banned, ends < _NOW)
        .values(
            {
                "banned": _NO,
                "banReason": nothing,
                "banExpires": nothing,
                "updatedAt": bindparam("now"),
            }
        )
    )
