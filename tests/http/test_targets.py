"""Targets of every form, on connections that have seen them before: the same answers both ways."""

from random import Random

from fastapi import FastAPI

from tests.fuzz.sizes import size
from tests.http.test_direct import TASK, Client
from tests.support.wires import exchange, served

ROUNDS = size(60, 2_000)
ABOVE_ALL_THAT_IS_NAMED = 1_000
SEQUENCE = "pg_get_serial_sequence('tasks', 'id')"
IDS = [
    *("existing", "0existing", "000existing", "existing.", "existing/1", "xexisting", "existingx"),
    *("", "0", "1", "01", "9" * 18, "9" * 19, "9" * 30, "+1", "-1", "1.0", "1_0", "complete"),
]
PATHS = [
    *("/api/tasks", "/api/tasks/", "/api/tasks//", "/api/task", "/api/health", "/"),
    *("/api/tasks/{}", "/api/tasks/{}/", "/api/tasks//{}", "/api/tasks{}", "/api/tasks/./{}"),
    *("/api/tasks/{}/complete", "/api/tasks/{}//complete", "/api/tasks/{}/complete/"),
    *("/api/tasks/../tasks/{}", "/api/tasks/{}/other", "/api/TASKS/{}", "//api/tasks/{}"),
]
QUERIES = [
    *("", "?", "?status=pending", "?status=completed", "?status=all", "?status=nonsense"),
    *("?status=pending&status=all", "?status=all&status=pending", "?status", "?status="),
    *("?status=pending?", "?x=1", "?Status=pending", "??status=pending", "?=&&", "?status==all"),
    *(f"?x={'a' * 600}", "?status=all%20", "?/../status=pending"),
]
METHODS = [*["GET"] * 9, *["HEAD"] * 2, "POST", "PUT", *["PATCH"] * 2, "DELETE", "OPTIONS"]
LINES = ["If-None-Match: *", "Accept-Encoding: br", "If-Match: *", "Idempotency-Key: a-key"]

Asked = tuple[str, str, bytes, list[str]]


def some_requests(chosen: Random) -> list[Asked]:
    """Each a few times in a row, so that what is known of it is used."""
    asked: list[Asked] = []
    for _ in range(chosen.choice([1, 1, 2, 5])):
        method = chosen.choice(METHODS)
        target = chosen.choice(PATHS).format(chosen.choice(IDS)) + chosen.choice(QUERIES)
        has_body = method in {"POST", "PUT"} or chosen.random() < 0.05
        lines = [chosen.choice(LINES)] if chosen.random() < 0.3 else []
        asked += [(method, target, TASK if has_body else b"", lines)] * chosen.randint(1, 3)
    return asked


def cut(pieces: list[bytes], chosen: Random) -> list[bytes]:
    """Each request by itself, all at once, or all in two pieces."""
    if chosen.random() < 0.7:
        return pieces
    whole = b"".join(pieces)
    place = chosen.choice([0, chosen.randrange(len(whole))])
    return [whole[:place], whole[place:]]


async def test_odd_targets_have_the_same_bytes_both_ways_however_often_they_were_seen(
    app: FastAPI,
) -> None:
    database = app.state.database
    await database.fetch(
        f"SELECT setval({SEQUENCE}, greatest($1, (SELECT max(id) FROM tasks)))",
        ABOVE_ALL_THAT_IS_NAMED,
    )
    async with served(app, direct=True) as one, served(app, direct=False) as other:
        clients = [Client(app, one), Client(app, other)]
        for number in range(ROUNDS):
            asked, answers = some_requests(Random(number)), []
            for client in clients:
                await client.begin()
                pieces = cut([client.head(*each[:3], *each[3]) for each in asked], Random(number))
                got = await exchange(client.server, pieces, [method for method, *_ in asked])
                answers.append([client.normal(answer) for answer in got])
            assert answers[0] == answers[1], (number, asked)
        await one.until_idle()
    assert database.large_responses._under_way == {}
