"""Schemathesis: what `/openapi.json` promises is what every operation does with any input.

All checks over tasks and auth, links included; `schemathesis.toml` says what is relaxed and why.
"""

import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import CreateDatabase
from tests.fuzz.sizes import LONG, seed, size
from tests.fuzz.target import MakeRunServer
from tests.support.process_environment import clean_environment
from tests.support.servers import ROOT

CASES = size(150, 20_000)
EXAMPLES = size(3, 300)
PHASES = "examples,coverage,fuzzing,stateful" if LONG else "coverage,stateful"
SOME = "^/api/(tasks|auth/(signup|token)$)"
ALL = "^/"
COUNT = re.compile(r"^\s+(\d+) generated, ", re.MULTILINE)
HERE = Path(__file__).parent


@pytest.fixture
async def server(create_migrated_database: CreateDatabase) -> AsyncIterator[MakeRunServer]:
    with MakeRunServer(await create_migrated_database()) as server:
        yield server


def run(server: MakeRunServer, seed: int) -> int:
    """Try the whole document once, in `make test` some of it; how many requests that was."""
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "--config-file"),
        *(str(HERE / "schemathesis.toml"), "run", f"{server.url}/openapi.json", "--no-color"),
        *("--seed", str(seed), "--max-examples", str(EXAMPLES), "--phases", PHASES),
        *("--include-path-regex", ALL if LONG else SOME),
    ]
    hooks = {"SCHEMATHESIS_HOOKS": "tests.fuzz.schemathesis_hooks", "PYTHONPATH": str(ROOT)}
    environment = clean_environment({**hooks, "FUZZ_BASE_URL": server.url})
    ended = subprocess.run(
        command, env=environment, cwd=server.cwd, capture_output=True, text=True, check=False
    )
    count = COUNT.search(ended.stdout)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert count is not None, ended.stdout
    return int(count[1])


@pytest.mark.long
def test_no_input_finds_a_difference_between_document_and_answers(server: MakeRunServer) -> None:
    start, cases, rounds = seed(), 0, 0
    while cases < CASES:
        print(f"\nschemathesis: seed {start + rounds}", flush=True)
        cases += run(server, start + rounds)
        rounds += 1
    print(f"schemathesis: {cases} cases, 0 failures", flush=True)
    assert "internal error" not in server.log()
