"""The directory of the server's socket: the cluster itself, unless its path is unfit for one."""

import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from taskward.embedded_postgres.account import can_reach, chown
from taskward.embedded_postgres.errors import EmbeddedPostgresError
from taskward.embedded_postgres.subprocesses import Account

SOCKET_NAME = ".s.PGSQL.5432"
_PATH_LIMIT = 103  # bytes: what the strictest system (macOS) allows; Linux has 107


def prepare_socket_dir(cluster: Path, account: Account) -> Path:
    """Return a private directory for the socket; one outside the cluster is made if need be."""
    # Clients take a comma for a list of hosts.
    if _is_short(cluster) and "," not in str(cluster):
        return cluster
    owner = account.get("user", os.geteuid())
    digest = hashlib.sha256(os.fsencode(cluster)).hexdigest()[:16]
    directory = _temporary_place(account) / f"taskward-{owner}-{digest}"
    if not _is_short(directory):
        raise EmbeddedPostgresError(f"{directory} is too long for a socket: set a shorter TMPDIR.")
    with suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    _check_private(directory, (owner, os.geteuid()))
    chown(directory, account)
    return directory


def _temporary_place(account: Account) -> Path:
    """Return the directory for temporary files, or the system's where the account cannot go."""
    try:
        place = Path(tempfile.gettempdir()).resolve()
    except FileNotFoundError:
        raise EmbeddedPostgresError(
            "The path of DATA_DIR does not suit a socket, and there is no directory for temporary "
            "files to put it in: choose a shorter DATA_DIR, or set TMPDIR."
        ) from None
    return place if can_reach(place / SOCKET_NAME, account) else Path("/tmp")  # noqa: S108


def _is_short(directory: Path) -> bool:
    return len(os.fsencode(directory / SOCKET_NAME)) <= _PATH_LIMIT


def _check_private(directory: Path, owners: tuple[int, int]) -> None:
    status = directory.lstat()
    is_private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
    if not is_private or status.st_uid not in owners:
        raise EmbeddedPostgresError(
            f"{directory} should be a private directory (mode 0700) of user {owners[0]}, but "
            f"somebody else made it: remove it, or choose a DATA_DIR with a shorter path."
        )
