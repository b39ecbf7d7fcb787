"""How `taskward dump` and `restore` get to the server: passwords, TLS, poolers."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from taskward.cli.dump import dump
from taskward.cli.postgres_programs import environment_for, run
from taskward.cli.restore import restore
from taskward.database.tls import SSLMode
from taskward.database.url import DatabaseURL
from taskward.migrations import migrate
from tests.conftest import url_text
from tests.embedded_postgres.helpers import eventually, mode
from tests.operations.commands import UNREACHABLE, Environment, environment
from tests.operations.dumps import execute, names, source, use
from tests.support import pgbouncer
from tests.support.clusters import Cluster
from tests.support.databases import connected
from tests.support.process_environment import clean_environment
from tests.support.servers import ROOT, auth_settings
from tests.support.tls import Serve, line, shown, with_root

__all__ = ["environment", "line", "source"]  # fixtures
PASSWORD = "hunter2-is-secret"
ASK = ("psql", "--command=SELECT 1")


@pytest.fixture(scope="module")
def strict() -> Iterator[Cluster]:
    """A server that asks for a password."""
    with Cluster() as cluster:
        yield cluster


@asynccontextmanager
async def with_password(cluster: Cluster) -> AsyncIterator[DatabaseURL]:
    await execute(cluster.url, f"ALTER ROLE postgres PASSWORD '{PASSWORD}'")
    rules = cluster.data / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("local all all trust\nhost all all all scram-sha-256\n")
    await execute(replace(cluster.url, host=str(cluster.scratch)), "SELECT pg_reload_conf()")
    try:
        yield replace(cluster.url, password=PASSWORD)
    finally:
        rules.write_text(before)
        await execute(replace(cluster.url, host=str(cluster.scratch)), "SELECT pg_reload_conf()")


def start_dump(directory: Path, url: DatabaseURL) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "taskward", "dump", "kept"],
        cwd=directory,
        env=clean_environment(auth_settings(url_text(url)) | {"PYTHONPATH": str(ROOT)}),
        stderr=subprocess.PIPE,
    )


async def test_a_killed_dump_leaves_no_file_and_the_password_is_in_no_argument(
    strict: Cluster, tmp_path: Path
) -> None:
    async with with_password(strict) as url:
        await migrate(url.connect_arguments())
        async with connected(url) as connection, connection.transaction():
            await connection.execute("LOCK TABLE alembic_version")  # pg_dump has to wait for it
            process = start_dump(tmp_path, url)
            found: list[psutil.Process] = []
            deadline = time.monotonic() + 30
            while not found and time.monotonic() < deadline:
                children = psutil.Process(process.pid).children()
                found = [child for child in children if child.name() == "pg_dump"]
            arguments = [argument for child in found for argument in child.cmdline()]
            assert arguments
            assert not [a for a in arguments if PASSWORD in a or url.host in a]
            process.kill()
            process.communicate()
        assert eventually(lambda: not found[0].is_running())
        assert not (tmp_path / "kept").exists()
        assert all(mode(tmp_path / name) == 0o600 for name in names(tmp_path))


async def test_a_wrong_password_is_refused_and_not_shown(
    strict: Cluster, environment: Environment
) -> None:
    async with with_password(strict) as url:
        use(environment, replace(url, password=f"{PASSWORD}-but-wrong"))
        with pytest.raises(
            SystemExit, match=r"^Cannot connect to postgresql://postgres:"
        ) as caught:
            await dump("dump", force=False)
        assert PASSWORD not in str(caught.value)


async def test_over_tls_it_works_with_the_right_certificate_only(
    line: Serve, environment: Environment, tmp_path: Path
) -> None:
    files, others = shown(), shown()
    url = with_root(await line(files), files.root, tmp_path)
    await migrate(url.connect_arguments())
    use(environment, url)
    await dump("dump", force=False)
    await restore("dump", replace=True)
    wrong = with_root(url, others.root, tmp_path)
    use(environment, wrong)
    with pytest.raises(SystemExit, match="certificate"):
        await dump("other", force=False)
    async with environment_for(wrong) as variables:  # nor do the programs get past it
        assert (await asyncio.to_thread(run, ASK, subprocess.DEVNULL, variables)).returncode


async def test_the_programs_speak_tls_however_it_is_asked_for(line: Serve, tmp_path: Path) -> None:
    files = shown()
    encrypted = with_root(await line(files), files.root, tmp_path)
    for mode_of_url in (SSLMode.VERIFY_FULL, SSLMode.REQUIRE, SSLMode.PREFER):
        async with environment_for(replace(encrypted, sslmode=mode_of_url)) as variables:
            ended = await asyncio.to_thread(run, ASK, subprocess.DEVNULL, variables)
            assert ended.returncode == 0, (mode_of_url, ended.stderr)


@pytest.mark.parametrize("sslmode", [SSLMode.DISABLE, SSLMode.PREFER, SSLMode.REQUIRE])
async def test_a_server_without_tls_is_used_only_where_that_may_be(
    strict: Cluster, sslmode: SSLMode
) -> None:
    async with environment_for(replace(strict.url, sslmode=sslmode)) as variables:
        ended = await asyncio.to_thread(run, ASK, subprocess.DEVNULL, variables)
    assert (ended.returncode == 0) is (sslmode is not SSLMode.REQUIRE)


@pytest.mark.parametrize("size", [1, 2, 8])
async def test_a_pooler_must_be_in_session_mode(
    strict: Cluster, environment: Environment, size: int
) -> None:
    if pgbouncer.program() is None:
        pytest.skip("PGBOUNCER IS NOT INSTALLED (apt-get install pgbouncer): it was not tried")
    await migrate(strict.url.connect_arguments())
    with pgbouncer.PgBouncer(strict, size) as pooler:
        use(environment, pooler.url)
        with pytest.raises(SystemExit, match="a pooler in transaction mode"):
            await dump("dump", force=False)
    with pgbouncer.PgBouncer(strict, 8, "session") as pooler:
        use(environment, pooler.url)
        await dump("dump", force=False)
        await restore("dump", replace=True)


async def test_a_server_that_is_not_there_is_said_in_a_sentence(
    source: DatabaseURL, environment: Environment
) -> None:
    await dump("dump", force=False)
    environment(auth_settings(UNREACHABLE))
    for command in (dump("other", force=False), restore("dump", replace=False)):
        with pytest.raises(SystemExit, match=r"^Cannot connect to postgresql://someone:\*\*\*@"):
            await command
