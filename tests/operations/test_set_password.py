"""`taskward set-password`: the command itself, as somebody types it or pipes into it."""

import asyncio
import os
import pty
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from taskward.settings import Settings
from tests.conftest import PASSWORD, CreateDatabase, new_email
from tests.support.factories import rows_of
from tests.support.forking import run_module
from tests.support.mailing import Site, mailing_site
from tests.support.process_environment import clean_environment
from tests.support.servers import ROOT, auth_settings

NEW = "tr0ub4dor and three"
QUESTION = re.compile(r"(?:password|confirmation): ")
ENDED = "All sessions and mailed links of this user have ended."


@pytest.fixture
async def site(app: FastAPI, settings: Settings) -> AsyncIterator[Site]:
    async with mailing_site(app, settings) as site:
        yield site


def command(email: str) -> list[str]:
    return [sys.executable, "-m", "taskward", "set-password", email]


def variables(database_url: str) -> dict[str, str]:
    more = {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    return clean_environment({**auth_settings(database_url), **more})


async def piped(directory: Path, database_url: str, email: str, text: bytes) -> tuple[int, str]:
    """The exit status and what is said, of which nothing is the password."""
    ended = await asyncio.to_thread(
        run_module, command(email), directory, variables(database_url), text
    )
    said: str = ended.stdout + ended.stderr
    assert text.strip().decode(errors="replace") not in said or not text.strip()
    return ended.returncode, said


@pytest.mark.parametrize(("start", "end"), [("", ""), ("\ufeff", "\r\nmore")])
async def test_the_first_line_of_standard_input_becomes_the_password(  # noqa: PLR0917
    app: FastAPI, site: Site, database_url: str, tmp_path: Path, start: str, end: str
) -> None:
    email = await site.sign_up()
    await site.post("/request-password-reset", email=email)
    token = site.links[-1].token
    status, said = await piped(
        tmp_path, database_url, email.upper(), f"{start} {NEW}{end}".encode()
    )
    assert status == 0, said
    assert ENDED in said
    assert (await rows_of(app, email))["session"] == []
    assert await site.can_sign_in(email, f" {NEW}")
    assert not await site.can_sign_in(email, PASSWORD)
    answer = await site.post("/reset-password", token=token, newPassword=PASSWORD)
    assert answer.json()["code"] == "INVALID_TOKEN"


async def test_whoever_had_only_social_accounts_gets_a_password_beside_them(
    app: FastAPI, site: Site, database_url: str, tmp_path: Path
) -> None:
    email = await site.sign_up()
    change = (
        "UPDATE account SET \"providerId\" = 'github', \"accountId\" = '7', password = NULL"
        ' FROM "user" WHERE "user".id = "userId" AND email = $1'
    )
    await app.state.database.fetch(change, email)
    status, said = await piped(tmp_path, database_url, email, NEW.encode())
    assert status == 0, said
    rows = await rows_of(app, email)
    assert {account["providerId"] for account in rows["account"]} == {"github", "credential"}
    assert await site.can_sign_in(email, NEW)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"short12", "8 to 128 characters"),
        (b"\n", "8 to 128 characters"),
        (b"", "neither a terminal to ask on (`docker exec -it`) nor a password"),
        ("\U0001f600".encode() * 65, "8 to 128 characters"),
        (b"\xff" * 20, "UTF-8"),
    ],
)
async def test_what_is_no_password_changes_nothing(
    site: Site, database_url: str, tmp_path: Path, text: bytes, says: str
) -> None:
    email = await site.sign_up()
    status, said = await piped(tmp_path, database_url, email, text)
    assert (status, says in said) == (1, True), said
    assert "Traceback" not in said
    assert (await site.get("/get-session")).json()["user"]["email"] == email
    assert await site.can_sign_in(email)


@pytest.mark.parametrize("email", ["nobody@example.com", "a\x1b[31m@b.example", "\udcff@b.c"])
async def test_an_unknown_address_is_told_in_one_sentence(
    app: FastAPI, database_url: str, tmp_path: Path, email: str
) -> None:
    status, said = await piped(tmp_path, database_url, email, NEW.encode())
    assert status == 1
    assert said.startswith("There is no user with the e-mail address")
    assert said.count("\n") == 1
    assert "\x1b" not in said


async def test_without_tables_it_says_what_to_do(
    create_database: CreateDatabase, tmp_path: Path
) -> None:
    status, said = await piped(tmp_path, await create_database(), new_email(), NEW.encode())
    assert (status, "taskward migrate" in said) == (1, True), said


def on_terminal(
    terminal: int, directory: Path, database_url: str, email: str
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command(email),
        cwd=directory,
        env=variables(database_url),
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=terminal,
        start_new_session=True,
    )


async def typed(
    directory: Path, database_url: str, email: str, lines: list[str]
) -> tuple[int, str]:
    """What a terminal shows when somebody types these lines, one at each question."""
    ours, theirs = pty.openpty()
    process = on_terminal(theirs, directory, database_url, email)
    os.close(theirs)
    shown = await asyncio.to_thread(_type, ours, lines)
    os.close(ours)
    output, _ = await asyncio.to_thread(process.communicate, None, 60)
    return process.returncode, shown + output.decode()


def _type(terminal: int, lines: list[str]) -> str:
    shown, asked = "", 0
    while True:
        try:
            shown += os.read(terminal, 1024).decode()
        except OSError:  # the other end is closed
            return shown
        while asked < min(len(QUESTION.findall(shown)), len(lines)):
            os.write(terminal, f"{lines[asked]}\n".encode())
            asked += 1


async def test_on_a_terminal_it_is_typed_twice_and_never_shown(
    site: Site, database_url: str, tmp_path: Path
) -> None:
    email = await site.sign_up()
    status, shown = await typed(tmp_path, database_url, email, [NEW, "a slip", NEW, NEW])
    assert status == 0, shown
    assert ENDED in shown
    assert NEW not in shown
    assert await site.can_sign_in(email, NEW)


@pytest.mark.parametrize("command", [["set-password", "a@example.com"], ["restore", "-"]])
async def test_without_any_standard_input_it_says_so(
    database_url: str, tmp_path: Path, command: list[str]
) -> None:
    environment = clean_environment({**auth_settings(database_url), "PYTHONPATH": str(ROOT)})
    closed = ["sh", "-c", 'exec "$@" <&-', "sh", sys.executable, "-m", "taskward", *command]
    process = await asyncio.create_subprocess_exec(
        *closed, cwd=tmp_path, env=environment, stderr=subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert b"Traceback" not in errors
