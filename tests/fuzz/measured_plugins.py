"""A server with every plugin, measured. Environment: as for Taskward."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from fastapi import FastAPI

from authward import BetterAuth
from taskward.app import auth_options
from taskward.database.database import Database
from taskward.database.url import DatabaseURL
from taskward.http import errors
from taskward.settings import Settings
from tests.fuzz.turns import measured
from tests.support.every_plugin import every_plugin

database = Database()
options = replace(auth_options(Settings()), plugins=tuple(every_plugin()), on_user_deleted=())
auth = BetterAuth(options, database)


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    await database.open(DatabaseURL.parse(os.environ["DATABASE_URL"]).connect_arguments())
    await auth.migrate()
    yield
    await database.close()


site = FastAPI(redirect_slashes=False, lifespan=_lifespan)
errors.install(site)
auth.install(site)
app = measured(site)
