"""What peers run on beside Node.js and Python: Bun, from npm, and Go with Debian's packages.

Where they cannot be had, the bench says so loudly and goes on without them.
"""

import functools
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
JS = HERE / "js"
GO_SOURCE = HERE / "go"
GO_PATH = Path("/usr/share/gocode")
_GO_PEER = GO_SOURCE / "build" / "peer"
GO_PACKAGES = (
    *("golang-go", "gcc", "libc6-dev"),
    *("golang-github-jackc-pgx-v4-dev", "golang-github-golang-jwt-jwt-dev"),
)
_GO_LIBRARIES = ("jackc/pgx/v4/pgxpool", "golang-jwt/jwt")
INSTALL_SECONDS = 600


class MissingPeerError(RuntimeError):
    """A peer cannot be had here; the message says what would bring it."""


@functools.cache
def bun() -> Path:
    """The path of Bun, which its npm package carries for each kind of machine.

    Raises:
        MissingPeerError: there is none that runs here.
    """
    candidates = [*JS.glob("node_modules/@oven/bun-*/bin/bun"), JS / "node_modules/.bin/bun"]
    for found in candidates:
        if found.exists() and _run([str(found), "--version"], 30) is not None:
            return found
    raise MissingPeerError("the npm package `bun` has no program that runs here")


@functools.cache
def go_peer() -> Path:
    """The program of Go's peer, built from `go/main.go`.

    Raises:
        MissingPeerError: Go or its packages are not there and cannot be installed.
    """
    if not _go_is_there():
        apt_install(*GO_PACKAGES)
    if not _go_is_there():
        packages = " ".join(GO_PACKAGES)
        raise MissingPeerError(f"on Debian and Ubuntu `apt install {packages}` brings it")
    environment = os.environ | {"GO111MODULE": "off", "GOPATH": str(GO_PATH)}
    command = ["go", "build", "-o", str(_GO_PEER)]
    if _run(command, INSTALL_SECONDS, environment, GO_SOURCE) is None:
        raise MissingPeerError(f"`{' '.join(command[:2])}` in bench/go failed")
    return _GO_PEER


def go_version() -> str:
    """What the peer is built with, or nothing."""
    words = (_run(["go", "version"], 30) or "").split()
    return words[2].removeprefix("go") if len(words) > 2 else ""


def apt_install(*packages: str) -> None:
    """Install them if that is allowed; whether it worked is for the caller to see."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    _run(["apt-get", "update", "--quiet"], INSTALL_SECONDS)
    install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages]
    _run(install, INSTALL_SECONDS)


def _go_is_there() -> bool:
    libraries = [GO_PATH / "src" / "github.com" / name for name in _GO_LIBRARIES]
    return shutil.which("go") is not None and all(path.is_dir() for path in libraries)


def _run(
    command: Sequence[str],
    seconds: float,
    environment: dict[str, str] | None = None,
    cwd: Path = HERE,
) -> str | None:
    """What it prints, or None if it fails; its errors are shown."""
    try:
        done = subprocess.run(
            command,
            env=environment,
            cwd=cwd,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=seconds,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
