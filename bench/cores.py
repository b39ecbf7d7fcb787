"""Who runs on which core, where the machine has at least two.

Left alone, the scheduler moves the server, PostgreSQL and the load generator about on few cores,
and differently in each round. With a core of its own, as in a container with one CPU, a server
answers as much as it can, and what it leaves idle nobody else takes.
"""

import os

from bench.load import family

ALL = frozenset(os.sched_getaffinity(0))
SERVERS = frozenset([min(ALL)])
REST = ALL - SERVERS or ALL


def pin(pid: int, cores: frozenset[int]) -> None:
    """Keep a process, its children, and all their threads to these cores."""
    for process in family(pid):
        for thread in process.threads():
            try:
                os.sched_setaffinity(thread.id, cores)
            except ProcessLookupError:
                continue
