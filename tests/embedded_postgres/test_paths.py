"""Data directories with relative, long, linked and strange paths."""

import os
import tempfile
from pathlib import Path

import pytest

from taskward.embedded_postgres import EmbeddedPostgresError, attach, detach
from taskward.embedded_postgres.socket_dir import prepare_socket_dir
from taskward.embedded_postgres.subprocesses import THIS_USER
from tests.embedded_postgres.helpers import AS_ROOT, FAST, NOBODY, Copy, mode, postmasters_of, query


def test_a_relative_directory_is_that_of_the_working_directory(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data_dir.parent)
    server = attach(Path(data_dir.name), server_settings=FAST)
    assert server.socket_dir == data_dir / "postgres"
    detach(data_dir)
    assert not postmasters_of(data_dir)


def test_a_path_with_unusual_characters_works(base: Path) -> None:
    strange = base / """a 'b' "c", $d; é\\n%s"""
    assert query(attach(strange, server_settings=FAST), "select 1") == 1
    detach(strange)
    assert not postmasters_of(strange)


def test_the_cluster_may_be_a_link(base: Path, data_dir: Path) -> None:
    (base / "disk").mkdir()
    (data_dir / "postgres").rename(base / "disk" / "cluster")
    (data_dir / "postgres").symlink_to(base / "disk" / "cluster")
    assert query(attach(data_dir, server_settings=FAST), "select 1") == 1
    detach(data_dir)
    assert not postmasters_of(base)


def test_a_long_path_gets_a_private_socket_directory(base: Path, copy_cluster: Copy) -> None:
    long_dir = copy_cluster(base / ("x" * 120))
    server = attach(long_dir, server_settings=FAST)
    assert query(server, "select 1") == 1
    assert server.socket_dir.parent == Path(tempfile.gettempdir()).resolve()
    assert mode(server.socket_dir) == 0o700
    assert server.socket_dir.stat().st_uid == (long_dir / "postgres").stat().st_uid
    detach(long_dir)
    assert not server.socket_dir.exists()


@pytest.mark.parametrize("kind", ["open", "link", "alien"])
def test_a_socket_directory_that_somebody_prepared_is_refused(base: Path, kind: str) -> None:
    if kind == "alien" and not AS_ROOT:
        pytest.skip("only root can make a directory of another user")
    cluster = base / ("x" * 120) / "postgres"
    directory = prepare_socket_dir(cluster, THIS_USER)
    try:
        if kind == "open":
            directory.chmod(0o755)
        elif kind == "alien":
            os.chown(directory, NOBODY, NOBODY)
        else:
            directory.rmdir()
            (base / "target").mkdir(mode=0o700)
            directory.symlink_to(base / "target")
        with pytest.raises(EmbeddedPostgresError, match="should be a private directory"):
            prepare_socket_dir(cluster, THIS_USER)
    finally:
        directory.unlink() if kind == "link" else directory.rmdir()
