"""Environments with what a distribution needs and nothing else, made without the network.

What is installed here already is linked into them; our own wheels are installed.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.process_environment import clean_environment
from tests.support.servers import ROOT

OURS = ("authward", "taskward")


def uv(*arguments: str | Path) -> None:
    """Run uv, which must be installed beside Python, without the network."""
    done = subprocess.run(
        [sys.executable, "-m", "uv", "--offline", "--quiet", *arguments],
        env=clean_environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def needed(requirement: str) -> dict[str, Distribution]:
    """What this requirement makes pip install, by name; with its extras, and no others."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()

    def visit(text: str) -> None:
        wanted = Requirement(text)
        name = canonicalize_name(wanted.name)
        found.setdefault(name, distribution(name))
        for extra in {"", *wanted.extras}:
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            for more in found[name].requires or ():
                marker = Requirement(more).marker
                if marker is None or marker.evaluate({"extra": extra}):
                    visit(more)

    visit(requirement)
    return found


def make_environment(directory: Path, wheels: Iterable[Path], requirements: Iterable[str]) -> Path:
    """Make one with these wheels of ours and what the requirements need; its `bin`."""
    uv("venv", "--python", sys.executable, directory)
    (site,) = directory.glob("lib/python*/site-packages")
    needs = {name: d for text in requirements for name, d in needed(text).items()}
    for name, installed in needs.items():
        if name not in OURS:
            _link(installed, site)
    python = directory / "bin" / "python"
    options = ("--no-deps", "--no-index", "--compile-bytecode")
    uv("pip", "install", "--python", python, *options, *wheels)
    uv("pip", "check", "--python", python)
    return python.parent


def _link(installed: Distribution, site: Path) -> None:
    for file in installed.files or ():
        source, target = Path(str(installed.locate_file(file))), site / file
        if ".." in file.parts or not source.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except OSError:  # another file system
            shutil.copy2(source, target)


def build(directory: Path, *arguments: str) -> list[Path]:
    """Build both packages as `make build` does."""
    options = ("--no-build-isolation", "--python", sys.executable, "--out-dir", directory)
    uv("build", *options, "--directory", ROOT, *arguments)
    return sorted(directory.glob("*-*"))
