"""The list of all of the original's options, and where ours are tried."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any

import pytest
from pydantic.alias_generators import to_camel

from authward import BetterAuthOptions
from tests.support.servers import JS, ROOT, node

DOCUMENT = ROOT / "docs" / "options.md"
TITLE = "## Every option of the original"
ROW = re.compile(r"^\| `([\w.]+)` \| (.+) \|$", re.MULTILINE)
NAMED = re.compile(r"`([a-z_]+(?:\.[a-z_]+)*)`")
GIVEN = re.compile(r"\b(\w+)[\"']?(?==|:)")
REASON, REASON_LENGTH = "\N{EN DASH} ", 20
TRIED_IN = ("tests", "packages/taskward/src")


def _listed() -> dict[str, str]:
    return dict(ROW.findall(DOCUMENT.read_text().partition(TITLE)[2]))


@cache
def _ours() -> frozenset[str]:
    return frozenset(_names(BetterAuthOptions))


def _names(group: Any, within: str = "") -> Iterator[str]:
    for field in fields(group):
        yield within + field.name
        default = field.default if field.default_factory is MISSING else field.default_factory()
        if is_dataclass(default):
            yield from _names(type(default), f"{within}{field.name}.")


@pytest.mark.long
def test_the_list_has_all_options_of_the_originals_types() -> None:
    package = ROOT / "frontend" / "package.json"
    if not (package.parent / "node_modules" / "typescript").is_dir():
        pytest.skip("TYPESCRIPT IS NOT INSTALLED: run `make frontend` (`make test` does)")
    command = [node(), str(JS / "original-options.mjs"), str(package)]
    printed = subprocess.run(command, capture_output=True, check=True).stdout
    assert sorted(_listed()) == json.loads(printed)


@pytest.mark.parametrize(("theirs", "ours"), _listed().items(), ids=list(_listed()))
def test_each_has_one_of_ours_beside_it_or_a_reason(theirs: str, ours: str) -> None:
    if ours.startswith(REASON):
        assert len(ours) > REASON_LENGTH, theirs
    else:
        known = [name for name in NAMED.findall(ours) if name in _ours()]
        assert known or theirs == "database"


@cache
def _given_in_tests() -> set[str]:
    files = [file for place in TRIED_IN for file in sorted((ROOT / place).rglob("*.py"))]
    texts = [file.read_text() for file in files if "test_every_option" not in file.name]
    return {name for text in texts for name in GIVEN.findall(text)}


@pytest.mark.parametrize("name", sorted(_ours()))
def test_each_of_ours_is_given_in_some_test(name: str) -> None:
    last = name.rpartition(".")[2]
    theirs = to_camel(last).replace("Oauth", "OAuth").replace("Url", "URL")
    assert {last, theirs} & _given_in_tests(), f"{name} is tried nowhere"
