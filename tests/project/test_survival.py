"""A test that raises what ends a program fails, and the tests after it run."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BEGINNING = """
import asyncio

import pytest
from hypothesis import given
from hypothesis.strategies import just


async def leave():
    raise SystemExit("no such setting")


@pytest.fixture(scope="session")
async def shared():
    yield asyncio.get_running_loop()


"""
END = """
async def test_a_later_one(shared):
    assert shared is asyncio.get_running_loop()
"""
CASES = {
    "a test": """
async def test_it(shared):
    await leave()
""",
    "a test that is cancelled": """
async def test_it(shared):
    asyncio.current_task().cancel()
    await asyncio.sleep(0)
""",
    "a property test": """
@given(value=just(1))
async def test_it(shared, value):
    await leave()
""",
    "a fixture": """
@pytest.fixture
async def broken(shared):
    await leave()

async def test_it(broken):
    pass
""",
    "a fixture's beginning": """
@pytest.fixture
async def broken(shared):
    await leave()
    yield

async def test_it(broken):
    pass
""",
    "a fixture's end": """
@pytest.fixture
async def broken(shared):
    yield
    await leave()

async def test_it(broken):
    raise AssertionError
""",
    "a task": """
async def test_it(shared):
    left = asyncio.create_task(leave())
    await asyncio.wait([left])
""",
    "a fixture's task": """
@pytest.fixture
async def broken(shared):
    await asyncio.wait([asyncio.create_task(leave())])

async def test_it(broken):
    pass
""",
    "a callback": """
async def test_it(shared):
    asyncio.get_running_loop().call_soon(exit, 1)
    await asyncio.sleep(0)
""",
}


def test_whatever_raises_system_exit_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ("tests.support.survival",)')
    for number, text in enumerate(CASES.values()):
        (tmp_path / f"test_{number}.py").write_text(BEGINNING + text + END)
    run = _pytest(tmp_path)
    for number, place in enumerate(CASES):
        assert f"test_{number}.py::test_it" in run, f"{place} passed:\n{run}"
    assert f"{len(CASES)} passed" in run, run


def _pytest(directory: Path) -> str:
    """What pytest prints about the tests there, all run by one process."""
    options = ["-p", "no:cacheprovider", "-p", "no:schemathesis"]
    command = [sys.executable, "-m", "pytest", "-q", "-rfE", "--tb=no", "-o", "anyio_mode=auto"]
    return subprocess.run(
        [*command, *options, "--rootdir", str(directory), str(directory)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    ).stdout
