"""The plugin `api_key`: keys of users and of organizations, and what the host does with them."""

from typing import Final

from tests.conformance.model import Scenario

from . import clients, host, kinds, strict
from .common import SETUPS

__all__ = ["SCENARIOS", "SETUPS"]

SCENARIOS: Final[list[Scenario]] = [
    *clients.SCENARIOS,
    *host.SCENARIOS,
    *strict.SCENARIOS,
    *kinds.SCENARIOS,
]
