"""Files and folders that documents name."""

import re
from pathlib import Path

from tests.support.servers import ROOT

PACKAGES = {name: ROOT / "packages" / name / "src" / name for name in ("taskward", "authward")}
NAME = re.compile(r"`([^`]+)`")


def place(name: str) -> Path:
    """Where a path of the page is."""
    package, _, rest = name.partition("/")
    return PACKAGES[package] / rest if package in PACKAGES else ROOT / name


def files_in(text: str) -> list[str]:
    """The files and folders that are named, which have a slash or an ending."""
    ending = re.compile(r"^[\w./-]+(/|\.(py|tsx?|md|json|example))$")
    return [name for name in NAME.findall(text) if ending.match(name)]
