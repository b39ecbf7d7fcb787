"""What is done to the servers, to PostgreSQL, and to the line between them."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.clusters import end
from tests.faults.stage import READY, Stage, ready
from tests.servers import TaskwardServer

COMMAND_TIMEOUT = 10.0
END_CONNECTIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND random() < $1
"""


@dataclass(frozen=True)
class Fault:
    """Something that happens and is over when `cause` returns."""

    name: str
    cause: Callable[[Stage], Awaitable[None]]
    ends_servers: bool = False
    polite: bool = False
    back_within: float = 2.0
    """Seconds until the service is back, once the fault is over."""


# Servers


async def kill_one_worker(stage: Stage) -> None:
    async with new_workers(stage, 1):
        end([random.choice(stage.workers())])


async def kill_both_workers(stage: Stage) -> None:
    async with new_workers(stage, 2):
        end(stage.workers())


@asynccontextmanager
async def new_workers(stage: Stage, number: int) -> AsyncIterator[None]:
    """Wait until so many have become ready since the beginning."""
    before = stage.several.log().count(READY)
    yield
    await ready(stage.several, before + number)


async def kill_single(stage: Stage) -> None:
    await asyncio.to_thread(stage.single.kill)
    await asyncio.to_thread(stage.single.start)


async def terminate_several(stage: Stage) -> None:
    await terminate(stage, stage.several)


async def terminate_single(stage: Stage) -> None:
    await terminate(stage, stage.single)


async def terminate(stage: Stage, server: TaskwardServer) -> None:
    await asyncio.to_thread(server.stop)
    stage.last_words.append(server.log())
    await asyncio.to_thread(server.start)
    await ready(server, server.workers)


# PostgreSQL


async def kill_postgres(stage: Stage) -> None:
    await asyncio.to_thread(stage.cluster.kill)
    await asyncio.to_thread(stage.cluster.start)


async def kill_postgres_for_a_while(stage: Stage) -> None:
    await asyncio.to_thread(stage.cluster.kill)
    await asyncio.sleep(3)
    await asyncio.to_thread(stage.cluster.start)


async def restart_postgres(stage: Stage) -> None:
    await asyncio.to_thread(stage.cluster.stop)
    await asyncio.to_thread(stage.cluster.start)


async def kill_a_backend(stage: Stage) -> None:
    """PostgreSQL ends all others then, and recovers."""
    end(random.sample(stage.cluster.backends(), 1))
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(stage.cluster.answers):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def terminate_backends(stage: Stage) -> None:
    async with stage.connected() as connection:
        await connection.execute(END_CONNECTIONS.replace("$1", "2"))


async def terminate_backends_again_and_again(stage: Stage) -> None:
    async with stage.connected() as connection:
        for _ in range(40):
            await connection.fetch(END_CONNECTIONS, 0.1)
            await asyncio.sleep(0.05)


async def lock_the_table(stage: Stage) -> None:
    async with stage.connected() as connection, connection.transaction():
        await connection.execute("LOCK TABLE tasks")
        await asyncio.sleep(3)


# The line


async def delay(stage: Stage) -> None:
    stage.proxy.delay = 0.2
    await asyncio.sleep(3)
    stage.proxy.heal()


async def reset_connections(stage: Stage) -> None:
    for _ in range(10):
        stage.proxy.reset()
        await asyncio.sleep(0.2)


async def cut_replies(stage: Stage) -> None:
    """What was done is not answered: the one case in which nobody can know."""
    stage.proxy.cuts_replies = True
    await asyncio.sleep(1)
    stage.proxy.heal()


async def refuse_connections(stage: Stage) -> None:
    await stage.proxy.refuse()
    stage.proxy.reset()
    await asyncio.sleep(2)
    await stage.proxy.listen()


async def half_open_for_a_moment(stage: Stage) -> None:
    stage.proxy.silence()
    await asyncio.sleep(1)
    stage.proxy.heal()


async def half_open(stage: Stage) -> None:
    """The connections stay silent for ever; new ones are well."""
    stage.proxy.silence()
    await asyncio.sleep(COMMAND_TIMEOUT + 3)


async def half_open_with_new_ones_too(stage: Stage) -> None:
    stage.proxy.swallows_new = True
    stage.proxy.silence()
    await asyncio.sleep(COMMAND_TIMEOUT + 3)
    stage.proxy.heal()


# Together


async def kill_postgres_and_a_worker(stage: Stage) -> None:
    """The worker's successor finds no database."""
    async with new_workers(stage, 1):
        await asyncio.to_thread(stage.cluster.kill)
        end([random.choice(stage.workers())])
        await asyncio.sleep(3)
        await asyncio.to_thread(stage.cluster.start)


async def terminate_while_slow(stage: Stage) -> None:
    stage.proxy.delay = 0.1
    await asyncio.gather(terminate_several(stage), terminate_single(stage))
    stage.proxy.heal()


async def kill_everything(stage: Stage) -> None:
    stage.proxy.cuts_replies = True
    async with new_workers(stage, 2):
        await asyncio.to_thread(stage.cluster.kill)
        await asyncio.to_thread(stage.single.kill)
        end(stage.workers())
        await asyncio.to_thread(stage.cluster.start)
        stage.proxy.heal()
    await asyncio.to_thread(stage.single.start)


FAULTS = (
    Fault("back ends are terminated", terminate_backends),
    Fault("replies are cut", cut_replies),
    Fault("a worker is killed", kill_one_worker, ends_servers=True),
    Fault("PostgreSQL is killed", kill_postgres),
    Fault(
        "SIGTERM to the server with two workers", terminate_several, ends_servers=True, polite=True
    ),
    Fault("a back end is killed", kill_a_backend),
    Fault("both workers are killed", kill_both_workers, ends_servers=True),
    Fault("connections are reset", reset_connections),
    Fault("the single process is killed", kill_single, ends_servers=True),
    Fault("PostgreSQL is killed and away for 3 s", kill_postgres_for_a_while),
    Fault("half-open for 1 s", half_open_for_a_moment),
    Fault("SIGTERM to the single process", terminate_single, ends_servers=True, polite=True),
    Fault("the table is locked for 3 s", lock_the_table),
    Fault("PostgreSQL restarts", restart_postgres),
    Fault("half-open for good", half_open),
    Fault("back ends are terminated for 2 s", terminate_backends_again_and_again),
    Fault("200 ms each way", delay),
    Fault("PostgreSQL and a worker are killed", kill_postgres_and_a_worker, ends_servers=True),
    Fault("connections are refused for 2 s", refuse_connections),
    Fault("SIGTERM to both on a slow line", terminate_while_slow, ends_servers=True, polite=True),
    Fault("half-open, new ones too", half_open_with_new_ones_too),
    Fault("everything is killed", kill_everything, ends_servers=True),
)
