"""`python -m tests.any_postgres`: the tests on every PostgreSQL, and PgBouncer, that is here.

What is missing is said at the end; the exit status is 0 only if everything that is here passed.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

from taskward.database_url import DatabaseURL
from tests import pgbouncer
from tests.clusters import EMBEDDED, Cluster, installed
from tests.conftest import url_text
from tests.servers import ROOT

ROOM = {"max_connections": "300"}
ELSEWHERE = ("embedded_postgres", "database_url", "faults", "test_pgbouncer.py", "test_tls.py")
"""They make servers of their own, or need none."""
NEEDS_A_SESSION = (
    "test_database.py",  # ends, counts and holds the server's connections, of which it has no say
    "test_migrations.py",  # compares catalogs with prepared statements of its own
    "conformance",  # the original server prepares statements too
    "test_one_database.py",
    "test_social_interop.py",
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
        pooler = stack.enter_context(pgbouncer.PgBouncer(embedded))
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
    ignored = [f"--ignore={ROOT / 'tests' / name}" for name in (*ELSEWHERE, *without)]
    command = [sys.executable, "-m", "pytest", "-q", *ignored, *arguments]
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
