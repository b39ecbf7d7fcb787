"""`make test-postgres`: the tests on every PostgreSQL, and PgBouncer, that is here.

What is missing is said at the end; the exit status is 0 only if everything that is here passed.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

from taskward.database.url import DatabaseURL
from tests.conftest import url_text
from tests.support import pgbouncer
from tests.support.clusters import EMBEDDED, Cluster, installed
from tests.support.servers import ROOT

ROOM = {"max_connections": "300"}
ELSEWHERE = ("embedded_postgres", "database_url", "faults", "test_pgbouncer.py", "test_tls.py")
"""They make servers of their own, or need none."""
TOLD_APART = "test_a_database_that_is_not_there_is_told_apart_from_a_server_that_is_not"
NEEDS_A_SESSION = (
    "--ignore=tests/conformance",  # these have connections of their own,
    "--ignore=tests/database/test_database.py",  # on which they prepare statements
    "--ignore=tests/database/test_dropped_connections.py",
    "--ignore=tests/api/test_exhaustion.py",
    "--ignore=tests/database/test_migrations.py",
    "--ignore=tests/auth/test_one_database.py",
    "--ignore=tests/auth/test_password_reset.py",
    "--ignore=tests/auth/test_social_accounts.py",
    "--ignore=tests/auth/test_social_interop.py",
    # The pooler is one and the same role for all.
    "--ignore=tests/database/test_row_level_security.py",
    # These count statements, but there are BEGIN and COMMIT too, or ask PostgreSQL what is wrong.
    "--ignore=tests/operations/test_health.py",
    "--deselect=tests/api/test_routes.py::test_each_operation_is_exactly_one_statement",
    f"--deselect=tests/operations/test_cli.py::{TOLD_APART}",
)
EXPECTED_MAJORS = (15,)


def places(stack: ExitStack) -> Iterator[tuple[str, DatabaseURL, tuple[str, ...]]]:
    """Yield a name, a server, and what not to run there."""
    embedded = stack.enter_context(Cluster(EMBEDDED, ROOM))
    yield "PostgreSQL 18 (embedded)", embedded.url, ()
    for major, binaries in installed().items():
        cluster = stack.enter_context(Cluster(binaries, ROOM))
        yield f"PostgreSQL {major} (of the system)", cluster.url, ()
    if pgbouncer.program():
        pooler = stack.enter_context(pgbouncer.PgBouncer(embedded, size=8))
        name = f"PgBouncer {pgbouncer.version()}, transaction mode"
        yield name, pooler.url, NEEDS_A_SESSION


def missing() -> Iterator[str]:
    for major in EXPECTED_MAJORS:
        if major not in installed():
            yield f"POSTGRESQL {major} IS NOT INSTALLED: apt-get install postgresql-{major}"
    if not pgbouncer.program():
        yield "PGBOUNCER IS NOT INSTALLED: apt-get install pgbouncer"


def passes(url: DatabaseURL, without: tuple[str, ...], arguments: list[str]) -> bool:
    """Run the tests, or those that the arguments name."""
    ignored = [f"--ignore=tests/{name}" for name in ELSEWHERE]
    command = [sys.executable, "-m", "pytest", "-q", *ignored, *without, *arguments]
    environment = {**os.environ, "DATABASE_URL": url_text(url)}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


def main() -> int:
    arguments = sys.argv[1:] or ["-n", "2", "--dist", "loadscope"]
    results: dict[str, bool] = {}
    with ExitStack() as stack:
        for name, url, without in places(stack):
            print(f"\n=== {name}", flush=True)
            results[name] = passes(url, without, arguments)
    for name, passed in results.items():
        print(f"{name}: {'passed' if passed else 'FAILED'}")
    print(*missing(), sep="\n")
    return 0 if all(results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
