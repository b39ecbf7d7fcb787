"""Which user runs PostgreSQL, for root and for an ordinary user, and what that user may reach."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from taskward.embedded_postgres import attach, detach
from tests.embedded_postgres.conftest import ROOT
from tests.embedded_postgres.helpers import (
    AS_ROOT,
    FAST,
    NOBODY,
    Copy,
    eventually,
    mode,
    postmasters_of,
    processes_of,
    query,
)
from tests.embedded_postgres.programs import SHOW_USER_AND_OWNER

Run: TypeAlias = Callable[[Path], subprocess.CompletedProcess[str]]


def as_ordinary_user() -> dict[str, Any]:
    path = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    identity = {"user": NOBODY, "group": NOBODY, "extra_groups": ()} if AS_ROOT else {}
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    return {**identity, "env": environment, "cwd": "/"}


@pytest.fixture(scope="module")
def ordinary_python() -> str:
    """A Python that an ordinary user can run (root's own is often below /root)."""
    needs = "import sys; assert sys.version_info >= (3, 11); import psutil"
    for candidate in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        with suppress(OSError):
            command = [candidate, "-c", needs]
            if subprocess.run(command, check=False, **as_ordinary_user()).returncode == 0:
                return candidate
    pytest.skip("no Python that an ordinary user may run has what is needed")


@pytest.fixture
def run_as_ordinary_user(ordinary_python: str) -> Run:
    """Attaches and detaches; the output is the uids of the user and of the cluster's owner."""

    def run(data_dir: Path) -> subprocess.CompletedProcess[str]:
        command = [ordinary_python, "-c", SHOW_USER_AND_OWNER, str(data_dir)]
        options = {"capture_output": True, "text": True, **as_ordinary_user()}
        return subprocess.run(command, check=False, **options)

    return run


def give_to_ordinary_user(directory: Path) -> None:
    if AS_ROOT:
        for path in (directory, *directory.rglob("*")):
            os.chown(path, NOBODY, NOBODY)


def test_it_works_as_an_ordinary_user(base: Path, new_dir: Path, run_as_ordinary_user: Run) -> None:
    give_to_ordinary_user(base)
    result = run_as_ordinary_user(new_dir)
    assert result.returncode == 0, result.stderr
    user, owner = result.stdout.split()
    assert user == owner != "0"
    assert mode(new_dir) == 0o700
    assert eventually(lambda: not processes_of(new_dir))


@pytest.mark.skipif(not AS_ROOT, reason="needs two users")
def test_root_runs_the_cluster_of_an_ordinary_user_as_that_user(
    base: Path, data_dir: Path, run_as_ordinary_user: Run
) -> None:
    give_to_ordinary_user(base)
    assert query(attach(data_dir, server_settings=FAST), "select 1") == 1
    assert postmasters_of(data_dir)[0].uids().real == NOBODY
    detach(data_dir)
    assert run_as_ordinary_user(data_dir).returncode == 0


def test_a_directory_that_cannot_be_written_is_refused(
    base: Path, new_dir: Path, run_as_ordinary_user: Run
) -> None:
    new_dir.mkdir(mode=0o755)
    base.chmod(0o755)
    new_dir.chmod(0o555)
    result = run_as_ordinary_user(new_dir)
    assert "refused:" in result.stderr
    assert "DATA_DIR" in result.stderr
    assert str(new_dir) in result.stderr
    assert "refused:" in run_as_ordinary_user(new_dir / "below").stderr


@pytest.mark.skipif(not AS_ROOT, reason="only root's PostgreSQL runs as another user")
def test_directories_above_are_loosened_by_the_search_bit_alone(
    base: Path, copy_cluster: Copy, caplog: pytest.LogCaptureFixture
) -> None:
    outer, inner = base / "outer", base / "outer" / "inner"
    copy_cluster(inner / "data")
    (outer / "beside").mkdir(mode=0o700)
    (outer / "secret").touch(mode=0o600)
    outer.chmod(0o710)
    inner.chmod(0o755)
    with caplog.at_level(logging.WARNING):
        attach(inner / "data", server_settings=FAST)
    detach(inner / "data")
    assert [mode(path) for path in (base, outer, inner)] == [0o701, 0o711, 0o755]
    assert [mode(outer / name) for name in ("beside", "secret")] == [0o700, 0o600]
    messages = " ".join(caplog.messages)
    assert f" {outer} " in messages
    assert f" {inner} " not in messages
