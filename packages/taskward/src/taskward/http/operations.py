"""What the hot paths know of the task operations, compiled once from the routes of FastAPI.

FastAPI spends several times as long on finding and calling an endpoint as the endpoint takes. What
it does for a request is known when the routes are made: which path, which validators, which
dependencies. An operation here knows success only: whatever is unusual raises `NotHandled`, before
anything has happened, and FastAPI finds and words the error.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, TypeAlias
from urllib.parse import parse_qsl

from asyncpg import Record
from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from authward.bodies import is_too_complex
from authward.fastapi.current_user import JWTBearer
from authward.storage.statements import Statement

Headers: TypeAlias = dict[bytes, bytes]
Services: TypeAlias = Any
"""The application's state, or something with the same attributes."""
Provider: TypeAlias = Callable[[Services, Headers], Any]
"""Stands for a dependency: returns its value, or NotImplemented to leave the request to FastAPI."""
Endpoint: TypeAlias = Callable[..., Awaitable[Response]]
Validate: TypeAlias = Callable[[str], Any]
"""Returns the value that a text stands for, or raises pydantic's `ValidationError`."""

PREFIX = "/api/tasks"
_ID = "{id}"
_JSON = (b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8")


class NotHandled(Exception):  # noqa: N818
    """Not for the hot paths."""


@dataclass(frozen=True, slots=True)
class Halves:
    """An endpoint that asks one batchable statement, cut in two where it would wait."""

    statement: Statement
    """Its parameters are called as the endpoint's, or as fields of the body."""
    answer: Callable[[Record | None], Response]
    """Makes of the row what the endpoint returns or raises."""
    begin: Callable[[Services, str], bool] | None = None
    """Is asked whether the statement may run for a user at once; if not, the endpoint waits."""
    over: Callable[[Services, str, Response | BaseException], None] | None = None
    """Is told, when the statement that was begun for a user is over, what came of it."""


Batched: TypeAlias = Mapping[Endpoint, Callable[[Mapping[str, Any]], Halves | None]]
"""Endpoints that can be cut in two, unless a header asks for more: how, for what the query says."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An endpoint and what it is called with: pairs of a parameter's name and what makes it."""

    route: APIRoute
    endpoint: Endpoint
    user: str
    """The parameter that gets the user's id."""
    authenticate: Provider
    """Returns it."""
    dependencies: tuple[tuple[str, Provider], ...]
    """All others."""
    path: tuple[tuple[str, Validate], ...]
    number: str | None
    """The parameter of `path`, if it is the only one and reads digits as `int` does."""
    query: tuple[tuple[str, str, Validate], ...]
    headers: tuple[tuple[str, bytes, Validate], ...]
    header_names: frozenset[bytes]
    """Of `headers`; without any of them nothing more is asked for."""
    body: tuple[str, Callable[[bytes], Any]] | None
    halves: Callable[[Mapping[str, Any]], Halves | None]
    """Returns how it is cut in two, if it can be, for the arguments that the query makes."""


Operations: TypeAlias = dict[tuple[str, str], Operation]
"""By method, and what follows `/api/tasks` in the path's template."""


def compile_operations(
    router: APIRouter,
    providers: Mapping[Callable[..., Any], Provider],
    batched: Batched = MappingProxyType({}),
) -> Operations:
    """Compile the routes of `router` that have exactly the dependencies with a provider."""
    operations: Operations = {}
    for route in router.routes:
        if isinstance(route, APIRoute) and (operation := _compile(route, providers, batched)):
            keys = [(method, route.path[len(PREFIX) :]) for method in route.methods or ()]
            operations |= dict.fromkeys(keys, operation)
    return operations


def _compile(
    route: APIRoute,
    providers: Mapping[Callable[..., Any], Provider],
    batched: Batched,
) -> Operation | None:
    dependant = route.dependant
    calls = [(d.name or "", d.call) for d in dependant.dependencies]
    users = [(name, call) for name, call in calls if isinstance(call, JWTBearer)]
    fields = (*dependant.header_params, *dependant.query_params)
    if {call for _, call in calls} != providers.keys() or len(users) != 1:
        return None
    if len(dependant.body_params) > 1 or dependant.cookie_params:
        return None
    if any(field.field_info.is_required() for field in fields):
        return None
    bodies = [
        (f.name, TypeAdapter[Any](f.field_info.annotation or Any).validator.validate_json)
        for f in dependant.body_params
    ]
    [(user, bearer)] = users
    headers = [(f.name, f.alias.lower().encode(), _validator(f)) for f in dependant.header_params]
    path = tuple((f.name, _validator(f)) for f in dependant.path_params)
    return Operation(
        route,
        route.endpoint,
        user,
        providers[bearer],
        tuple((name, providers[call]) for name, call in calls if call and call is not bearer),
        path,
        path[0][0] if len(path) == 1 and _reads_digits(path[0][1]) else None,
        tuple((f.name, f.alias, _validator(f)) for f in dependant.query_params),
        tuple(headers),
        frozenset(alias for _, alias, _ in headers),
        bodies[0] if bodies else None,
        batched.get(route.endpoint, _whole),
    )


def _whole(_: Mapping[str, Any]) -> None:
    """Cut nothing in two."""


def _validator(field: Any) -> Validate:
    """What FastAPI's own field does, but for the list of errors that it makes."""
    kind: Any = field.field_info.annotation
    for constraint in field.field_info.metadata:
        kind = Annotated[kind, constraint]
    return TypeAdapter[Any](kind).validator.validate_python


def _reads_digits(validate: Validate) -> bool:
    try:
        return all(validate(digits) == int(digits) for digits in ("0", "1", "007", "9" * 18))
    except ValidationError:
        return False


def find(operations: Operations, method: str, path: str) -> tuple[Operation | None, str]:
    """Return the operation for a request, and the task's id as it stands in the path."""
    if not path.startswith(PREFIX):
        return None, ""
    template, task_id = _template(path[len(PREFIX) :])
    return operations.get((method, template)), task_id


def unique(headers: Sequence[tuple[bytes, bytes]]) -> Headers:
    """Return headers by their names.

    Raises:
        NotHandled: two have the same.
    """
    by_name = dict(headers)
    if len(by_name) != len(headers):
        raise NotHandled
    return by_name


def authenticate(operation: Operation, services: Services, headers: Headers) -> str:
    """Return the id of the user who asks.

    Raises:
        NotHandled: nobody is known yet.
    """
    user_id = operation.authenticate(services, headers)
    if user_id is NotImplemented:
        raise NotHandled
    return user_id  # type: ignore[no-any-return]


def arguments(
    operation: Operation,
    services: Services,
    user_id: str,
    task_id: str,
    headers: Headers,
) -> dict[str, Any]:
    """Return what the endpoint is called with, but for the query and the body.

    Raises:
        NotHandled: something is not as usual.
    """
    found: dict[str, Any] = path_arguments(operation, user_id, task_id)
    for name, provide in operation.dependencies:
        found[name] = value = provide(services, headers)
        if value is NotImplemented:
            raise NotHandled
    try:
        for name, alias, validate in operation.headers:
            if alias in headers:
                found[name] = validate(headers[alias].decode("latin-1"))
    except ValidationError:
        raise NotHandled from None
    return found


def path_arguments(operation: Operation, user_id: str, task_id: str) -> dict[str, Any]:
    """Return the user and what the path makes.

    Raises:
        NotHandled: it is not valid.
    """
    found: dict[str, Any] = {operation.user: user_id}
    try:
        for name, validate in operation.path:
            found[name] = validate(task_id)
    except ValidationError:
        raise NotHandled from None
    return found


def takes_body(operation: Operation, headers: Headers) -> bool:
    """Whether the endpoint wants a body.

    Raises:
        NotHandled: it does, but this one is not plain JSON.
    """
    if operation.body is None:
        return False
    if headers.get(b"content-type") not in _JSON or b"content-encoding" in headers:
        raise NotHandled
    return True


def body_argument(operation: Operation, raw: bytes) -> dict[str, Any]:
    """Return the argument that the body makes.

    Raises:
        NotHandled: it is not valid.
    """
    if operation.body is None:
        return {}
    if is_too_complex(raw):
        raise NotHandled
    name, validate_json = operation.body
    try:
        return {name: validate_json(raw)}
    except ValidationError:
        raise NotHandled from None


def query_arguments(operation: Operation, query: bytes) -> dict[str, Any]:
    """Return what the query makes; like Starlette, the last of equal names counts.

    Raises:
        NotHandled: it is not valid.
    """
    if not query or not operation.query:
        return {}
    given = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    try:
        return {
            name: validate(given[alias])
            for name, alias, validate in operation.query
            if alias in given
        }
    except ValidationError:
        raise NotHandled from None


def _template(rest: str) -> tuple[str, str]:
    """Split what follows `/api/tasks` into its route's template and the id."""
    if rest in {"", "/"}:
        return rest, ""
    nothing, _, tail = rest.partition("/")
    task_id, slash, action = tail.partition("/")
    if nothing:
        return "not a task's path", ""
    return (f"/{_ID}/{action}" if slash else f"/{_ID}"), task_id
