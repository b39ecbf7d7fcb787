"""Ours in a setup, on tables that its own migration has made.

Environment: as for Taskward, and SETUP, a name out of `setups/`.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from fastapi import FastAPI

from authward import BetterAuth
from authward.plugins import bearer, jwt
from taskward.app import auth_options
from taskward.database.database import Database
from taskward.database.url import DatabaseURL
from taskward.http import errors
from taskward.settings import Settings

from .outbox import Outbox, Quiet
from .setup import chosen

database = Database()
outbox = Outbox()
# There are no tasks here, which would go with a user; the name is the original's.
base = replace(
    auth_options(Settings()), plugins=(jwt(), bearer()), on_user_deleted=(), app_name="Better Auth"
)
auth = BetterAuth(chosen().options(base, outbox.collect), database)


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    await database.open(DatabaseURL.parse(os.environ["DATABASE_URL"]).connect_arguments())
    await auth.migrate()
    yield
    await database.close()


async def take_mails(text: str) -> dict[str, Any]:
    """What was sent since the last time, and mentions `text`."""
    return outbox.take(text)


def _site() -> FastAPI:
    site = FastAPI(redirect_slashes=False, lifespan=_lifespan)
    errors.install(site)
    site.add_api_route("/mails/{text}", take_mails)
    auth.install(site)
    return site


app = Quiet(_site())
