"""The table in docs/requirements.md: complete, and true about the tests that it names."""

import ast
import re
from collections import Counter
from functools import cache

from tests.support.servers import ROOT

ROW = re.compile(r"^\| ([A-Z]+[-.\d]+) \| (.+) \| (.+) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/\S+\.py)::(test_\w+)`")
SCENARIOS = {1: 5, 2: 5, 3: 3, 4: 4, 5: 3}
SEED = [
    *(f"US{story}.{number + 1}" for story, count in SCENARIOS.items() for number in range(count)),
    *(f"EDGE.{number}" for number in range(1, 7)),
    *(f"FR-{number:03}" for number in range(1, 17)),
    *(f"SC-{number:03}" for number in range(1, 11)),
    *(f"CHECK.{number}" for number in range(1, 11)),
]
"""Every scenario, edge case, requirement, criterion and checklist item of the specification."""


def table() -> list[tuple[str, str, list[tuple[str, str]]]]:
    text = (ROOT / "docs" / "requirements.md").read_text()
    return [(name, says, TEST.findall(tests)) for name, says, tests in ROW.findall(text)]


@cache
def names_in(path: str) -> frozenset[str]:
    """The test functions that pytest finds in a file, without importing it."""
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    )


def test_the_table_has_every_requirement_of_the_specification_once_and_nothing_else() -> None:
    assert Counter(name for name, _, _ in table()) == Counter(SEED)


def test_every_requirement_names_a_test() -> None:
    assert [name for name, says, tests in table() if not (says.strip() and tests)] == []


def test_every_test_that_is_named_exists() -> None:
    named = {test for _, _, tests in table() for test in tests}
    missing = [
        f"{path}::{name}"
        for path, name in sorted(named)
        if not (ROOT / path).is_file() or name not in names_in(path)
    ]
    assert missing == []
