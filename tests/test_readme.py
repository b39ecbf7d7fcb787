"""What the README shows is run as it stands there."""

import re
from collections.abc import AsyncIterator

import pytest
from anyio import run_process

from tests.servers import JS, ROOT, TaskwardServer, auth_settings, node

README = (ROOT / "README.md").read_text()


def block(language: str) -> str:
    """The first code block in this language."""
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
async def server(database_url: str) -> AsyncIterator[TaskwardServer]:
    with TaskwardServer(auth_settings(database_url)) as server:
        yield server


async def test_the_curl_session_signs_up_and_makes_a_task(server: TaskwardServer) -> None:
    script = block("bash").replace("localhost:8000", server.url.removeprefix("http://"))
    done = await run_process(["bash", "-euc", script])
    assert done.stdout.decode().count('"title":"Read the README"') == 2


async def test_the_javascript_client_signs_up_and_makes_a_task(server: TaskwardServer) -> None:
    code = block("js").replace("http://localhost:8000", server.url)
    done = await run_process(
        [node(), "--input-type=module", "--eval", code],
        cwd=JS,
        env={"NODE_OPTIONS": "--import=./as-a-browser.mjs"},
        check=False,
    )
    assert "title: 'Write the front end'" in done.stdout.decode(), done.stderr


def test_every_setting_of_the_readme_exists() -> None:
    example = (ROOT / ".env.example").read_text()
    for name in re.findall(r"`([A-Z_]{5,})(?:=[^`]*)?`", README):
        assert f"{name}=" in example, name


def test_every_file_that_the_documentation_points_to_exists() -> None:
    for page in [ROOT / "README.md", ROOT / "AGENTS.md", *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
