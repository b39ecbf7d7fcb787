"""The tables as a server makes them at its start, those of its plugins included."""

from taskward.auth_plugins import added_schema
from taskward.database.url import DatabaseURL
from taskward.migrations import migrate
from tests.conftest import settings_for, url_text


async def make_tables(url: DatabaseURL) -> None:
    """So that no server of a test has to, or one that may not can begin."""
    await migrate(url.connect_arguments(), added_schema(settings_for(url_text(url))))
