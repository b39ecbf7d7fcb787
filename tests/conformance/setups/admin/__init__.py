"""The plugin `admin`: roles, bans, impersonation, and the users themselves."""

from typing import Final

from tests.conformance.model import Scenario

from . import bans, lists, people, roles
from .common import SETUPS

__all__ = ["SCENARIOS", "SETUPS"]

SCENARIOS: Final[list[Scenario]] = [
    *roles.SCENARIOS,
    *people.SCENARIOS,
    *lists.SCENARIOS,
    *bans.SCENARIOS,
]
