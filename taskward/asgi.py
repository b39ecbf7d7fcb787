"""The ASGI application with the settings of the environment: `taskward.asgi:app`."""

from taskward.app import create_app
from taskward.config import load_settings

app = create_app(load_settings())
