"""Ours must answer as the original does, word for word, to every request of every conversation.

`CONFORMANCE_SUBJECT=original` puts a second original in our place, which proves the comparison.
"""

import contextlib
import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import anyio.to_thread
import pytest

from tests.conftest import CreateDatabase
from tests.servers import SECRET, OriginalServer, Server, TaskwardServer, auth_settings, node

from .conversations import CONVERSATIONS
from .differences import described, differences
from .mail import MAIL, MailServer, mail_settings
from .model import Call, Conversation
from .runner import Subject, hold
from .social import LINKING, SocialServer, social_settings

TRUSTED = "http://localhost:3000,https://*.trusted.example,http://app-*.example.org:8080"
HTTPS = "https://tasks.example.com"
Pair = tuple[Subject, Subject]
FindPair = Callable[[str], Awaitable[Pair]]
_runs = itertools.count()


def _settings(setting: str, database_url: str) -> dict[str, str]:
    origin = {"BETTER_AUTH_URL": HTTPS} if setting == "secure" else {}
    return {
        **auth_settings(database_url),
        "BETTER_AUTH_TRUSTED_ORIGINS": TRUSTED,
        **origin,
        **mail_settings(setting),
    }


def _subject(server: Server) -> Subject:
    settings = server.environment()
    return Subject(server.url, settings["BETTER_AUTH_URL"], settings["DATABASE_URL"], SECRET)


@contextlib.contextmanager
def _pair(setting: str, theirs: str, ours: str) -> Iterator[Pair]:
    judged = os.environ.get("CONFORMANCE_SUBJECT", "taskward")
    others = dict.fromkeys(MAIL, MailServer) | dict.fromkeys(LINKING, SocialServer)
    subject = OriginalServer if judged == "original" else others.get(setting, TaskwardServer)
    with (
        social_settings(setting) as social,
        OriginalServer(_settings(setting, theirs) | social) as judge,
        subject(_settings(setting, ours) | social) as server,
    ):
        yield _subject(judge), _subject(server)


@pytest.fixture(scope="session")
async def pair_for(create_database: CreateDatabase) -> AsyncIterator[FindPair]:
    """The original and ours for a setting, each with a database of its own, started when asked."""
    node()
    started: dict[str, Pair] = {}
    with contextlib.ExitStack() as running:

        async def find(setting: str) -> Pair:
            if setting not in started:
                urls = [await create_database() for _ in range(2)]
                started[setting] = running.enter_context(_pair(setting, *urls))
            return started[setting]

        yield find


def _compared(conversation: Conversation, pair: Pair) -> list[str]:
    run = f"x{next(_runs)}"
    with ThreadPoolExecutor(2) as both:
        theirs, ours = both.map(lambda subject: hold(conversation, subject, run), pair)
    calls = [step for step in conversation.steps if isinstance(step, Call)]
    lines = []
    for call, judge, subject in zip(calls, theirs, ours, strict=True):
        found = differences(call, judge, subject)
        if found:
            lines.append("\n    ".join([described(call), *found]))
    return lines


async def _check(conversation: Conversation, pair_for: FindPair) -> None:
    pair = await pair_for(conversation.setting)
    found = await anyio.to_thread.run_sync(_compared, conversation, pair)
    assert not found, f"{len(found)} answers differ\n\n" + "\n\n".join(found)


PLAIN = [conversation for conversation in CONVERSATIONS if conversation.setting == "plain"]
OTHER = [conversation for conversation in CONVERSATIONS if conversation.setting != "plain"]


class TestThePlainServer:
    """A class of its own, so that test processes can share the conversations out."""

    @pytest.mark.parametrize("conversation", PLAIN, ids=lambda each: each.name)
    async def test_ours_answers_as_the_original_does(
        self, conversation: Conversation, pair_for: FindPair
    ) -> None:
        await _check(conversation, pair_for)


class TestWithMailOrProvidersOrHTTPS:
    """Every other setting."""

    @pytest.mark.parametrize("conversation", OTHER, ids=lambda each: each.name)
    async def test_ours_answers_as_the_original_does(
        self, conversation: Conversation, pair_for: FindPair
    ) -> None:
        await _check(conversation, pair_for)


def test_every_conversation_has_a_name_of_its_own() -> None:
    names = [conversation.name for conversation in CONVERSATIONS]
    assert len(set(names)) == len(names)
