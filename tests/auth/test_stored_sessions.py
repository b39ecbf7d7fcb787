"""Sessions in the secondary storage: what two requests do at once, and when the storage is away."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis

from authward import (
    BetterAuth,
    BetterAuthOptions,
    ConfigurationError,
    CookieCacheOptions,
    CurrentSession,
    InMemoryStorage,
    Limit,
    RateLimitOptions,
    SessionOptions,
)
from authward.plugins import OAuthProviderOptions, bearer, jwt, oauth_provider
from authward.redis_storage import RedisStorage
from authward.timestamps import now
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase, new_email
from tests.support.plugin_site import site_with
from tests.support.redis_server import RedisServer

UNAVAILABLE = "The secondary storage is unavailable, try again"
UNLIMITED = RateLimitOptions(enabled=False)


@pytest.fixture(scope="module")
async def url(create_database: CreateDatabase) -> str:
    return await create_database()


@pytest.fixture(scope="module")
async def table_url(create_database: CreateDatabase) -> str:
    return await create_database()


@pytest.fixture
def server(tmp_path: Path) -> Any:
    server = RedisServer(tmp_path)
    yield server
    server.stop()


@asynccontextmanager
async def site(
    url: str, storage: Any, limits: RateLimitOptions = UNLIMITED, **session: Any
) -> AsyncIterator[FastAPI]:
    options = SessionOptions(**session)
    plugins = (jwt(), bearer())
    more: dict[str, Any] = {"secondary_storage": storage, "session": options, "rate_limit": limits}
    async with site_with(url, plugins, **more) as app:

        @app.get("/me")
        async def me(session: CurrentSession) -> str:
            return session.user.name

        yield app


@asynccontextmanager
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"origin": BASE_URL}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url=BASE_URL, headers=headers
    ) as client:
        yield client


async def post(client: httpx.AsyncClient, path: str, **body: Any) -> httpx.Response:
    return await client.post(f"/api/auth{path}", json=body)


async def signed_up(client: httpx.AsyncClient) -> tuple[str, str]:
    """An address, and the token of its first session."""
    email = new_email()
    answer = await post(client, "/sign-up/email", name="Ada", email=email, password=PASSWORD)
    assert answer.status_code == 200, answer.text
    return email, answer.json()["token"]


async def user_of(storage: Any, token: str) -> str:
    return str(json.loads(await storage.get(token))["user"]["id"])


async def shown(client: httpx.AsyncClient) -> Any:
    return (await client.get("/api/auth/get-session")).json()


class _Interrupted(InMemoryStorage):
    """Does something between the reading of a key and its replacement."""

    key: str | None = None
    meanwhile: Any = None

    async def get(self, key: str) -> str | None:
        found = await super().get(key)
        if key == self.key:
            self.key = None
            await self.meanwhile()
        return found


async def test_no_sign_in_of_two_at_once_is_lost(url: str) -> None:
    storage = _Interrupted()
    async with site(url, storage) as app, browser(app) as client, browser(app) as other:
        email, first = await signed_up(client)
        given = {"email": email, "password": PASSWORD}
        storage.key = f"active-sessions-{await user_of(storage, first)}"
        storage.meanwhile = lambda: post(other, "/sign-in/email", **given)
        second = (await post(client, "/sign-in/email", **given)).json()["token"]
        listed = (await client.get("/api/auth/list-sessions")).json()
        third = (await shown(other))["session"]["token"]
        assert {each["token"] for each in listed} == {first, second, third}


async def test_a_session_that_is_revoked_while_it_changes_stays_revoked(url: str) -> None:
    storage = _Interrupted()
    async with site(url, storage) as app, browser(app) as client:
        _, token = await signed_up(client)
        store = app.state.better_auth.context.sessions.kept.store
        storage.key, storage.meanwhile = token, lambda: store.remove(token)
        assert await store.update(token, {"ipAddress": "192.0.2.1"}) is None
        assert await storage.get(token) is None
        assert await shown(client) is None


async def test_a_session_that_begins_while_its_user_changes_has_the_change(url: str) -> None:
    storage = _Interrupted()
    async with site(url, storage) as app, browser(app) as client, browser(app) as other:
        email, token = await signed_up(client)
        storage.key = f"active-sessions-{await user_of(storage, token)}"
        storage.meanwhile = lambda: post(client, "/update-user", name="Grace")
        await post(other, "/sign-in/email", email=email, password=PASSWORD)
        assert (await shown(other))["user"]["name"] == "Grace"


async def test_of_two_changes_of_a_user_at_once_sessions_show_the_last(url: str) -> None:
    storage = _Interrupted()
    async with site(url, storage) as app, browser(app) as client:
        _, token = await signed_up(client)
        storage.key = f"active-sessions-{await user_of(storage, token)}"
        storage.meanwhile = lambda: post(client, "/update-user", name="Grace")
        await post(client, "/update-user", name="Eve")
        assert (await shown(client))["user"]["name"] == "Grace"


async def test_a_session_that_began_before_all_were_revoked_is_none(url: str) -> None:
    storage = InMemoryStorage()
    async with site(url, storage) as app, browser(app) as client:
        _, token = await signed_up(client)
        text = await storage.get(token)
        assert text is not None
        await post(client, "/revoke-sessions")
        await storage.set(token, text, 60)
        async with browser(app) as other:
            other.headers["authorization"] = f"Bearer {token}"
            assert await shown(other) is None


async def test_whoever_signs_out_of_what_is_no_session_leaves_nothing(table_url: str) -> None:
    storage = InMemoryStorage()
    async with (
        site(table_url, storage, store_session_in_database=True) as app,
        browser(app) as client,
    ):
        _, token = await signed_up(client)
        await storage.set(token, "no json", 60)
        assert (await post(client, "/sign-out")).status_code == 200
        rows = await app.state.database.fetch("SELECT FROM session WHERE token = $1", token)
        assert (await storage.get(token), rows) == (None, [])


async def test_a_session_that_the_storage_has_lost_is_found_in_the_table(table_url: str) -> None:
    storage = InMemoryStorage()
    async with (
        site(table_url, storage, store_session_in_database=True) as app,
        browser(app) as client,
    ):
        _, token = await signed_up(client)
        await storage.delete(token)
        assert (await shown(client))["user"]["name"] == "Ada"
        await post(client, "/revoke-sessions")
        assert await shown(client) is None


async def test_others_are_revoked_that_the_list_in_the_storage_does_not_name(
    table_url: str,
) -> None:
    storage = InMemoryStorage()
    async with (
        site(table_url, storage, store_session_in_database=True) as app,
        browser(app) as client,
        browser(app) as other,
    ):
        email, token = await signed_up(client)
        await post(other, "/sign-in/email", email=email, password=PASSWORD)
        await storage.delete(f"active-sessions-{await user_of(storage, token)}")
        await post(client, "/revoke-other-sessions")
        assert await shown(other) is None
        assert (await shown(client))["session"]["token"] == token


async def test_nonsense_beside_a_session_locks_nobody_out(server: RedisServer, url: str) -> None:
    async with Redis(unix_socket_path=str(server.socket)) as redis:
        storage = RedisStorage(redis)
        async with site(url, storage) as app, browser(app) as client:
            email, token = await signed_up(client)
            user_id = await user_of(storage, token)
            await storage.set(f"revoked-sessions-before-{user_id}", "9" * 5000)
            entries = [{"token": "x", "expiresAt": 1e300}]
            await storage.set(f"active-sessions-{user_id}", json.dumps(entries))
            await post(client, "/sign-in/email", email=email, password=PASSWORD)
            assert (await shown(client))["session"]["token"] != token


async def test_only_sessions_are_revoked_by_their_tokens(url: str) -> None:
    storage = InMemoryStorage()
    async with site(url, storage) as app, browser(app) as client:
        _, token = await signed_up(client)
        user_id = await user_of(storage, token)
        await post(client, "/revoke-session", token=f"active-sessions-{user_id}")
        await app.state.better_auth.context.sessions.kept.store.remove(f"active-sessions-{user_id}")
        assert len((await client.get("/api/auth/list-sessions")).json()) == 1


async def test_what_has_ended_in_a_preserved_row_does_not_begin_again(table_url: str) -> None:
    storage = InMemoryStorage()
    preserved: dict[str, Any] = {"preserve_session_in_database": True}
    async with (
        site(table_url, storage, store_session_in_database=True, **preserved) as app,
        browser(app) as client,
    ):
        _, token = await signed_up(client)
        await post(client, "/sign-out")
        sessions, database = app.state.better_auth.context.sessions, app.state.database
        later = now() + timedelta(days=7)
        assert await sessions.update(database, token, {"expiresAt": later}) is None
        query = 'SELECT FROM session WHERE token = $1 AND "expiresAt" > now()'
        assert await database.fetch(query, token) == []


async def test_a_preserved_row_is_no_session(table_url: str) -> None:
    storage = InMemoryStorage()
    kept: dict[str, Any] = {"preserve_session_in_database": True}
    async with (
        site(table_url, storage, store_session_in_database=True, **kept) as app,
        browser(app) as client,
    ):
        _, token = await signed_up(client)
        await post(client, "/sign-out")
        row = await app.state.database.fetchrow(
            'SELECT "expiresAt" <= now() AS is_over FROM session WHERE token = $1', token
        )
        async with browser(app) as other:
            other.headers["authorization"] = f"Bearer {token}"
            assert (row["is_over"], await shown(other)) == (True, None)


async def test_the_table_of_sessions_is_made_where_sessions_are_in_it(url: str) -> None:
    async with site(url, InMemoryStorage()) as app:
        found = await app.state.database.fetchrow("SELECT to_regclass('session') AS found")
        assert found["found"] is None


def test_the_authorization_server_needs_the_table() -> None:
    options = BetterAuthOptions(
        secret="tests-only-5f0c8e7d6b1a4293a8c6e0d1",
        base_url=BASE_URL,
        secondary_storage=InMemoryStorage(),
        plugins=(jwt(), oauth_provider(OAuthProviderOptions(login_page="/in", consent_page="/ok"))),
    )
    nothing: Any = None
    with pytest.raises(ConfigurationError, match="store_session_in_database"):
        BetterAuth(options, nothing)


async def _asked(client: httpx.AsyncClient, email: str) -> dict[str, tuple[int, str]]:
    """What everything that needs the storage answers."""
    answers = {
        "session": await client.get("/api/auth/get-session"),
        "sign-in": await post(client, "/sign-in/email", email=email, password=PASSWORD),
        "sign-up": await post(
            client, "/sign-up/email", name="Bob", email=f"b-{email}", password=PASSWORD
        ),
        "sign-out": await post(client, "/sign-out"),
    }
    return {
        name: (answer.status_code, answer.json().get("message", ""))
        for name, answer in answers.items()
    }


@pytest.mark.parametrize("how", ["stopped", "silent"])
async def test_where_redis_is_away_requests_are_refused_until_it_is_back(
    how: str, server: RedisServer, url: str
) -> None:
    async with Redis(unix_socket_path=str(server.socket)) as redis:
        storage = RedisStorage(redis)
        async with site(url, storage) as app, browser(app) as client:
            app.state.better_auth.context.secondary_storage._seconds = 0.5
            email, _ = await signed_up(client)
            (server.stop if how == "stopped" else server.pause)()
            answers = await _asked(client, email)
            mine = await client.get("/me")
            assert set(answers.values()) == {(503, UNAVAILABLE)}, answers
            assert (mine.status_code, mine.json()) == (503, {"detail": UNAVAILABLE})
            assert mine.headers["retry-after"] == "2"
            (server.start if how == "stopped" else server.resume)()
            again = await post(client, "/sign-in/email", email=email, password=PASSWORD)
            assert again.status_code == 200
            assert (await shown(client))["user"]["email"] == email
            # Nothing of the sign-up that was refused is there: it can be done again.
            email = f"b-{email}"
            answer = await post(
                client, "/sign-up/email", name="Bob", email=email, password=PASSWORD
            )
            assert answer.status_code == 200


async def test_where_redis_is_away_no_request_passes_a_limit_that_is_counted_there(
    server: RedisServer, url: str
) -> None:
    limits = RateLimitOptions(custom_rules={"/ok": Limit(window=60, max=1)})
    async with (
        Redis(unix_socket_path=str(server.socket)) as redis,
        site(url, RedisStorage(redis), limits) as app,
        browser(app) as client,
    ):
        server.stop()
        away = await client.get("/api/auth/ok")
        server.start()
        statuses = [(await client.get("/api/auth/ok")).status_code for _ in range(2)]
        assert (away.status_code, statuses) == (503, [200, 429])
        assert away.json() == {"message": UNAVAILABLE, "code": "SERVICE_UNAVAILABLE"}


class _Broken(InMemoryStorage):
    """Takes no new texts while it is broken."""

    is_broken = False

    async def set(self, key: str, value: str, ttl: int | None = None) -> None:
        if self.is_broken:
            raise OSError(key)
        await super().set(key, value, ttl)


async def test_a_change_that_the_storage_does_not_take_is_no_success(url: str) -> None:
    storage, cache = _Broken(), CookieCacheOptions(enabled=True)
    async with site(url, storage, cookie_cache=cache) as app, browser(app) as client:
        email, _ = await signed_up(client)
        storage.is_broken = True
        changes: dict[str, dict[str, Any]] = {
            "/update-user": {"name": "Eva"},
            "/revoke-sessions": {},
            "/change-password": {
                "currentPassword": PASSWORD,
                "newPassword": f"not {PASSWORD}",
                "revokeOtherSessions": True,
            },
        }
        for path, body in changes.items():
            answer = await post(client, path, **body)
            assert (answer.status_code, answer.json()["message"]) == (503, UNAVAILABLE)
        storage.is_broken = False
        assert (await post(client, "/update-user", name="Eva")).status_code == 200
        assert (await shown(client))["user"]["name"] == "Eva"
        again = await post(client, "/sign-in/email", email=email, password=PASSWORD)
        assert again.status_code == 200


async def test_what_is_logged_of_a_failure_names_no_key(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    storage = _Broken()
    async with site(url, storage) as app, browser(app) as client:
        email, token = await signed_up(client)
        storage.is_broken = True
        await post(client, "/update-user", name="Eva")
        written = capsys.readouterr()
        assert token not in written.out + written.err
        assert email not in written.out + written.err
