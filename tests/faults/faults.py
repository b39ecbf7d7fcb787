"""What is done to the servers, to PostgreSQL, and to the line between them."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.faults.testbed import READY, Testbed, ready
from tests.support.clusters import end
from tests.support.servers import TaskwardServer

COMMAND_TIMEOUT = 10.0
SLOW = 5.0
"""Seconds to be back where other tests run on the same cores; the long form grants 2."""
END_CONNECTIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND random() < $1
"""


@dataclass(frozen=True)
class Fault:
    """Something that happens and is over when `cause` returns."""

    name: str
    cause: Callable[[Any], Awaitable[None]]
    """Takes the testbed to which it happens."""
    ends_servers: bool = False
    polite: bool = False
    back_within: float = 2.0
    """Seconds until the service is back, once the fault is over."""


# Servers


async def kill_one_worker(testbed: Testbed) -> None:
    async with new_workers(testbed, 1):
        end([random.choice(testbed.workers())])


async def kill_both_workers(testbed: Testbed) -> None:
    async with new_workers(testbed, 2):
        end(testbed.workers())


@asynccontextmanager
async def new_workers(testbed: Testbed, number: int) -> AsyncIterator[None]:
    """Wait until so many have become ready since the beginning."""
    before = testbed.several.log().count(READY)
    yield
    await ready(testbed.several, before + number)


async def kill_single(testbed: Testbed) -> None:
    await asyncio.to_thread(testbed.single.kill)
    await asyncio.to_thread(testbed.single.start)


async def terminate_several(testbed: Testbed) -> None:
    await terminate(testbed, testbed.several)


async def terminate_single(testbed: Testbed) -> None:
    await terminate(testbed, testbed.single)


async def terminate(testbed: Testbed, server: TaskwardServer) -> None:
    await asyncio.to_thread(server.stop)
    testbed.last_words.append(server.log())
    await asyncio.to_thread(server.start)
    await ready(server, server.workers)


# PostgreSQL


async def kill_postgres(testbed: Testbed) -> None:
    await asyncio.to_thread(testbed.cluster.kill)
    await asyncio.to_thread(testbed.cluster.start)


async def kill_postgres_for_a_while(testbed: Testbed) -> None:
    await asyncio.to_thread(testbed.cluster.kill)
    await asyncio.sleep(3)
    await asyncio.to_thread(testbed.cluster.start)


async def restart_postgres(testbed: Testbed) -> None:
    await asyncio.to_thread(testbed.cluster.stop)
    await asyncio.to_thread(testbed.cluster.start)


async def kill_a_backend(testbed: Testbed) -> None:
    """PostgreSQL ends all others then, and recovers."""
    end(random.sample(testbed.cluster.backends(), 1))
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(testbed.cluster.answers):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def terminate_backends(testbed: Testbed) -> None:
    async with testbed.connected() as connection:
        await connection.execute(END_CONNECTIONS.replace("$1", "2"))


async def terminate_backends_again_and_again(testbed: Testbed) -> None:
    async with testbed.connected() as connection:
        for _ in range(40):
            await connection.fetch(END_CONNECTIONS, 0.1)
            await asyncio.sleep(0.05)


async def lock_the_table(testbed: Testbed) -> None:
    async with testbed.connected() as connection, connection.transaction():
        await connection.execute("LOCK TABLE tasks")
        await asyncio.sleep(3)


# The line


async def delay(testbed: Testbed) -> None:
    testbed.proxy.delay = 0.2
    await asyncio.sleep(3)
    testbed.proxy.heal()


async def reset_connections(testbed: Testbed) -> None:
    for _ in range(10):
        testbed.proxy.reset()
        await asyncio.sleep(0.2)


async def cut_replies(testbed: Testbed) -> None:
    """What was done is not answered: the one case in which nobody can know."""
    testbed.proxy.cuts_replies = True
    await asyncio.sleep(1)
    testbed.proxy.heal()


async def refuse_connections(testbed: Testbed) -> None:
    await testbed.proxy.refuse()
    testbed.proxy.reset()
    await asyncio.sleep(2)
    await testbed.proxy.listen()


async def half_open_for_a_moment(testbed: Testbed) -> None:
    testbed.proxy.silence()
    await asyncio.sleep(1)
    testbed.proxy.heal()


async def half_open(testbed: Testbed) -> None:
    """The connections stay silent for ever; new ones are well."""
    testbed.proxy.silence()
    await asyncio.sleep(COMMAND_TIMEOUT + 3)


async def half_open_with_new_ones_too(testbed: Testbed) -> None:
    testbed.proxy.swallows_new = True
    testbed.proxy.silence()
    await asyncio.sleep(COMMAND_TIMEOUT + 3)
    testbed.proxy.heal()


# Together


async def kill_postgres_and_a_worker(testbed: Testbed) -> None:
    """The worker's successor finds no database."""
    async with new_workers(testbed, 1):
        await asyncio.to_thread(testbed.cluster.kill)
        end([random.choice(testbed.workers())])
        await asyncio.sleep(3)
        await asyncio.to_thread(testbed.cluster.start)


async def terminate_while_slow(testbed: Testbed) -> None:
    testbed.proxy.delay = 0.1
    await asyncio.gather(terminate_several(testbed), terminate_single(testbed))
    testbed.proxy.heal()


async def kill_everything(testbed: Testbed) -> None:
    testbed.proxy.cuts_replies = True
    async with new_workers(testbed, 2):
        await asyncio.to_thread(testbed.cluster.kill)
        await asyncio.to_thread(testbed.single.kill)
        end(testbed.workers())
        await asyncio.to_thread(testbed.cluster.start)
        testbed.proxy.heal()
    await asyncio.to_thread(testbed.single.start)


async def cut_replies_and_kill_postgres(testbed: Testbed) -> None:
    await asyncio.gather(cut_replies(testbed), kill_postgres(testbed))


async def kill_single_and_backends(testbed: Testbed) -> None:
    await asyncio.gather(kill_single(testbed), terminate_backends(testbed))


SHORT = (
    Fault("replies cut, PostgreSQL killed", cut_replies_and_kill_postgres, back_within=SLOW),
    Fault(
        "server, back ends killed", kill_single_and_backends, ends_servers=True, back_within=SLOW
    ),
)
"""Much at once, for the short form."""

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
