"""The plugin `two_factor`: apps, codes that are sent, backup codes, trusted devices."""

from typing import Final

from tests.conformance.model import Scenario

from . import codes, enabling, options, sign_in
from .common import SETUPS

__all__ = ["SCENARIOS", "SETUPS"]

SCENARIOS: Final[list[Scenario]] = [
    *enabling.SCENARIOS,
    *codes.SCENARIOS,
    *sign_in.SCENARIOS,
    *options.SCENARIOS,
]
