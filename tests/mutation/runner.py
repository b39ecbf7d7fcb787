"""Runs tests on mutants, each in a process of its own that is forked with all libraries loaded.

Nothing is written to the project: a mutant is what the import system is given for the file.
"""

import importlib
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.mutation.mutants import Mutant

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 600.0
CPU_SECONDS = 90
"""What a run may use: a busy machine makes tests slow, but does not make them compute more."""
_LIBRARIES = (
    *("alembic", "alembic.command", "asyncpg", "authlib", "fastapi", "fastapi_offline", "httpx"),
    *("httpx2", "hypothesis", "hypothesis.strategies", "joserfc", "jwt", "nacl", "pydantic"),
    *("pydantic_settings", "sqlalchemy.ext.asyncio", "sqlmodel", "structlog", "uvicorn"),
    *("sqlalchemy.dialects.postgresql.asyncpg",),
)
_FIRST_EXAMPLE = "the first example that fails"
_PYTEST = (
    *("-x", "-q", "--capture=no", "-p", "anyio.pytest_plugin", "-p", "_hypothesis_pytestplugin"),
    *("-p", "no:cacheprovider", "-p", "no:randomly"),
    f"--hypothesis-profile={_FIRST_EXAMPLE}",
)


def preload() -> None:
    """Import what is the same for all mutants, and nothing of Taskward."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in _LIBRARIES:
        importlib.import_module(name)
    for name in [n for n in sys.modules if n.split(".")[0] in {"authward", "taskward"}]:
        del sys.modules[name]
    _look_for_no_smaller_example()


def _look_for_no_smaller_example() -> None:
    """Where a mutant leaves somebody waiting, each example that is tried takes its ten seconds."""
    settings.register_profile(
        _FIRST_EXAMPLE,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        phases=[Phase.explicit, Phase.generate],
        database=None,
    )


class _MutatedLoader(SourceFileLoader):
    """Gives another source than the file's."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        del fullname
        return compile(self._source, self.path, "exec", dont_inherit=True)


@dataclass(frozen=True)
class _MutatedFinder(MetaPathFinder):
    """Finds one module, mutated."""

    name: str
    path: Path
    source: str

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        del path, target
        if fullname != self.name:
            return None
        loader = _MutatedLoader(fullname, str(self.path), self.source)
        return spec_from_file_location(fullname, self.path, loader=loader)


def fork(work: Callable[[], int]) -> int:
    """Do `work` in a child, whose exit status it returns; return the child's process id."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = work()
        finally:
            os._exit(status)
    return child


def in_a_child(work: Callable[[], int]) -> bool:
    """Wait for `work` in a child, and return whether it succeeded."""
    return os.waitstatus_to_exitcode(os.waitpid(fork(work), 0)[1]) == 0


@dataclass
class Runner:
    """The tests of one file."""

    file: str
    tests: Sequence[str]
    cpu_seconds: float = 0.0
    _running: dict[int, tuple[Mutant, float]] = field(default_factory=dict)

    def passes_unchanged(self) -> bool:
        """Whether the tests pass as things are."""
        source = (ROOT / self.file).read_text()
        return in_a_child(lambda: self._test(source))

    def run(self, mutants: Iterable[Mutant], jobs: int) -> Iterator[tuple[Mutant, str]]:
        """Yield each mutant with `killed`, `survived` or `timeout`, in the order of the ends."""
        for mutant in mutants:
            while len(self._running) >= jobs:
                yield self._next()
            child = fork(partial(self._test, mutant.source))
            self._running[child] = mutant, time.monotonic() + TIMEOUT
        while self._running:
            yield self._next()

    def _next(self) -> tuple[Mutant, str]:
        """Wait for the end of a child; kill one that takes too long."""
        while True:
            for child, (mutant, deadline) in self._running.items():
                ended, status, usage = os.wait4(child, os.WNOHANG)
                if ended:
                    self.cpu_seconds += usage.ru_utime + usage.ru_stime
                    del self._running[child]
                    survived = os.waitstatus_to_exitcode(status) == 0
                    return mutant, "survived" if survived else "killed"
                if time.monotonic() > deadline:
                    os.kill(child, signal.SIGKILL)
                    os.waitpid(child, 0)
                    del self._running[child]
                    return mutant, "timeout"
            time.sleep(0.02)

    def _test(self, source: str) -> int:
        """In the child: run the tests, silently."""
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        silence = os.open(os.devnull, os.O_WRONLY)
        if "MUTATION_DEBUG" not in os.environ:
            os.dup2(silence, 1)
            os.dup2(silence, 2)
        name = self.file.partition("/src/")[2].removesuffix(".py").replace("/", ".")
        sys.meta_path.insert(0, _MutatedFinder(name, ROOT / self.file, source))
        os.chdir(ROOT)
        return int(any(pytest.main([*_PYTEST, path]) for path in self.tests))
