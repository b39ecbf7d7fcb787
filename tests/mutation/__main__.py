"""`make mutate`: change the code that decides who sees what, and see whether a test notices.

    python -m tests.mutation [--jobs N] [target …]

Ends with 1 if a mutant survives that `accepted_survivors.py` does not know.
"""

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.mutation.accepted_survivors import reason_to_accept
from tests.mutation.mutants import CONDITIONS, OPERATORS, Mutant, mutants_of
from tests.mutation.runner import Runner, in_a_child, preload
from tests.mutation.targets import TARGETS, Target

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def database() -> Iterator[str]:
    """A PostgreSQL for all runs: each test run makes a database of its own on it."""
    from taskward.embedded_postgres import attach, detach  # noqa: PLC0415 - unloaded again

    directory = Path(tempfile.mkdtemp(prefix="taskward-mutation-"))
    try:
        server = attach(directory, server_settings={"fsync": "off"})
        host = str(server.socket_dir).replace("/", "%2F")
        template = {"host": str(server.socket_dir), "user": server.user, "database": "template1"}
        in_a_child(lambda: make_tables(template))  # so that no run has to make them
        yield f"postgresql://{server.user}@{host}:5432/{server.database}?sslmode=disable"
    finally:
        detach(directory)
        shutil.rmtree(directory, ignore_errors=True)


def make_tables(arguments: dict[str, Any]) -> int:
    from taskward.migrations import migrate  # noqa: PLC0415 - in a child only

    asyncio.run(migrate(arguments))
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(prog="make mutate", description="Mutation testing")
    parser.add_argument("targets", nargs="*", default=list(TARGETS), metavar="target")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--all", action="store_true", help="arguments, strings, … too: hours")
    parser.add_argument("--line", type=int, help="only the mutants of this line")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with database() as url:
        os.environ["DATABASE_URL"] = url
        preload()
        survivors = [
            mutant for name in options.targets for mutant in survivors_of(TARGETS[name], options)
        ]
    unaccepted = [mutant for mutant in survivors if reason_to_accept(mutant) is None]
    for mutant in unaccepted:
        print(f"SURVIVED {mutant}")
    print(f"{len(survivors)} survived, {len(unaccepted)} of them unaccepted")
    sys.exit(bool(unaccepted))


def survivors_of(target: Target, options: argparse.Namespace) -> list[Mutant]:
    runner = Runner(target.file, target.tests)
    if not runner.passes_unchanged():
        sys.exit(f"{target.file}: the tests fail without any mutant")
    operators = OPERATORS if options.all else CONDITIONS
    found = mutants_of(ROOT, target.file, target.parts, operators)
    mutants = [mutant for mutant in found if options.line in {None, mutant.line}]
    began, counts, survivors = time.monotonic(), Counter[str](), []
    for mutant, outcome in runner.run(mutants, options.jobs):
        counts[outcome] += 1
        if counts.total() % 20 == 0:
            print(f"  {counts.total()} of {len(mutants)}: {dict(counts)}", flush=True)
        if outcome == "survived":
            survivors.append(mutant)
            print(f"  {reason_to_accept(mutant) or 'NOT ACCEPTED'}: {mutant}", flush=True)
    seconds = time.monotonic() - began
    took = f"{seconds:.0f} s ({runner.cpu_seconds:.0f} s of CPU)"
    print(f"{target.file}: {len(mutants)} mutants in {took}: {dict(counts)}", flush=True)
    return survivors


if __name__ == "__main__":
    main()
