"""`make mcp-conformance`: what the official tools say of the server, scenario by scenario.

The suite's whole form wants a server with every feature there is, so scenarios are run by name, and
checks that want features of that server are expected to fail: each is listed here with its reason.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from authward.security.jwt import TokenSigner
from taskward.database.url import DatabaseURL
from taskward.embedded_postgres import attach, detach
from tests.conftest import url_text
from tests.mcp_tools.authorization import authorized
from tests.mcp_tools.proxy import proxy
from tests.support.servers import SECRET, TaskwardServer, auth_settings

MODERN, LEGACY = "2026-07-28", "2025-11-25"
MODULES = Path(__file__).with_name("node_modules")
NODE = MODULES / "node" / "bin" / "node"
CONFORMANCE = MODULES / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
INSPECTOR = (
    MODULES / "@modelcontextprotocol" / "inspector" / "clients" / "launcher" / "build" / "index.js"
)
_CHECK = re.compile(r"\[(?P<id>[a-z0-9-]+) *\] *(?P<result>SUCCESS|FAILURE|WARNING|SKIPPED|INFO)")
_COLOUR = re.compile(r"\x1b\[\d*m")

NO_SUCH_METHOD = "there are no prompts and no resources: 404, -32601"
NO_SUCH_TOOL = "wants a tool of the suite's own server"
SCENARIOS = {
    ("server-stateless", MODERN): {
        "sep-2575-server-rejects-undeclared-capability": NO_SUCH_TOOL,
        "sep-2575-missing-capability-http-400": NO_SUCH_TOOL,
        "sep-2575-http-server-no-independent-requests-on-stream": NO_SUCH_TOOL,
        "sep-2575-server-no-log-without-loglevel": NO_SUCH_TOOL,
    },
    ("caching", MODERN): {
        "sep-2549-prompts-list-caching-hints": NO_SUCH_METHOD,
        "sep-2549-resources-list-caching-hints": NO_SUCH_METHOD,
        "sep-2549-resources-templates-list-caching-hints": NO_SUCH_METHOD,
    },
    ("http-header-validation", MODERN): {},
    ("tools-list", MODERN): {},
    ("server-initialize", LEGACY): {},
    ("ping", LEGACY): {},
    ("tools-list", LEGACY): {},
}
AUTHORIZATION = ("authorization-server-metadata-endpoint", "authorization-code-grant")


class Judged(NamedTuple):
    """How a tool's checks went."""

    passed: int
    expected: list[str]
    unexpected: list[str]
    output: str


def run(*command: object) -> subprocess.CompletedProcess[str]:
    """Run one of the tools."""
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)


def scenario(url: str, name: str, version: str) -> Judged:
    """Run one scenario of the conformance suite."""
    ended = run(
        *(NODE, CONFORMANCE, "server", "--url", url),
        *("--scenario", name, "--spec-version", version),
    )
    output = _COLOUR.sub("", ended.stdout + ended.stderr)
    checks = [(match["id"], match["result"]) for match in _CHECK.finditer(output)]
    failed = [check for check, result in checks if result == "FAILURE"]
    known = SCENARIOS[name, version]
    passed = sum(result == "SUCCESS" for _, result in checks)
    wrong = [check for check in failed if check not in known]
    if not checks:
        wrong = ["nothing was checked"]
    return Judged(passed, [check for check in failed if check in known], wrong, output)


def inspect(url: str, token: str, era: str, *arguments: str) -> Judged:
    """Ask with the inspector, as a client of this era."""
    ended = run(
        *(NODE, INSPECTOR, "--cli", url, "--transport", "http", "--protocol-era", era),
        *("--header", f"Authorization: Bearer {token}", *arguments),
    )
    output = ended.stdout + ended.stderr
    warned = [line for line in output.splitlines() if line.startswith("Warning:")]
    wrong = [f"exit {ended.returncode}"] if ended.returncode else []
    return Judged(int(not wrong), [], wrong + warned, output)


def authorization(server: TaskwardServer) -> dict[str, Judged]:
    """Let the suite look at the authorization server, and be given a code and tokens."""
    output = _COLOUR.sub("", authorized([str(NODE), str(CONFORMANCE), "authorization"], server))
    found = {}
    for scenario in AUTHORIZATION:
        counted = re.search(rf"{scenario}: (\d+) passed, (\d+) failed", output)
        passed, failed = map(int, counted.groups()) if counted else (0, 0)
        wrong = [f"{failed} failed"] if failed else [] if passed else ["nothing was checked"]
        found[scenario] = Judged(passed, [], wrong, output)
    return found


def judge(server: TaskwardServer) -> bool:
    """Run everything, say how it went, and whether it went as expected."""
    token = TokenSigner(SECRET, issuer=server.url, lifetime=3600).issue("user_1")
    found: dict[str, Judged] = {}
    with proxy(server.port, token) as url:
        for name, version in SCENARIOS:
            found[f"{name} {version}"] = scenario(f"{url}/mcp", name, version)
    listing = ("--method", "tools/list", "--strict")
    adding = ("--method", "tools/call", "--tool-name", "add_task", "--tool-arg", "title=Hello")
    for era in ("modern", "legacy"):
        for arguments in (listing, adding):
            what = f"inspector {era} {arguments[1]}"
            found[what] = inspect(f"{server.url}/mcp", token, era, *arguments)
    found |= authorization(server)
    for what, judged in found.items():
        print(f"{what}: {judged.passed} passed, {len(judged.expected)} expected to fail")
        for problem in judged.unexpected:
            print(f"  NOT EXPECTED: {problem}")
    for judged in found.values():
        if judged.unexpected:
            print(judged.output)
    return not any(judged.unexpected for judged in found.values())


def main() -> int:
    """Serve from an embedded PostgreSQL, and let the tools judge."""
    if not NODE.exists():
        print("install the tools first: make mcp-conformance", file=sys.stderr)
        return 1
    directory = Path(tempfile.mkdtemp(prefix="taskward-mcp-"))
    database = attach(directory, server_settings={"fsync": "off"})
    url = DatabaseURL(str(database.socket_dir), 5432, database.user, None, database.database)
    try:
        with TaskwardServer(auth_settings(url_text(url))) as server:
            return 0 if judge(server) else 1
    finally:
        detach(directory)
        shutil.rmtree(directory)


if __name__ == "__main__":
    sys.exit(main())
