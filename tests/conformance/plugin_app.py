"""Ours with plugins and additional fields, on tables that its own migration has made.

Environment: as for Taskward, and ADDED, the JSON object of `plugins.py`.
"""

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from fastapi import FastAPI
from pydantic.alias_generators import to_snake

from authward import BetterAuth, BetterAuthOptions
from authward.options import SessionOptions, UserOptions
from authward.plugins import (
    JwksOptions,
    JwtOptions,
    McpOptions,
    UsernameOptions,
    bearer,
    jwt,
    mcp,
    token_login,
    username,
)
from authward.schema import DBField
from authward.timestamps import now
from taskward.app import auth_options
from taskward.database.database import Database
from taskward.database.url import DatabaseURL
from taskward.http import errors
from taskward.settings import Settings

database = Database()


def _field(theirs: Mapping[str, Any]) -> DBField:
    ours = {to_snake(name): value for name, value in theirs.items()}
    if isinstance(ours["type"], list):
        ours["type"] = tuple(ours["type"])
    if ours.get("default_value") == "<now>":
        ours["default_value"] = now
    return DBField(**ours)


def _fields(theirs: Mapping[str, Any], model: str) -> dict[str, DBField]:
    additional = theirs.get(model, {}).get("additionalFields", {})
    return {name: _field(field) for name, field in additional.items()}


def _mcp_options(theirs: Mapping[str, Any]) -> McpOptions:
    lists = {name: tuple(value) for name, value in theirs.items() if isinstance(value, list)}
    return McpOptions(**{to_snake(name): value for name, value in {**theirs, **lists}.items()})


def _options() -> BetterAuthOptions:
    theirs = json.loads(os.environ["ADDED"])
    keys = JwtOptions(jwks=JwksOptions() if "mcp" in theirs else None)
    plugins = [jwt(keys), bearer(), token_login()]
    if "username" in theirs:
        chosen = {to_snake(name): value for name, value in theirs["username"].items()}
        plugins.append(username(UsernameOptions(**chosen)))
    if "mcp" in theirs:
        plugins.append(mcp(_mcp_options(theirs["mcp"])))
    return replace(
        auth_options(Settings()),
        plugins=tuple(plugins),
        user=UserOptions(additional_fields=_fields(theirs, "user")),
        session=SessionOptions(additional_fields=_fields(theirs, "session")),
    )


auth = BetterAuth(_options(), database)


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    await database.open(DatabaseURL.parse(os.environ["DATABASE_URL"]).connect_arguments())
    await auth.migrate()
    yield
    await database.close()


app = FastAPI(redirect_slashes=False, lifespan=_lifespan)
errors.install(app)
auth.install(app)
