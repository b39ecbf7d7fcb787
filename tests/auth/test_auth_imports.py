"""What Authward imports: nothing of the application, and nothing in a circle."""

import pytest

import authward
from tests.support.import_graph import circle, graph, imports, modules, sources

MODULES = modules(authward)


def test_no_module_of_authward_imports_itself_by_way_of_others() -> None:
    assert circle(graph(sources(authward))) == []


@pytest.mark.parametrize("name", sorted(MODULES))
def test_no_module_of_authward_imports_the_application(name: str) -> None:
    for module, _ in imports(MODULES[name].read_text()):
        assert module.partition(".")[0] != "taskward", f"{name} imports {module}"


@pytest.mark.parametrize("room", ["schema", "storage", "security"])
def test_what_lies_below_requests_knows_none(room: str) -> None:
    """But for what judges a request by its headers: where it comes from, how often."""
    above = {"authward.endpoint", "authward.plugin", "authward.server", "authward.pipeline"}
    found = graph(sources(authward))
    for name in found:
        if name.startswith(f"authward.{room}."):
            known = {target.split(".")[1] for target in found[name]}
            assert not found[name] & above, name
            assert not known & {"core", "oauth", "plugins", "fastapi"}, name


def test_only_its_folder_and_plugins_with_routers_import_fastapi() -> None:
    importing = {
        name
        for name, source in sources(authward).items()
        if any(module.partition(".")[0] == "fastapi" for module, _ in imports(source))
    }
    outside = {name for name in importing if not name.startswith("authward.fastapi.")}
    assert "authward.fastapi.routes" in importing
    assert outside == {"authward.plugins.token_login"}


def test_authward_has_as_many_imports_as_one_would_expect() -> None:
    found = graph(sources(authward))
    assert sum(map(len, found.values())) > 100
    assert "authward.endpoint_context" in found["authward.endpoint"]


@pytest.mark.parametrize(
    "statement",
    [
        "import a.b",
        "from a import b",
        "from a.b import x",
        "if T:\n  from a.b import x",
        "def f():\n  import a.b",
    ],
)
def test_a_circle_is_found_however_it_is_spelled(statement: str) -> None:
    found = graph({"a": "", "a.b": "import a.c", "a.c": statement})
    assert circle(found) == ["a.b", "a.c"]
    assert circle({**found, "a.c": set()}) == []
