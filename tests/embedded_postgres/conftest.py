"""Directories, clusters and processes that leave nothing behind."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskward.embedded_postgres import attach, detach
from tests.embedded_postgres.helpers import (
    FAST,
    Copy,
    Program,
    Spawn,
    eventually,
    keepers_of,
    kill,
    processes_of,
)
from tests.support.process_environment import heeded
from tests.support.scratch import new_directory

ROOT = Path(__file__).resolve().parents[2]


def make_directory() -> Path:
    """A short path, wherever pytest or TMPDIR would have it: a socket's is at most 103 bytes."""
    return new_directory("taskward-", needed=2**30, otherwise="/tmp")


@pytest.fixture
def base() -> Iterator[Path]:
    path = make_directory()
    yield path
    kill(*keepers_of(path))  # first whoever would stop a server meanwhile
    kill(*processes_of(path))
    assert eventually(lambda: not processes_of(path))
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def template() -> Iterator[Path]:
    path = make_directory()
    attach(path, server_settings=FAST)
    detach(path)
    yield path / "postgres"
    shutil.rmtree(path)


@pytest.fixture
def copy_cluster(template: Path) -> Copy:
    """Makes a data directory with a cluster: initdb is most of the time of a first start."""

    def copy(data_dir: Path) -> Path:
        data_dir.mkdir(mode=0o700, parents=True)
        subprocess.run(["cp", "-a", str(template), str(data_dir)], check=True)
        return data_dir

    return copy


@pytest.fixture
def new_dir(base: Path) -> Path:
    """A data directory before its first start."""
    return base / "data"


@pytest.fixture
def data_dir(new_dir: Path, copy_cluster: Copy) -> Path:
    return copy_cluster(new_dir)


@pytest.fixture
def spawn(base: Path) -> Iterator[Spawn]:
    """Starts a program of `programs`; it is killed before `base` is cleared."""
    started = []

    def start(program: str, data_dir: Path) -> Program:
        with heeded(signal.SIGINT):
            process = subprocess.Popen(
                [sys.executable, "-c", program, str(data_dir)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                start_new_session=True,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
