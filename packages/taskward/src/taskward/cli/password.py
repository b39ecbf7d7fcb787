"""`taskward set-password`: for somebody who has forgotten it, where no mail is sent."""

import sys

import asyncpg
import typer

from authward.core.password_auth import (
    PASSWORD_MAX_LENGTH,
    PASSWORD_MIN_LENGTH,
    check_password_length,
)
from authward.errors import APIError
from authward.security.passwords import PasswordHasher
from authward.storage import credentials, verification
from authward.storage.adapter import Adapter
from authward.storage.sessions import DELETE_SESSIONS_OF_USER
from authward.storage.statements import Executor
from authward.storage.users import FIND_USER_ID, LOCK_USER
from authward.text import is_storable
from taskward.auth_plugins import tables_on
from taskward.cli.database import connected
from taskward.settings import load_settings

_MAX_BYTES = 4096
_ENCODING = "utf-8-sig"
"""PowerShell begins what it pipes with a byte order mark, which nobody could type."""


async def set_password(email: str) -> str:
    """Ask for a password, give it to the user, end all sessions, and return what was done.

    Raises:
        SystemExit: there is no such user, it is no password, or the database cannot take it.
        typer.Abort: nobody wants to type it.
    """
    settings = load_settings()
    async with connected(settings) as connection:
        database, adapter = tables_on(settings, connection)
        try:
            user_id = await _user_id(database, email)
            hashed = await PasswordHasher(1).hash(_read_password())
            async with connection.transaction(isolation="read_committed"):
                await _replace(database, adapter, user_id, hashed)
        except asyncpg.UndefinedTableError:
            raise SystemExit("The database has no tables yet: run `taskward migrate`.") from None
    return f"The password of {email} is set. All sessions and mailed links of this user have ended."


async def _user_id(connection: Executor, email: str) -> str:
    address = email.lower() if is_storable(email) else ""
    user = await FIND_USER_ID.fetchrow(connection, email=address)
    if user is None:
        raise SystemExit(f"There is no user with the e-mail address {ascii(email)[1:-1]}.")
    return str(user["id"])


async def _replace(connection: Executor, adapter: Adapter, user_id: str, hashed: str) -> None:
    if await LOCK_USER.fetchrow(connection, user_id=user_id) is None:
        raise SystemExit("The user has been deleted in the meantime.")
    await credentials.set_password(connection, adapter, user_id, hashed)
    await verification.end_links(connection, user_id)
    await DELETE_SESSIONS_OF_USER.fetch(connection, user_id=user_id)


def _read_password() -> str:
    """Ask twice on a terminal, without showing it; else read the first line of standard input."""
    try:
        password = _typed() if sys.stdin.isatty() else _first_line()
        password.encode()  # where the locale is C, Python lets pass what it cannot read
    except UnicodeError:
        raise SystemExit("A password is UTF-8 text. Nothing has been changed.") from None
    try:
        check_password_length(password)
    except APIError:
        msg = f"A password has {PASSWORD_MIN_LENGTH} to {PASSWORD_MAX_LENGTH} characters."
        raise SystemExit(f"{msg} Nothing has been changed.") from None
    return password


def _typed() -> str:
    return str(typer.prompt("New password", hide_input=True, confirmation_prompt=True, err=True))


def _first_line() -> str:
    line = sys.stdin.buffer.readline(_MAX_BYTES)
    if not line:
        raise SystemExit(
            "There is neither a terminal to ask on (`docker exec -it`) nor a password on standard "
            "input. Nothing has been changed."
        )
    return line.decode(_ENCODING).removesuffix("\n").removesuffix("\r")
