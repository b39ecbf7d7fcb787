"""The ASGI application with the settings of the environment: `taskward.asgi:app`."""

import gc

# What is loaded here stays: looking through it for garbage, again and again, while more is loaded
# takes a fifth of the start, and later it would take its part of every full collection.
gc.disable()

from taskward.app import create_app  # noqa: E402
from taskward.config import load_settings  # noqa: E402

app = create_app(load_settings())

gc.freeze()
gc.enable()
