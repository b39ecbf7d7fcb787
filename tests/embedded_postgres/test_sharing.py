"""One server for several processes: at once, one after another, and under a supervisor."""

import multiprocessing
from pathlib import Path

from taskward.embedded_postgres import EmbeddedPostgres, attach, detach
from tests.embedded_postgres.helpers import (
    FAST,
    Spawn,
    eventually,
    keepers_of,
    postmasters_of,
    processes_of,
    query,
    read_line,
)
from tests.embedded_postgres.programs import (
    ATTACH_AND_DETACH_REPEATEDLY,
    ATTACH_AND_WAIT,
    SUPERVISE,
)


def test_eight_processes_that_attach_at_once_share_one_server(new_dir: Path, spawn: Spawn) -> None:
    users = [spawn(ATTACH_AND_WAIT, new_dir) for _ in range(8)]
    directories = {read_line(user) for user in users}
    assert directories == {str(new_dir / "postgres")}
    assert query(EmbeddedPostgres(Path(directories.pop())), "select 1") == 1
    assert len(postmasters_of(new_dir)) == 1
    assert len(keepers_of(new_dir)) == 1
    assert [user.communicate()[0] for user in users] == ["detached\n"] * 8
    assert not postmasters_of(new_dir)


def test_the_server_lives_until_its_last_user_leaves(data_dir: Path, spawn: Spawn) -> None:
    server = attach(data_dir, server_settings=FAST)
    postmasters = postmasters_of(data_dir)
    user = spawn(ATTACH_AND_WAIT, data_dir)
    assert read_line(user)
    assert user.communicate()[0] == "detached\n"
    assert query(server, "select 1") == 1
    assert postmasters_of(data_dir) == postmasters
    detach(data_dir)
    assert not postmasters_of(data_dir)


def test_an_attach_never_gets_a_server_that_another_process_is_stopping(
    data_dir: Path, spawn: Spawn
) -> None:
    users = [spawn(ATTACH_AND_DETACH_REPEATEDLY, data_dir) for _ in range(3)]
    assert [user.wait(timeout=40) for user in users] == [0, 0, 0]
    assert eventually(lambda: not processes_of(data_dir))


def attach_and_detach(data_dir: Path) -> None:
    attach(data_dir, server_settings=FAST)
    detach(data_dir)


def test_the_server_survives_the_workers_of_a_living_supervisor(data_dir: Path) -> None:
    seen = set()
    for _ in range(2):
        worker = multiprocessing.get_context("spawn").Process(
            target=attach_and_detach, args=(data_dir,)
        )
        worker.start()
        worker.join()
        assert worker.exitcode == 0
        seen.add(postmasters_of(data_dir)[0].pid)
    assert len(seen) == 1
    detach(data_dir)  # the supervisor of the workers is this process
    assert not postmasters_of(data_dir)


def test_the_server_ends_soon_after_a_killed_supervisor(data_dir: Path, spawn: Spawn) -> None:
    supervisor = spawn(SUPERVISE, data_dir)
    assert supervisor.stdin
    seen = set()
    for _ in range(2):
        supervisor.stdin.write("reload\n")
        supervisor.stdin.flush()
        assert read_line(supervisor) == "0"
        seen.add(postmasters_of(data_dir)[0].pid)
    assert len(seen) == 1
    supervisor.kill()
    assert eventually(lambda: not processes_of(data_dir))
