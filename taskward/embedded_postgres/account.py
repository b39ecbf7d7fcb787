"""Who runs PostgreSQL, which refuses to run as root, and what that user may reach."""

import logging
import os
import pwd
import stat
from contextlib import suppress
from pathlib import Path

from taskward.embedded_postgres.errors import EmbeddedPostgresError
from taskward.embedded_postgres.subprocesses import THIS_USER, Account, run, wait_until

_SYSTEM_USER = "embedded_postgres"  # runs what root starts

_logger = logging.getLogger(__name__)


def account_of(cluster: Path) -> Account:
    """Return who runs the server of this cluster; creates root's system user if need be."""
    if os.geteuid() != 0:
        return THIS_USER
    owner = cluster.stat() if cluster.exists() else None
    if owner and owner.st_uid != 0:  # an ordinary user, or another container's system user
        return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": ()}
    if not _has_system_user():
        _create_system_user()
    entry = pwd.getpwnam(_SYSTEM_USER)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": ()}


def give(directory: Path, account: Account) -> None:
    """Make the account the directory's owner."""
    if account:
        os.chown(directory, account["user"], account["group"], follow_symlinks=False)


def let_in(path: Path, account: Account) -> None:
    """Let the account pass through the directories above `path`: search, never read."""
    for directory in path.parents if account else ():
        status = directory.stat()
        needed = stat.S_IXUSR if status.st_uid == account["user"] else stat.S_IXOTH
        if not status.st_mode & needed:
            directory.chmod(stat.S_IMODE(status.st_mode) | needed)
            _logger.warning("Let PostgreSQL's user pass through %s (chmod o+x)", directory)


def _has_system_user() -> bool:
    with suppress(KeyError):
        return bool(pwd.getpwnam(_SYSTEM_USER))
    return False


def _create_system_user() -> None:
    options = ["--system", "--no-create-home", "--shell", "/usr/sbin/nologin"]
    try:
        reason = run(["useradd", *options, _SYSTEM_USER]).stderr.strip()
    except FileNotFoundError:
        reason = "useradd is missing"
    if not wait_until(_has_system_user, 5):  # another process may be creating it
        raise EmbeddedPostgresError(
            f"PostgreSQL refuses to run as root, and its user {_SYSTEM_USER} cannot be created "
            f"({reason}): create it, run Taskward as an ordinary user, or set DATABASE_URL."
        )
