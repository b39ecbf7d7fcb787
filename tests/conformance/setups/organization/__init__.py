"""The plugin `organization`: members, roles, invitations, the active organization, teams."""

from typing import Final

from tests.conformance.model import Scenario

from . import invitations, members, organizations, teams
from .common import SETUPS

__all__ = ["SCENARIOS", "SETUPS"]

SCENARIOS: Final[list[Scenario]] = [
    *organizations.SCENARIOS,
    *members.SCENARIOS,
    *invitations.SCENARIOS,
    *teams.SCENARIOS,
]
