"""The plugin `passkey`: both ceremonies, with an authenticator in software."""

from typing import Final

from tests.conformance.model import Scenario

from . import ceremonies, options, refusals
from .common import SETUPS

__all__ = ["SCENARIOS", "SETUPS"]

SCENARIOS: Final[list[Scenario]] = [
    *ceremonies.SCENARIOS,
    *refusals.SCENARIOS,
    *options.SCENARIOS,
]
