"""An application with plugins of its own, on a database of its own, in this process."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from fastapi import FastAPI

from authward import BetterAuth
from authward.plugin_base import PluginBase
from taskward.app import auth_options
from taskward.database.database import Database
from taskward.database.url import DatabaseURL
from tests.conftest import settings_for
from tests.support.auth_options import with_options
from tests.support.quick_passwords import QUICK


@asynccontextmanager
async def site_with(url: str, plugins: Sequence[PluginBase], **more: Any) -> AsyncIterator[FastAPI]:
    """Make the tables, and serve; `more` are options of the server."""
    app, database = FastAPI(), Database()
    usual = with_options(auth_options(settings_for(url)), email_and_password__password=QUICK)
    base = replace(usual, on_user_deleted=(), **more)
    auth = BetterAuth(replace(base, plugins=tuple(plugins)), database)
    auth.install(app)
    app.state.database = database
    await database.open(DatabaseURL.parse(url).connect_arguments())
    await auth.migrate()
    yield app
    await database.close()
