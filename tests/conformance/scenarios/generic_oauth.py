"""Providers of the plugin `generic_oauth` without a discovery document."""

from typing import Any, Final

from tests.conformance.model import scenario, signed_up
from tests.support.fake_provider import Script

from .social import after, answered, back, begin, linking, verified

_ODD: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"scopes": ["repo", "openid"]},
    {"loginHint": "ada@example.com"},
    {"additionalParams": {"prompt": "none", "audience": "d", "tenant": "b", "access_type": "x"}},
    {"disableRedirect": True},
    {"idToken": {"token": "a.b.c"}},
)


def told(who: str = "ada", **more: Any) -> Script:
    """The profile is from the user-info endpoint, and there is no ID token."""
    usual = {"id": f"{who}-<<here>>", "email": f"{who}-<<here>>@example.com", "name": who.title()}
    return Script(token={"id_token": None}, userinfo={**usual, **more}, without_pkce=True)


def _refused(name: str, script: Script, number: int) -> list[Any]:
    begun = f"b{number}"
    return [
        begin("bare", begun, errorCallbackURL="/oops"),
        back(script, begun=begun, provider="bare", name=name),
    ]


SCENARIOS = [
    scenario(
        "generic_oauth sends the browser where it is told to",
        *(begin("bare", name=str(body), **body) for body in _ODD),
        setting="social",
    ),
    scenario(
        "generic_oauth signs up and in with a profile",
        begin("bare"),
        back(told(email_verified="true", picture="https://a.b/c"), provider="bare", save="ada"),
        after(),
        begin("bare", "again"),
        back(told(name="Other"), begun="again", provider="bare", save="ada"),
        after(),
        setting="social",
    ),
    scenario(
        "generic_oauth takes an ID token's claims where there is one",
        begin("bare"),
        back(
            Script(
                claims={"sub": "i-<<here>>", "email": "i-<<here>>@example.com", "name": "I"},
                without_pkce=True,
            ),
            provider="bare",
            save="ada",
        ),
        after(),
        setting="social",
    ),
    scenario(
        "generic_oauth refuses profiles that say too little",
        *_refused("no address", told(email=None), 1),
        *_refused("a number for an id", told(id=17), 2),
        *_refused("no id", told(id=None), 3),
        *_refused("an error", Script(token={"id_token": None}, info="html", without_pkce=True), 4),
        *_refused(
            "no token", Script(token={"access_token": None, "id_token": None}, without_pkce=True), 5
        ),
        begin("bare", "c", errorCallbackURL="/oops"),
        answered("&code=x", "a code that is none", begun="c", provider="bare"),
        setting="social",
    ),
    scenario(
        "generic_oauth links",
        signed_up(),
        verified(),
        linking(provider="bare"),
        back(told(email_verified=True), provider="bare", save="linked"),
        after(),
        setting="social",
    ),
]
