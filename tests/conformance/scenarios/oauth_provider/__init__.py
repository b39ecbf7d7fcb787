"""The OAuth provider behind `mcp`: registration, authorization, consent, tokens, clients."""

from typing import Final

from tests.conformance.model import Scenario

from . import authorization, clients, ours, registration, tokens

SCENARIOS: Final[list[Scenario]] = [
    *ours.OURS,
    *registration.REGISTRATION,
    *authorization.AUTHORIZATION,
    *tokens.TOKENS,
    *clients.CLIENTS,
    *clients.LOGOUT,
]
