"""The embedded PostgreSQL from its first start to its last stop."""

import time
from pathlib import Path

import pytest

from taskward.embedded_postgres import EmbeddedPostgresError, attach, detach
from tests.embedded_postgres.helpers import (
    FAST,
    Spawn,
    eventually,
    log_of,
    mode,
    postmasters_of,
    processes_of,
    query,
    read_line,
)
from tests.embedded_postgres.programs import ATTACH_WITHOUT_BINARIES


def test_the_first_start_takes_less_than_five_seconds(new_dir: Path) -> None:
    """The best of three: others may have the processors for a while."""
    directories = [new_dir / name for name in ("once", "again", "at last")]
    assert any(seconds_of_first_start(each) < 5 for each in directories)


def seconds_of_first_start(directory: Path) -> float:
    started = time.monotonic()
    server = attach(directory)
    seconds = time.monotonic() - started
    assert str(query(server, "select version()")).startswith("PostgreSQL 18")
    detach(directory)
    return seconds


def test_data_is_kept_across_detach_and_attach(data_dir: Path) -> None:
    query(attach(data_dir, server_settings=FAST), "create table kept as select 42 as answer")
    detach(data_dir)
    assert query(attach(data_dir, server_settings=FAST), "select answer from kept") == 42
    detach(data_dir)


def test_nothing_is_left_after_the_last_detach(data_dir: Path) -> None:
    attach(data_dir, server_settings=FAST)
    detach(data_dir)
    assert not postmasters_of(data_dir)
    assert eventually(lambda: not processes_of(data_dir))
    assert "database system is shut down" in log_of(data_dir)


def test_attaches_of_one_process_are_counted(data_dir: Path) -> None:
    attach(data_dir, server_settings=FAST)
    server = attach(data_dir, server_settings=FAST)
    detach(data_dir)
    assert query(server, "select 1") == 1
    detach(data_dir)
    assert not postmasters_of(data_dir)


def test_a_detach_without_attach_does_nothing(new_dir: Path) -> None:
    detach(new_dir)
    assert not new_dir.exists()


def test_the_server_is_unicode_and_without_tcp(data_dir: Path) -> None:
    server = attach(data_dir, server_settings=FAST)
    assert query(server, "show server_encoding") == "UTF8"
    assert query(server, "select upper('é')") == "É"
    assert query(server, "show listen_addresses") == ""
    assert query(server, "show fsync") == "off"
    assert not postmasters_of(data_dir)[0].net_connections(kind="inet")
    detach(data_dir)


def test_postgresql_variables_of_the_environment_have_no_effect(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"PGDATA": "/nowhere", "PGPORT": "1", "PGHOST": "nowhere", "PGOPTIONS": "-c x=y"}
    with monkeypatch.context() as patch:
        for name, value in {**settings, "PGUSER": "nobody", "PGSSLMODE": "require"}.items():
            patch.setenv(name, value)
        server = attach(data_dir, server_settings=FAST)
    assert query(server, "show port") == "5432"
    detach(data_dir)


def test_the_cluster_is_private(data_dir: Path) -> None:
    server = attach(data_dir, server_settings=FAST)
    assert mode(data_dir / "postgres") == 0o700
    assert mode(server.socket_dir / ".s.PGSQL.5432") == 0o700
    assert mode(data_dir) == 0o700
    for path in data_dir.glob("postgres.*"):
        assert mode(path) == 0o600
    detach(data_dir)


# ── What is refused ──────────────────────────────────────────────────────────────────────────────


def test_data_of_another_major_version_is_refused_by_name(data_dir: Path) -> None:
    (data_dir / "postgres" / "PG_VERSION").write_text("15\n")
    with pytest.raises(EmbeddedPostgresError) as caught:
        attach(data_dir)
    for part in ("PostgreSQL 15", "PostgreSQL 18", str(data_dir), "dump", "DATA_DIR"):
        assert part in str(caught.value)


@pytest.mark.parametrize("below", ["", "below"])
def test_a_file_is_no_data_directory(base: Path, below: str) -> None:
    (base / "file").touch()
    with pytest.raises(EmbeddedPostgresError, match="DATA_DIR"):
        attach(base / "file" / below)


def test_a_directory_with_something_else_is_left_alone(new_dir: Path) -> None:
    (new_dir / "postgres").mkdir(parents=True)
    (new_dir / "postgres" / "novel.txt").touch()
    with pytest.raises(EmbeddedPostgresError, match="neither empty nor a PostgreSQL cluster"):
        attach(new_dir)
    assert (new_dir / "postgres" / "novel.txt").exists()


def test_a_server_that_does_not_start_shows_its_log(data_dir: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="no_such_setting"):
        attach(data_dir, server_settings={"no_such_setting": "1"})
    assert eventually(lambda: not processes_of(data_dir))
    assert query(attach(data_dir, server_settings=FAST), "select 1") == 1
    detach(data_dir)


def test_missing_binaries_ask_for_a_database_url(new_dir: Path, spawn: Spawn) -> None:
    assert "set DATABASE_URL" in read_line(spawn(ATTACH_WITHOUT_BINARIES, new_dir))
