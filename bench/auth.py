"""Sign-in and sessions, beside the original Better Auth: the same users, a database for each."""

import asyncio
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from authward.security.passwords import PasswordHasher
from bench import seeds
from bench.load import Job, Request
from bench.postgres import Database, Postgres
from bench.rounds import Contestant, Plan, compete, say, to_json
from bench.servers import TASKWARD, node, original, taskward
from bench.storm import Storm, storm, summary
from tests.support.servers import ORIGIN, Server

ORIGINAL = "Better Auth on Node.js"
PLAIN = "Better Auth without its JWT plugin"
SESSION, TOKEN = "get-session", "token"
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


def compare_sessions(plan: Plan) -> dict[str, Any]:
    """Measure `get-session` and `token`, the servers in turn; without plugins no `token`."""
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="taskward-bench-")))
        ours, theirs, postgres = _both(stack)
        plain = stack.enter_context(node("plain-better-auth.mjs", seeded(postgres, "plain")))
        contestants = [
            Contestant(name, server, sessions(server, scratch, name))
            for name, server in ((TASKWARD, ours), (ORIGINAL, theirs), (PLAIN, plain))
        ]
        del contestants[2].jobs[TOKEN]
        cells = to_json(compete(contestants, plan))
    return {"seconds": plan.seconds, "rounds": plan.rounds, "cells": cells}


def compare_sign_in(plan: Plan) -> dict[str, Any]:
    """Measure a storm of `sign-in/email`, the two servers in turn."""
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="taskward-bench-")))
        ours, theirs, _ = _both(stack)
        return storm_rounds({TASKWARD: ours, ORIGINAL: theirs}, scratch, plan)


def _both(stack: ExitStack) -> tuple[Server, Server, Postgres]:
    """Taskward and the original, each with its own database of the same users."""
    postgres = stack.enter_context(Postgres())
    ours = stack.enter_context(taskward(seeded(postgres, "ours")))
    theirs = stack.enter_context(original(seeded(postgres, "theirs")))
    return ours, theirs, postgres


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


def sessions(server: Server, scratch: Path, name: str) -> dict[str, Job]:
    """The two ways to ask who it is: for the session, and for its JWT."""
    asking = [session(server, email) for email in EMAILS[:COOKIES]]
    tokens = [replace(request, path="/api/auth/token") for request in asking]
    return {
        job: Job.write(scratch, f"{job} {name}", requests)
        for job, requests in ((SESSION, asking), (TOKEN, tokens))
    }


def storm_rounds(servers: Mapping[str, Server], scratch: Path, plan: Plan) -> dict[str, Any]:
    """Storms on each server in turn, and another on Taskward while somebody reads tasks there."""
    storms: dict[str, list[Storm]] = {}
    job, reader = Job.write(scratch, "sign-in", map(sign_in, EMAILS)), reading(scratch)
    turns: list[tuple[str, Server, Job | None]] = [
        *((name, server, None) for name, server in servers.items()),
        (READ, servers[TASKWARD], reader),
    ]
    for number in range(plan.rounds):
        for name, server, reads in turns:
            found = storm(server, job, plan.seconds, reads)
            storms.setdefault(name, []).append(found)
            say(f"storm {number + 1}: {name}: {found.per_second:.1f}/s")
    return {name: summary(found) for name, found in storms.items()}


def reading(scratch: Path) -> Job:
    """Four clients who each list their twenty tasks, with a pause of 20 ms in between."""
    requests = [Request("GET", "/api/tasks", seeds.bearer(user)) for user in seeds.USERS[:50]]
    return Job.write(scratch, "reading", requests, connections=4, pause_ms=20)
