"""Who works on what: users, their tasks and tokens, and the requests they send."""

import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import asyncpg
import jwt

from bench.load import Job, Request
from bench.postgres import Database
from tests.support.servers import SECRET

TASKS_PER_USER = 20
USERS = tuple(f"user_{number}" for number in range(1_000))
MIX = "mix"
MIXED = ("get one",) * 10 + ("list 20",) * 4 + ("create",) * 3 + ("toggle",) * 3
"""Of twenty requests of the mix, in no order: half gets, a fifth lists, the rest writes."""
COLLECTOR = "collector"
COLLECTED = 10_000
TOKEN_SECONDS = 6 * 3600

CREATED = "A task to do"
BODY = json.dumps({"title": CREATED, "description": "Some words about it"})

_INSERT = """
    INSERT INTO tasks (user_id, title, description)
    SELECT owner, 'Task number ' || number,
           CASE WHEN number % 4 > 0 THEN 'Some words about it, as users write them' END
    FROM generate_series(1, $2) number, unnest($1::text[]) owner
    ORDER BY number
"""


def bearer(user_id: str) -> dict[str, str]:
    """The header of a user whose token a front end issued that shares the secret."""
    now = int(time.time())
    claims = {"sub": user_id, "iat": now, "exp": now + TOKEN_SECONDS}
    return {"Authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256')}"}


def seed(database: Database, users: Sequence[str] = USERS, collected: int = COLLECTED) -> None:
    """Give each user twenty tasks, and one user very many."""

    async def insert(connection: asyncpg.Connection) -> None:
        await connection.execute(_INSERT, list(users), TASKS_PER_USER)
        await connection.execute(_INSERT, [COLLECTOR], collected)
        await connection.execute("VACUUM (ANALYZE) tasks")

    database.run(insert)


def remove_created(database: Database) -> None:
    """Take away what measuring has created, or the next round's lists would be longer."""

    async def delete(connection: asyncpg.Connection) -> None:
        await connection.execute("DELETE FROM tasks WHERE title = $1", CREATED)
        await connection.execute("VACUUM (ANALYZE) tasks")

    database.run(delete)


def ids_by_user(database: Database, users: Sequence[str] = USERS) -> dict[str, list[int]]:
    """The ids of each user's tasks."""

    async def select(connection: asyncpg.Connection) -> list[asyncpg.Record]:
        query = "SELECT user_id, array_agg(id ORDER BY id) ids FROM tasks GROUP BY user_id"
        rows: list[asyncpg.Record] = await connection.fetch(query)
        return rows

    found = {row["user_id"]: row["ids"] for row in database.run(select)}
    return {user: found[user] for user in users}


def jobs(
    database: Database, directory: Path, users: Sequence[str] = USERS, prefix: str = ""
) -> dict[str, Job]:
    """The work that is measured; of each user in turn, and each of the user's tasks in turn."""
    tasks = ids_by_user(database, users)
    headers = {user: bearer(user) for user in users}
    sending = {user: headers[user] | {"Content-Type": "application/json"} for user in users}
    requests: dict[str, list[Request]] = {
        "get one": list(_for_each_task(tasks, headers, "GET", "")),
        "list 20": [Request("GET", "/api/tasks", headers[user]) for user in users],
        "create": [Request("POST", "/api/tasks", sending[user], BODY) for user in users],
        "toggle": list(_for_each_task(tasks, headers, "PATCH", "/complete")),
    }
    requests[MIX] = list(_mixed(requests, TASKS_PER_USER * len(users)))
    return {name: Job.write(directory, prefix + name, each) for name, each in requests.items()}


def _mixed(requests: Mapping[str, Sequence[Request]], count: int) -> Iterator[Request]:
    """The same for everyone and in every run: users and tasks in no order, kinds as in MIXED."""
    chance, kinds = random.Random(20), list[str]()
    for _ in range(count):
        if not kinds:
            kinds = chance.sample(MIXED, len(MIXED))
        yield chance.choice(requests[kinds.pop()])


def list_very_many(directory: Path) -> Job:
    request = Request("GET", "/api/tasks", bearer(COLLECTOR))
    name = f"list {COLLECTED:,}"
    return Job.write(directory, name, [request], connections=2, min_seconds=5, rounds=1)


def _for_each_task(
    tasks: Mapping[str, Sequence[int]],
    headers: Mapping[str, Mapping[str, str]],
    method: str,
    suffix: str,
) -> Iterator[Request]:
    for position in range(TASKS_PER_USER):
        for user, ids in tasks.items():
            path = f"/api/tasks/{ids[position]}{suffix}"
            yield Request(method, path, headers[user])
