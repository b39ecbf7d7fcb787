"""The longest turn of an application's event loop since somebody last asked at `/-/turns`.

It is measured in CPU time of the loop's thread: how busy the machine is makes no difference.
"""

import asyncio
import gc
import time
from typing import Any

from fastapi import FastAPI
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse

from tests.fuzz.target import TURNS

_run = asyncio.Handle._run


class _Longest:
    seconds = 0.0


def _measured(handle: asyncio.Handle) -> Any:
    began = time.thread_time()
    try:
        return _run(handle)
    finally:
        _Longest.seconds = max(_Longest.seconds, time.thread_time() - began)


async def turns(_: Request) -> JSONResponse:
    longest, _Longest.seconds = _Longest.seconds, 0.0
    gc.collect()  # of the garbage of many requests a single one pays the bill, at any moment
    return JSONResponse(longest, background=BackgroundTask(_forget))


async def _forget() -> None:
    _Longest.seconds = 0.0


def measured(app: FastAPI) -> FastAPI:
    """Let an application tell; by a route, for around it the protocol would answer nothing."""
    app.add_route(TURNS, turns)
    gc.freeze()  # or to collect the garbage of requests would look through all that is loaded
    asyncio.Handle._run = _measured  # type: ignore[method-assign,assignment]
    return app
