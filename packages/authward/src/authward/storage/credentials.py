"""Passwords: the rows of the `credential` provider in the `account` table."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import CTE, Table, bindparam, insert, literal_column, select, update
from sqlmodel import col

from authward.schema.column_types import id_text
from authward.schema.tables import Account
from authward.storage.adapter import Adapter
from authward.storage.statements import Executor, Statement
from authward.timestamps import now

_CREDENTIAL: dict[str, Any] = {
    "id": bindparam("account_row_id"),
    "accountId": bindparam("user_id"),
    "providerId": literal_column("'credential'"),
    "userId": bindparam("user_id"),
    "password": bindparam("password"),
    "createdAt": bindparam("now"),
    "updatedAt": bindparam("now"),
}


def insert_credential(account: Table, names: Iterable[str]) -> CTE:
    """Return the statement for the table as it is on a server, with values for these fields."""
    values = {**_CREDENTIAL, **{name: bindparam(f"account_{name}") for name in names}}
    return insert(account).values(values).cte("new_account")


IS_CREDENTIAL = (col(Account.provider_id) == literal_column("'credential'")) & (
    col(Account.account_id) == id_text(col(Account.user_id))
)

HAS_VERIFIED_PASSWORD = IS_CREDENTIAL & (col(Account.password) == bindparam("verified"))
"""Whether the password that was verified is still the account's."""

FIND_CREDENTIAL = Statement(
    select(col(Account.id), col(Account.password)).where(
        col(Account.user_id) == bindparam("user_id"), IS_CREDENTIAL
    )
)

FIND_PASSWORD_UPDATED_AT = Statement(
    select(col(Account.updated_at)).where(
        col(Account.user_id) == bindparam("user_id"), IS_CREDENTIAL
    )
)

LOCK_VERIFIED_PASSWORD = Statement(
    select(col(Account.id))
    .where(col(Account.user_id) == bindparam("user_id"), HAS_VERIFIED_PASSWORD)
    .with_for_update()
)

UPDATE_PASSWORD = Statement(
    update(Account)
    .where(col(Account.user_id) == bindparam("user_id"), IS_CREDENTIAL)
    .values({"password": bindparam("password"), "updatedAt": bindparam("now")})
    .returning(col(Account.id))
)

REPLACE_HASH = Statement(
    update(Account)
    .where(col(Account.user_id) == bindparam("user_id"), HAS_VERIFIED_PASSWORD)
    .values({"password": bindparam("password")})
)


async def set_password(connection: Executor, adapter: Adapter, user_id: str, hashed: str) -> None:
    """Give a user, whose row is locked, a password, be it the first one or another."""
    moment = now()
    if not await UPDATE_PASSWORD.fetch(connection, user_id=user_id, password=hashed, now=moment):
        account = {"userId": user_id, "accountId": user_id, "providerId": "credential"}
        times = {"createdAt": moment, "updatedAt": moment}
        await adapter.create(connection, "account", {**account, "password": hashed, **times})
