"""The plugin `jwt` with keys of the table `jwks`."""

from dataclasses import replace
from typing import Any, Final

from authward import BetterAuthOptions
from authward.plugins import JwksOptions, JwtOptions, bearer, jwt
from authward.plugins.jwt import JwtSession
from tests.conformance.model import get, scenario, session, signed_up
from tests.conformance.setup import Collect, Setup

NAME: Final = "ES256"


async def _payload(found: JwtSession) -> dict[str, Any]:
    return {"email": found.user.email, "given": found.session.user_id == found.user.id}


def jwt_options(setup: str) -> JwtOptions:
    """What `tests/js/originals/jwks.mjs` chooses."""
    algorithm, _, more = setup.partition(" ")
    return JwtOptions(
        jwks=JwksOptions(algorithm=algorithm, disable_private_key_encryption=bool(more)),
        shared_secret=False,
        define_payload=_payload,
        issuer="https://issuer.example",
        audience=("https://one.example", "https://two.example"),
        expiration_time=300,
    )


def _options(base: BetterAuthOptions, _: Collect) -> BetterAuthOptions:
    return replace(base, plugins=(jwt(jwt_options(NAME)), bearer()))


SETUPS: Final = {NAME: Setup("jwks", _options)}
BY_ADA: Final = {"cookie": "<<ada.cookie>>"}
SCENARIOS = [
    scenario(
        "tokens that keys of the table sign",
        signed_up(),
        get("/jwks", "the first key is made"),
        get("/jwks", "and stays"),
        get("/token", **BY_ADA),
        get("/token", "without a session"),
        session(),
        get("/get-session", "without a session either"),
        setting=NAME,
    ),
]
