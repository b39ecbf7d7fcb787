"""Locks on what tokens name, in the order in which everything else takes them."""

from sqlalchemy import bindparam, select
from sqlmodel import col

from authward.plugins.oauth_provider.rows import CLIENTS
from authward.schema.tables import Session, User
from authward.storage.statements import Executor, Statement

HOLD_USER = Statement(
    select(col(User.id))
    .where(col(User.id) == bindparam("name"))
    .with_for_update(read=True, key_share=True)
)
HOLD_SESSION = Statement(
    select(col(Session.id))
    .where(col(Session.id) == bindparam("name"))
    .with_for_update(read=True, key_share=True)
)
HOLD_CLIENT = Statement(
    select(CLIENTS.table.c.id)
    .where(CLIENTS.table.c.clientId == bindparam("name"))
    .with_for_update(read=True, key_share=True)
)


async def hold(database: Executor, user_id: str, session_id: str | None, client_id: str) -> None:
    """Keep a user, a session and a client from being deleted until the transaction ends.

    Whoever deletes one of them locks it before its tokens. A transaction that has a token first
    and then inserts another, which names all three, would wait for them as they wait for it.
    """
    await HOLD_USER.fetch(database, name=user_id)
    if session_id is not None:
        await HOLD_SESSION.fetch(database, name=session_id)
    await HOLD_CLIENT.fetch(database, name=client_id)
