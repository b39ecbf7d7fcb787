"""Every mutant of a file: mutmut's operators, and some of our own.

mutmut itself mutates the inside of undecorated functions only. Here, who sees what is decided
elsewhere as well: in statements, which are made when a module is imported, and in endpoints, which
are decorated. So its operators are applied to the whole file.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import libcst as cst
from libcst.metadata import (
    CodePosition,
    CodeRange,
    MetadataWrapper,
    PositionProvider,
    WhitespaceInclusivePositionProvider,
)
from mutmut.mutation.mutators import (
    mutation_operators,
    operator_arg_removal,
    operator_keywords,
    operator_remove_unary_ops,
    operator_string,
    operator_swap_op,
)

_NOT_RUN = (cst.Annotation, cst.Import, cst.ImportFrom)
_DOCUMENTATION = {"answer", "description", "errors", "json_schema_extra", "responses"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A file with one change."""

    file: str
    line: int
    part: str
    """The function, class or constant at the top of the file in which the change is."""
    change: str
    source: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.part}: {self.change}"


def either_side(node: cst.BinaryOperation | cst.BooleanOperation) -> Iterable[cst.BaseExpression]:
    """`a & b` becomes `a`, and `b`: a condition is lost."""
    if isinstance(node.operator, cst.And | cst.Or | cst.BitAnd | cst.BitOr):
        yield from (node.left, node.right)


def decided(node: cst.If) -> Iterable[cst.If]:
    """`if a:` becomes `if True:`, and `if False:`."""
    yield from (node.with_changes(test=cst.Name(value)) for value in ("True", "False"))


def left_out(node: cst.SimpleStatementLine) -> Iterable[cst.SimpleStatementLine]:
    """A call for its effect, a `raise` or a `del` becomes `pass`: a check is lost."""
    statement = node.body[0]
    is_call = isinstance(statement, cst.Expr) and not isinstance(statement.value, cst.BaseString)
    if is_call or isinstance(statement, cst.Raise | cst.Del):
        yield node.with_changes(body=[cst.Pass()])


def another_string(node: cst.BaseString) -> Iterable[cst.BaseString]:
    """One other string is as good as three."""
    yield from list(operator_string(node))[:1]


def without_argument(node: cst.Call) -> Iterable[cst.CSTNode]:
    """Drop each argument; the only one becomes None."""
    changed = list(operator_arg_removal(node))
    yield from changed[-len(node.args) :] if len(node.args) > 1 else changed


Operator: TypeAlias = Callable[[Any], Iterable[cst.CSTNode]]
Operators: TypeAlias = list[tuple[type, Operator]]
REPLACED: dict[Operator, Operator] = {
    operator_string: another_string,
    operator_arg_removal: without_argument,
}
OPERATORS: Operators = [
    *[(kind, REPLACED.get(operator, operator)) for kind, operator in mutation_operators],
    (cst.BinaryOperation, either_side),
    (cst.BooleanOperation, either_side),
    (cst.If, decided),
    (cst.SimpleStatementLine, left_out),
]


def without_condition(node: cst.Call) -> Iterable[cst.CSTNode]:
    """`.where(a, b)` becomes `.where(a)`, and `.where(b)`."""
    if isinstance(node.func, cst.Attribute) and node.func.attr.value == "where":
        yield from without_argument(node)


CONDITIONS: Operators = [
    (cst.UnaryOperation, operator_remove_unary_ops),
    (cst.CSTNode, operator_keywords),
    (cst.CSTNode, operator_swap_op),
    (cst.Call, without_condition),
    *OPERATORS[-4:],
]
"""Those that change what is asked before something is shown or done: a few of all."""


class _Changes(cst.CSTVisitor):
    """Collects what may take the place of what, in the parts of a module that are wanted."""

    METADATA_DEPENDENCIES = (PositionProvider, WhitespaceInclusivePositionProvider)

    def __init__(self, module: cst.Module, parts: str, operators: Operators) -> None:
        super().__init__()
        self._operators = operators
        self._parts = {id(node): _name(node) for node in module.body}
        self._constants = {
            id(statement)
            for line in module.body
            if isinstance(line, cst.SimpleStatementLine)
            for statement in line.body
        }
        self._wanted = re.compile(parts)
        self._part = ""
        self.found: list[tuple[str, int, CodeRange, cst.CSTNode, cst.CSTNode]] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        self._part = self._parts.get(id(node), self._part)
        unwanted = id(node) in self._parts and not self._wanted.fullmatch(self._part)
        if unwanted or isinstance(node, _NOT_RUN) or _is_documentation(node):
            return False
        if id(node) in self._constants:
            return True  # without its value, the module could not even be imported
        for kind, operator in self._operators:
            if isinstance(node, kind):
                line = self.get_metadata(PositionProvider, node).start.line
                place = self.get_metadata(WhitespaceInclusivePositionProvider, node)
                self.found += [(self._part, line, place, node, new) for new in operator(node)]
        return True


def mutants_of(
    root: Path, file: str, parts: str = ".*", operators: Operators = OPERATORS
) -> Iterator[Mutant]:
    """Yield the mutants of a file, in its order, as far as they are Python.

    Args:
        root: of the project.
        file: below it.
        parts: a regular expression for the names at the top of the file that are wanted.
        operators: what is done to which kind of node.
    """
    text = (root / file).read_text()
    wrapper = MetadataWrapper(cst.parse_module(text))
    changes = _Changes(wrapper.module, parts, operators)
    wrapper.visit(changes)
    seen = {text}
    for part, line, place, node, new in changes.found:
        before, after = (wrapper.module.code_for_node(each) for each in (node, new))
        source = _replaced(text, place, after)
        if source not in seen and _is_python(source):
            seen.add(source)
            yield Mutant(file, line, part, f"{_short(before)}  →  {_short(after)}", source)


def _name(node: cst.CSTNode) -> str:
    """The name of a function, class or constant at the top of a module."""
    if isinstance(node, cst.FunctionDef | cst.ClassDef):
        return node.name.value
    statement = node.body[0] if isinstance(node, cst.SimpleStatementLine) else None
    target = None
    if isinstance(statement, cst.Assign):
        target = statement.targets[0].target
    elif isinstance(statement, cst.AnnAssign):
        target = statement.target
    return target.value if isinstance(target, cst.Name) else ""


def _is_documentation(node: cst.CSTNode) -> bool:
    """What only the OpenAPI document says: its snapshot is the test of that."""
    return isinstance(node, cst.Arg) and bool(node.keyword and node.keyword.value in _DOCUMENTATION)


def _replaced(text: str, place: CodeRange, new: str) -> str:
    lines = text.splitlines(keepends=True)
    return text[: _offset(lines, place.start)] + new + text[_offset(lines, place.end) :]


def _offset(lines: list[str], position: CodePosition) -> int:
    return sum(len(line) for line in lines[: position.line - 1]) + position.column


def _is_python(source: str) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def _short(source: str) -> str:
    line = " ".join(source.split())
    return line if len(line) <= 100 else f"{line[:60]} … {line[-37:]}"
