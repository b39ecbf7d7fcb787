"""Phones: the stock client of Expo's plugin holds its round, and nobody else gets cookies."""

import json
import subprocess
from collections.abc import Awaitable, Callable

import anyio

from tests.conformance.social import SocialServer
from tests.support.fake_provider import CLIENT_ID, CLIENT_SECRET, FakeProvider, Script
from tests.support.process_environment import clean_environment
from tests.support.servers import JS, auth_settings, node

Create = Callable[[], Awaitable[str]]


async def test_the_client_of_expo_holds_its_round(create_migrated_database: Create) -> None:
    told = {"id": "p-1", "email": "by-provider@example.com", "name": "By provider"}
    script = Script(token={"id_token": None}, userinfo=told, without_pkce=True)
    with FakeProvider() as provider:
        bare = {
            "providerId": "bare",
            "clientId": CLIENT_ID,
            "clientSecret": CLIENT_SECRET,
            "authorizationUrl": "https://provider.example/authorize",
            "tokenUrl": f"{provider.url}/token",
            "userInfoUrl": f"{provider.url}/userinfo",
            "scopes": [],
            "pkce": False,
        }
        social = {"generic": [bare], "viaPlugin": ["bare"], "expo": True}
        settings = auth_settings(await create_migrated_database()) | {
            "BETTER_AUTH_TRUSTED_ORIGINS": "myapp://",
            "SOCIAL": json.dumps(social),
        }
        with SocialServer(settings) as server:
            ended = await anyio.to_thread.run_sync(_hold_round, server.url, script.code())
            steps = [json.loads(line) for line in ended.stdout.splitlines()]
            failed = [step for step in steps if not step["ok"]]
            assert not failed, f"{failed}\n{server.log()}"
            assert (len(steps), ended.returncode) == (4, 0), ended.stderr


def _hold_round(url: str, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [node(), str(JS / "expo-round.mjs")],
        env=clean_environment({"BASE_URL": url, "CODE": code}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
