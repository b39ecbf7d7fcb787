"""What ends a test may not end the event loop, in which all tests of a process run.

anyio gives up its runner when a test or fixture raises what is neither an Exception nor an outcome
of pytest (SystemExit, a CancelledError that nobody caught), and every later test fails for nothing.
"""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any, TypeAlias

import pytest
from _pytest.outcomes import OutcomeException

AsyncFunction: TypeAlias = Callable[..., Any]
PASSED_ON = (Exception, OutcomeException, KeyboardInterrupt, GeneratorExit)


class EndError(Exception):
    """A test, a fixture or a task of one raised what ends a program."""

    def __init__(self, reason: BaseException) -> None:
        super().__init__(f"{type(reason).__name__} was raised: {reason}")


class SurvivingLoop(asyncio.SelectorEventLoop):
    """Goes on when a task or callback raises SystemExit; anyio fails the test that is running."""

    def run_forever(self) -> None:
        while True:
            try:
                return super().run_forever()
            except SystemExit as reason:
                self.call_exception_handler({"message": "exit", "exception": EndError(reason)})


@contextmanager
def _ends_as_failure() -> Iterator[None]:
    try:
        yield
    except PASSED_ON:
        raise
    except BaseException as reason:
        raise EndError(reason) from reason


def _surviving(function: AsyncFunction) -> AsyncFunction:
    @functools.wraps(function)
    async def run(*args: object, **kwargs: object) -> object:
        with _ends_as_failure():
            return await function(*args, **kwargs)

    @functools.wraps(function)
    async def generate(*args: object, **kwargs: object) -> AsyncIterator[object]:
        values = function(*args, **kwargs)
        with _ends_as_failure():
            first = await anext(values)
        yield first
        with _ends_as_failure():
            async for value in values:
                yield value  # a second one is the fixture's mistake, which anyio names

    return generate if isasyncgenfunction(function) else run


def _is_async(function: object) -> bool:
    return isasyncgenfunction(function) or iscoroutinefunction(function)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Guard the test, or what Hypothesis calls for each example."""
    property_test = getattr(pyfuncitem.obj, "hypothesis", None)
    if property_test and _is_async(property_test.inner_test):
        property_test.inner_test = _surviving(property_test.inner_test)
    elif not property_test and _is_async(pyfuncitem.obj):
        pyfuncitem.obj = _surviving(pyfuncitem.obj)
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object],
) -> Generator[None, object, object]:
    """Guard the fixture while it is set up; its second half is part of the same function."""
    function = fixturedef.func
    if _is_async(function):
        fixturedef.func = _surviving(function)  # type: ignore[misc]
    try:
        return (yield)
    finally:
        fixturedef.func = function  # type: ignore[misc]


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {"loop_factory": SurvivingLoop}
