"""Servers, users, keepers and initdb that are killed at any moment."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from taskward.embedded_postgres import attach, detach
from tests.embedded_postgres.helpers import (
    AS_ROOT,
    FAST,
    Spawn,
    eventually,
    keepers_of,
    kill,
    log_of,
    postmasters_of,
    processes_of,
    query,
    read_line,
)
from tests.embedded_postgres.programs import ATTACH_AND_WAIT


def test_a_killed_server_is_started_again(data_dir: Path) -> None:
    query(attach(data_dir), "create table kept as select 42 as answer")
    postmasters_of(data_dir)[0].kill()
    assert query(attach(data_dir), "select answer from kept") == 42
    assert len(postmasters_of(data_dir)) == 1
    detach(data_dir)
    detach(data_dir)
    assert not postmasters_of(data_dir)


@pytest.mark.parametrize("command", [["true"], ["sleep", "60"]], ids=["zombie", "reused"])
def test_a_pid_file_that_names_another_process_is_not_believed(
    data_dir: Path, command: list[str]
) -> None:
    attach(data_dir, server_settings=FAST)
    postmasters_of(data_dir)[0].kill()
    owner = (data_dir / "postgres").stat().st_uid
    other = subprocess.Popen(command, user=owner if AS_ROOT else None)
    try:
        if command == ["true"]:
            assert eventually(lambda: psutil.Process(other.pid).status() == psutil.STATUS_ZOMBIE)
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            path = data_dir / "postgres" / name
            lines = path.read_text().splitlines()
            path.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
        assert query(attach(data_dir, server_settings=FAST), "select 1") == 1
        assert command == ["true"] or other.poll() is None
    finally:
        other.kill()
        other.wait()
    detach(data_dir)
    detach(data_dir)
    assert not postmasters_of(data_dir)


def test_an_initdb_killed_half_way_does_not_harm_the_next_start(
    new_dir: Path, spawn: Spawn
) -> None:
    user = spawn(ATTACH_AND_WAIT, new_dir)
    assert eventually(lambda: any(new_dir.glob("postgres.init-*/global")))
    kill(psutil.Process(user.pid), *psutil.Process(user.pid).children(recursive=True))
    assert not (new_dir / "postgres").exists()
    assert query(attach(new_dir, server_settings=FAST), "select 1") == 1
    assert not list(new_dir.glob("postgres.init-*"))
    detach(new_dir)


def test_a_user_killed_at_any_moment_of_its_start_leaves_no_server(
    data_dir: Path, spawn: Spawn
) -> None:
    for file in ("postmaster.pid", ".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
        user = spawn(ATTACH_AND_WAIT, data_dir)
        assert eventually((data_dir / "postgres" / file).exists)
        user.kill()
        user.wait()
        assert eventually(lambda: not processes_of(data_dir)), file


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_users_ended_by_a_signal_leave_no_server(
    data_dir: Path, spawn: Spawn, number: signal.Signals
) -> None:
    users = [spawn(ATTACH_AND_WAIT, data_dir) for _ in range(2)]
    assert all(read_line(user) for user in users)
    servers = [*postmasters_of(data_dir), *keepers_of(data_dir)]
    assert not {os.getsid(server.pid) for server in servers} & {user.pid for user in users}
    for user in users:
        os.killpg(user.pid, number)  # as a terminal does: the whole process group
    assert eventually(lambda: not processes_of(data_dir))
    assert "database system is shut down" in log_of(data_dir)
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


def test_a_killed_keeper_is_replaced_at_the_next_attach(data_dir: Path, spawn: Spawn) -> None:
    first = spawn(ATTACH_AND_WAIT, data_dir)
    assert read_line(first)
    kill(*keepers_of(data_dir))
    second = spawn(ATTACH_AND_WAIT, data_dir)
    assert read_line(second)
    assert len(keepers_of(data_dir)) == 1
    first.kill()
    second.kill()
    assert eventually(lambda: not postmasters_of(data_dir))


def test_a_server_that_no_living_process_registered_for_is_restarted_and_not_joined(
    data_dir: Path, spawn: Spawn
) -> None:
    user = spawn(ATTACH_AND_WAIT, data_dir)
    assert read_line(user)
    kill(*keepers_of(data_dir), psutil.Process(user.pid))
    orphans = postmasters_of(data_dir)
    assert len(orphans) == 1
    assert "database system is shut down" not in log_of(data_dir)
    assert query(attach(data_dir, server_settings=FAST), "select 1") == 1
    assert "database system is shut down" in log_of(data_dir)
    assert len(postmasters_of(data_dir)) == 1
    assert postmasters_of(data_dir) != orphans
    detach(data_dir)


def test_a_server_whose_directory_is_deleted_ends(data_dir: Path) -> None:
    attach(data_dir, server_settings=FAST)
    while data_dir.exists():  # PostgreSQL removes files of its own meanwhile
        shutil.rmtree(data_dir, ignore_errors=True)
    assert eventually(lambda: not processes_of(data_dir))
