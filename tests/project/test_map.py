"""The map in AGENTS.md: what it names is there, and no room of either package is missing."""

import re
from pathlib import Path

import pytest

from tests.project.places import PACKAGES, files_in, place
from tests.support.servers import ROOT

PAGE = (ROOT / "AGENTS.md").read_text()
MAP = PAGE.partition("## Where things are")[2].partition("## Rules")[0]
ROWS = re.findall(r"^\| (`.+?) \| (.+) \|$", MAP, re.MULTILINE)


def folders(root: Path, name: str) -> list[str]:
    """The folders that have files of Python or of tests in them, but for the built page."""
    found = [path for path in root.iterdir() if path.is_dir() and any(path.rglob("*.*"))]
    return sorted(f"{name}/{p.name}/" for p in found if p.name not in {"web", "__pycache__"})


@pytest.mark.parametrize(("places", "says"), ROWS)
def test_every_place_of_the_map_is_there(places: str, says: str) -> None:
    named = [place(name) for name in files_in(places)]
    assert named
    assert all(path.exists() for path in named), places
    for name in files_in(says):
        assert any((path / name).exists() for path in named) or place(name).exists(), (
            f"{name} in {places}"
        )


@pytest.mark.parametrize(
    "folder",
    [
        *folders(PACKAGES["taskward"], "taskward"),
        *folders(PACKAGES["authward"], "authward"),
        *folders(ROOT / "tests", "tests"),
    ],
)
def test_every_folder_of_packages_and_tests_is_on_the_map(folder: str) -> None:
    assert f"`{folder}" in MAP


@pytest.mark.parametrize("name", re.findall(r"`make ([\w-]+)", PAGE))
def test_every_command_that_is_named_is_one_of_the_makefiles(name: str) -> None:
    assert re.search(rf"^{name}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
