"""The ASGI application with the settings of the environment: `taskward.asgi:app`."""

import gc

# What is loaded here stays: looking through it for garbage, again and again, while more is loaded
# takes a fifth of the start, and later it would take its part of every full collection.
gc.disable()

from taskward import lean_imports  # noqa: E402

lean_imports.load()

from taskward.app import create_app  # noqa: E402
from taskward.http.uvicorn_config import settings_beside_uvicorn  # noqa: E402


def keep_what_is_there() -> None:
    """Take what there is out of later collections; what only the start has used is gone before."""
    gc.collect()
    gc.freeze()


app = create_app(settings_beside_uvicorn(), on_ready=keep_what_is_there)

gc.freeze()
gc.enable()
