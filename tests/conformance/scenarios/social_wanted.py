"""Whom an application does not want: new by a provider, coming back, or to be linked."""

from collections.abc import Iterator
from typing import Final

from tests.conformance.model import Sql, Step, email, get, scenario, session, signed_up
from tests.conformance.social import CHOOSY

from .social import LIST, STATEMENTS, after, back, begin, by_provider, linking, script, verified

PROVIDERS: Final = ("fake", "trusted")


def refused(who: str, provider: str = "fake", **asked: str) -> Iterator[Step]:
    """Somebody goes to the provider, comes back, and may or may not have a session."""
    begun = f"{who}_begun"
    yield begin(provider, begun, **asked)
    yield back(script(who, begun), begun=begun, provider=provider, save=who)
    yield session(who)


def id_token(who: str) -> Iterator[Step]:
    """Somebody signs in by the ID token with which they came before."""
    yield Sql(STATEMENTS["copy the ID token"], (email(who),))
    yield session(who, save="copied")
    yield begin(save=f"{who}_again", idToken={"token": "<<copied.name>>"})


SCENARIOS = [
    scenario(
        "new by a provider, and not wanted",
        *(
            step
            for provider in PROVIDERS
            for who in ("refused", "silent", "broken", "welcome")
            for step in refused(f"{who}{provider}", provider, errorCallbackURL="/oops?a=b")
        ),
        setting=CHOOSY,
    ),
    scenario(
        "not wanted, without a page for errors",
        refused("refused"),
        refused("silent", newUserCallbackURL="/welcome"),
        setting=CHOOSY,
    ),
    scenario(
        "known by a provider, and not wanted any more",
        by_provider("later"),
        refused("later", errorCallbackURL="/oops"),
        id_token("later"),
        setting=CHOOSY,
    ),
    scenario(
        "a provider's account that is not wanted for a user",
        signed_up("linker"),
        verified("linker"),
        *(refused("linker", provider, errorCallbackURL="/oops") for provider in PROVIDERS),
        setting=CHOOSY,
    ),
    scenario(
        "an account that a user links is not wanted",
        signed_up("ada"),
        *(
            step
            for provider in PROVIDERS
            for is_verified in (True, False)
            for step in (
                linking("ada", provider, errorCallbackURL="/oops"),
                back(script("linker", verified=is_verified), provider=provider),
            )
        ),
        linking("ada"),
        back(script("ada")),
        get(LIST, cookie="<<ada.cookie>>"),
        after("ada"),
        setting=CHOOSY,
    ),
]
