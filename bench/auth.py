"""Sign-in and sessions, beside the original Better Auth: the same users, a database for each."""

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from bench import seeds
from bench.load import Job, Request
from bench.postgres import Database, Postgres
from bench.rounds import Contestant, Plan, compete, say, to_json
from bench.servers import TASKWARD, original, peer, taskward
from bench.storm import Storm, storm, summary
from taskward.auth.passwords import PasswordHasher
from tests.servers import ORIGIN, Server

ORIGINAL = "Better Auth on Node.js"
PLAIN = "Better Auth without its JWT plugin"
READ = "Taskward, with a reader"
PASSWORD = "correct horse battery staple"
EMAILS = tuple(f"user_{number}@example.com" for number in range(200))
COOKIES = 20
JSON = {"Content-Type": "application/json", "Origin": ORIGIN}

_USERS = """
    INSERT INTO "user" (id, name, email, "emailVerified", "createdAt", "updatedAt")
    SELECT split_part(email, '@', 1), 'Somebody', email, false, now(), now()
    FROM unnest($1::text[]) email
"""
_ACCOUNTS = """
    INSERT INTO account
        (id, "accountId", "providerId", "userId", password, "createdAt", "updatedAt")
    SELECT id, id, 'credential', id, $1, now(), now() FROM "user"
"""


def compare_auth(plan: Plan) -> dict[str, Any]:
    """Measure `get-session` and a storm of `sign-in/email`, the two servers in turn."""
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres())
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="taskward-bench-")))
        ours = stack.enter_context(taskward(seeded(postgres, "ours")))
        database = seeded(postgres, "theirs")
        theirs = stack.enter_context(original(database))
        plain = stack.enter_context(peer("plain-better-auth.mjs", database))
        contestants = [
            Contestant(name, server, {"get-session": sessions(server, scratch, name)})
            for name, server in ((TASKWARD, ours), (ORIGINAL, theirs), (PLAIN, plain))
        ]
        cells = to_json(compete(contestants, plan))
        storms = storm_rounds(contestants[:2], scratch, plan)
    return {"seconds": plan.seconds, "rounds": plan.rounds, "cells": cells, "storm": storms}


def seeded(postgres: Postgres, name: str) -> Database:
    """A new database with users who can sign in, and with tasks."""
    database = postgres.create(name)
    password = asyncio.run(PasswordHasher().hash(PASSWORD))

    async def insert(connection: asyncpg.Connection) -> None:
        await connection.execute(_USERS, list(EMAILS))
        await connection.execute(_ACCOUNTS, password)
        await connection.execute("VACUUM (ANALYZE)")

    seeds.seed(database, collected=1)
    database.run(insert)
    return database


def sign_in(email: str) -> Request:
    body = f'{{"email": "{email}", "password": "{PASSWORD}"}}'
    return Request("POST", "/api/auth/sign-in/email", JSON, body)


def session(server: Server, email: str) -> Request:
    """Sign in, and return the request that asks for the session with its cookie."""
    request = sign_in(email)
    with httpx.Client(base_url=server.url, timeout=30) as client:
        response = client.request(
            request.method, request.path, headers=request.headers, content=request.body
        ).raise_for_status()
        cookies = [each.partition(";")[0] for each in response.headers.get_list("set-cookie")]
        asking = Request("GET", "/api/auth/get-session", {"Cookie": "; ".join(cookies)})
        found = client.get(asking.path, headers=asking.headers).raise_for_status().json()
    if (found or {}).get("user", {}).get("email") != email:
        raise RuntimeError(f"{server.url}: no session for {email}: {found}")
    return asking


def sessions(server: Server, scratch: Path, name: str) -> Job:
    requests = [session(server, email) for email in EMAILS[:COOKIES]]
    return Job.write(scratch, f"get-session {name}", requests)


def storm_rounds(contestants: Sequence[Contestant], scratch: Path, plan: Plan) -> dict[str, Any]:
    """Storms on each server in turn, and another on Taskward while somebody reads tasks there."""
    storms: dict[str, list[Storm]] = {}
    job, reader = Job.write(scratch, "sign-in", map(sign_in, EMAILS)), reading(scratch)
    turns: list[tuple[str, Server, Job | None]] = [
        *((each.name, each.server, None) for each in contestants),
        (READ, contestants[0].server, reader),
    ]
    for number in range(plan.rounds):
        for name, server, reads in turns:
            found = storm(server, job, plan.seconds, reads)
            storms.setdefault(name, []).append(found)
            say(f"storm {number + 1}: {name}: {found.per_second:.1f}/s")
    return {name: summary(found) for name, found in storms.items()}


def reading(scratch: Path) -> Job:
    """Four clients who each list their twenty tasks, with a pause of 20 ms in between."""
    requests = [Request("GET", "/api/tasks", seeds.bearer(user)) for user in seeds.USERS]
    return Job.write(scratch, "reading", requests, connections=4, pause_ms=20)
