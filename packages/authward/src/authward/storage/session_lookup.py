"""The statement that finds a session and its user by the token, and the same for many tokens.

An application whose pool sends statements of one moment together may hand it both.
"""

from typing import Any

from sqlalchemy import Select, Text, bindparam, func, literal_column, select, true

from authward.schema.user_tables import UserTables
from authward.storage.arrays import array_parameter
from authward.storage.statements import Statement

OWNER = "token"
"""Their parameter, and the column that says whose a row is."""


def find_one(tables: UserTables) -> Statement:
    """Return a statement whose row is the session, and after it the user."""
    return Statement(_of(tables, bindparam(OWNER)))


def find_each(tables: UserTables) -> Statement:
    """Return one for an `array_text` of tokens: a row for each in their order, or of NULLs."""
    rows = func.unnest(array_parameter(OWNER, Text()))
    asked = rows.table_valued(OWNER, with_ordinality="place").render_derived("asked")
    # There is no more than one, but so PostgreSQL goes by the token.
    found = _of(tables, asked.c.token).limit(literal_column("1")).correlate(asked).lateral("found")
    each = select(found).select_from(asked.outerjoin(found, true()))
    return Statement(each.order_by(asked.c.place))


def _of(tables: UserTables, token: Any) -> Select[Any]:
    session, user = tables.session, tables.user
    both = select(*session.c, *user.c).join(user, user.c.id == session.c.userId)
    return both.where(session.c.token == token)
