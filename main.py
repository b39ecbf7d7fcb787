"""The ASGI application: `uvicorn main:app`."""

from taskward.asgi import app

__all__ = ["app"]
