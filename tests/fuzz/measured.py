"""The server, measured."""

from taskward.asgi import app as unmeasured
from tests.fuzz.turns import measured

app = measured(unmeasured)
