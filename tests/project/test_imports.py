"""What Taskward imports: nothing in a circle, and the application only where it is put together."""

import pytest

import taskward
from tests.support.import_graph import circle, graph, sources

GRAPH = graph(sources(taskward))
ASSEMBLERS = {"taskward.app", "taskward.asgi", "taskward.serve", "taskward.__main__"}
"""What knows all the others, and is known to none of them."""
BELOW = sorted(name for name in GRAPH if not name.startswith("taskward.cli"))


def test_no_module_of_taskward_imports_itself_by_way_of_others() -> None:
    assert circle(GRAPH) == []


def test_taskward_has_as_many_imports_as_one_would_expect() -> None:
    assert sum(map(len, GRAPH.values())) > 100
    assert "taskward.tasks.store" in GRAPH["taskward.tasks.endpoints"]


@pytest.mark.parametrize("name", [name for name in BELOW if name not in ASSEMBLERS])
def test_what_the_application_is_made_of_does_not_know_the_application(name: str) -> None:
    assert not GRAPH[name] & ASSEMBLERS


def test_the_database_knows_nothing_of_tasks() -> None:
    for name in GRAPH:
        if name.startswith("taskward.database"):
            known = {target.split(".")[1] for target in GRAPH[name] if target.count(".")}
            assert not known & {"tasks", "cli", "observability", "migrations"}, name


def test_what_is_done_with_tasks_needs_no_http() -> None:
    known = {target for target in GRAPH["taskward.tasks.store"] if target.startswith("taskward.")}
    assert not any(target.startswith("taskward.http") for target in known)
