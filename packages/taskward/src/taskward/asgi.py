"""The ASGI application with the settings of the environment: `taskward.asgi:app`."""

import gc

# What is loaded here stays: looking through it for garbage, again and again, while more is loaded
# takes a fifth of the start, and later it would take its part of every full collection.
gc.disable()

from taskward.app import create_app  # noqa: E402
from taskward.http.uvicorn_config import settings_beside_uvicorn  # noqa: E402

app = create_app(settings_beside_uvicorn())

gc.freeze()
gc.enable()
