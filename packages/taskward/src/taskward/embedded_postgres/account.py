"""Who runs PostgreSQL, which refuses to run as root, and what that user can reach."""

import os
import pwd
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from taskward.embedded_postgres.errors import EmbeddedPostgresError
from taskward.embedded_postgres.subprocesses import THIS_USER, Account, run, wait_until

_SYSTEM_USER = "embedded_postgres"  # runs what root starts


def server_account(cluster: Path) -> Account:
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


def command_naming_user(account: Account) -> list[str]:
    """Return what to put before a program that asks for its user's name, if there is none.

    Inside a user namespace, where a system allows one, this user is one that has a name.
    """
    entries = pwd.getpwall()
    if account or any(entry.pw_uid == os.geteuid() for entry in entries):
        return []
    named = next((entry.pw_uid for entry in reversed(entries) if entry.pw_uid), None)
    unshare = shutil.which("unshare")
    if unshare is None or named is None:
        raise nameless("there is no unshare")
    return [unshare, "--user", f"--map-user={named}"]


def nameless(reason: str) -> EmbeddedPostgresError:
    """Return what to say where PostgreSQL's initdb needs a name and gets none."""
    user = os.geteuid()
    return EmbeddedPostgresError(
        f"The user id {user} has no name in /etc/passwd, which PostgreSQL needs to make its data "
        f"({reason.strip()}). Run the container as its image's own user (without --user or "
        f"runAsUser), add a line for {user} to its /etc/passwd, or set DATABASE_URL."
    )


def chown(directory: Path, account: Account) -> None:
    """Make the account the directory's owner."""
    if account:
        os.chown(directory, account["user"], account["group"], follow_symlinks=False)


def can_reach(path: Path, account: Account) -> bool:
    """Tell whether the account may pass through every directory above `path`."""
    return not account or all(_may_pass(directory, account) for directory in path.parents)


def _may_pass(directory: Path, account: Account) -> bool:
    status = directory.stat()
    if status.st_uid == account["user"]:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account["group"]:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


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
