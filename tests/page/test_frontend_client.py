"""The page's typed client, `frontend/lib/api.ts`: tested against our server, and up to date."""

import subprocess
from pathlib import Path

import anyio.to_thread
import pytest

from tests.conftest import CreateDatabase
from tests.support.process_environment import clean_environment
from tests.support.servers import ROOT, TaskwardServer, auth_settings, node

FRONTEND = ROOT / "frontend"
SECONDS = 120
TESTS = 36


def run(*arguments: str, cwd: Path = FRONTEND, **settings: str) -> subprocess.CompletedProcess[str]:
    if not (FRONTEND / "node_modules" / "tsx").is_dir():
        pytest.skip("THE PAGE'S PACKAGES ARE NOT INSTALLED: `make frontend` does (`make test` too)")
    return subprocess.run(
        [node(), *arguments],
        cwd=cwd,
        env=clean_environment(settings),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.mark.long
async def test_the_typed_client_and_what_the_page_makes_of_changes_pass_their_tests(
    create_migrated_database: CreateDatabase,
) -> None:
    with TaskwardServer(auth_settings(await create_migrated_database())) as server:
        arguments = (
            "--import",
            "tsx",
            "--test",
            "--test-reporter=tap",
            "tests/api.test.ts",
            "tests/changes.test.ts",
        )
        held = await anyio.to_thread.run_sync(lambda: run(*arguments, BASE_URL=server.url))
    assert held.returncode == 0, held.stdout
    assert f"# pass {TESTS}\n" in held.stdout


def test_the_types_are_those_of_the_api_as_it_is_documented() -> None:
    checked = run("scripts/openapi.mjs", "--check")
    assert checked.returncode == 0, checked.stderr


def test_the_client_needs_nothing_of_this_project_but_its_types() -> None:
    source = (FRONTEND / "lib" / "api.ts").read_text()
    imports = [line for line in source.splitlines() if " from " in line and "import" in line]
    assert imports == ['import type { components, operations } from "./openapi-types";']
