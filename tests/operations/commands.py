"""Commands of the server's own, in an environment of the test's."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from taskward.settings import Settings
from tests.support.forking import run_module
from tests.support.process_environment import clean_environment
from tests.support.servers import ROOT

UNREACHABLE = "postgresql://someone:hunter2-is-secret@127.0.0.1:1/tasks"


NAMES = {name.upper() for name in Settings.model_fields}


Environment = Callable[[dict[str, str]], None]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Environment:
    """Sets what a command finds around it, in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)

    def set_up(variables: dict[str, str]) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_up


def taskward(directory: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return run_module(
        [sys.executable, "-m", "taskward", *arguments],
        directory,
        clean_environment({**settings, "PYTHONPATH": str(ROOT)}),
    )
