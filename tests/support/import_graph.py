"""Who imports whom in a package, read from the source.

Imports for types only (`TYPE_CHECKING`) and inside of functions count as all others do.
"""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

Graph: TypeAlias = Mapping[str, set[str]]


def modules(package: ModuleType) -> dict[str, Path]:
    """Every module of the package by its name; a package by the name of its folder."""
    assert package.__file__ is not None
    folder, found = Path(package.__file__).parent, {}
    for path in folder.rglob("*.py"):
        parts = path.relative_to(folder).with_suffix("").parts
        names = (package.__name__, *(part for part in parts if part != "__init__"))
        found[".".join(names)] = path
    return found


def sources(package: ModuleType) -> dict[str, str]:
    return {name: path.read_text() for name, path in modules(package).items()}


@cache
def imports(source: str) -> tuple[tuple[str, str], ...]:
    """(module, name) of all imports; the name is empty for `import module`."""
    return tuple(_imports(source))


def _imports(source: str) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where things come from"
            yield from ((node.module or "", alias.name) for alias in node.names)


def graph(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """Who imports whom; `from package import module` is an import of the module."""

    def targets(source: str) -> Iterator[str]:
        for module, name in imports(source):
            submodule = f"{module}.{name}"
            if submodule in sources or module in sources:
                yield submodule if submodule in sources else module

    return {name: {*targets(source)} - {name} for name, source in sources.items()}


def circle(of: Graph) -> list[str]:
    """The names on one circle, if there is any."""
    done: set[str] = set()

    def visit(name: str, way: list[str]) -> list[str]:
        if name in way:
            return way[way.index(name) :]
        if name in done:
            return []
        for target in sorted(of[name]):
            if found := visit(target, [*way, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(of) if (found := visit(name, []))), [])
