"""Apps made with Expo: their origin, the way to the provider, and cookies on the way back."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from authward import BetterAuthOptions
from authward.oauth import social_provider
from authward.options import EmailVerificationOptions
from authward.plugins import ExpoOptions, expo
from tests.conformance.model import Call, email, get, mails, post, scenario, signed_up
from tests.conformance.setup import Collect, MakeOptions, Setup

_PROXY: Final = "/expo-authorization-proxy"
_TARGETS: Final = (
    *("", "x", "/x", "http://p.example/a?state=s", "https://p.example/a#b?state=s"),
    *("https://p.example/a", "https://p.example/a?state=", "javascript:alert(1)"),
    *("https://p.example/a?state=abc&x=%2520", "https://u:p@p.example/?state=1&state=2"),
    *("HTTPS://P.EXAMPLE:443/a b?state=s", "//p.example/?state=s", "https://", "myapp://x?state=s"),
)
_ORIGINS: Final = (
    *("myapp://", "myapp://path", "MYAPP://", "exp://192.168.1.5:8081", "exp://x/--/y"),
    *("other://", "https://evil.example", "null", "", "exp:", "http://localhost:3000"),
)
_CALLBACKS: Final = (
    *("myapp://", "myapp://done?a=b", "exp://192.168.1.5:8081/--/done", "other://", "/done"),
    *("http://localhost:3000/done", "https://evil.example"),
)


def _options(*, override: bool) -> MakeOptions:
    def make(base: BetterAuthOptions, collect: Collect) -> BetterAuthOptions:
        return replace(
            base,
            plugins=(
                *(base.plugins or ()),
                expo(ExpoOptions(disable_origin_override=not override)),
            ),
            trusted_origins=("http://localhost:3000", "myapp://", "exp://**"),
            email_verification=EmailVerificationOptions(
                send_verification_email=collect("verification"),
                auto_sign_in_after_verification=True,
            ),
            social_providers=(
                social_provider("discord", client_id="the-client", client_secret="the-secret"),
            ),
        )

    return make


SETUPS = {
    "expo": Setup("expo", _options(override=True)),
    "expo without override": Setup("expo", _options(override=False)),
}


def _claims(claimed: str, **more: str) -> Call:
    headers = (("cookie", "<<ada.cookie>>"), ("expo-origin", claimed), *more.items())
    body = {"callbackURL": "myapp://done", "provider": "discord"}
    return post("/sign-in/social", f"expo-origin {claimed} {more}", json=body, headers=headers)


def _verification(number: int, callback: str) -> Iterator[Call]:
    body = {"email": email(), "callbackURL": callback}
    yield post("/send-verification-email", f"a mail that leads to {callback}", json=body)
    yield mails(save=f"m{number}")
    path = f"/verify-email?token=<<m{number}.token>>&callbackURL={callback.replace('?', '%3F')}"
    yield get(path, f"back by {callback}")


SCENARIOS = [
    *(
        scenario(
            f"an app's origin ({setup})",
            signed_up(),
            *(_claims(origin) for origin in _ORIGINS),
            _claims("myapp://", origin="https://evil.example"),
            _claims("https://evil.example", origin="http://localhost:3000"),
            post(
                "/sign-out", "out", headers=(("expo-origin", "myapp://"),), cookie="<<ada.cookie>>"
            ),
            setting=setup,
        )
        for setup in SETUPS
    ),
    scenario(
        "the way to the provider",
        *(get(f"{_PROXY}?authorizationURL={quote(url)}", f"to {url}") for url in _TARGETS),
        get(f"{_PROXY}?authorizationURL=https://p.example/a&oauthState=abc"),
        get(f"{_PROXY}?authorizationURL=https://p.example/a&oauthState="),
        get(f"{_PROXY}?authorizationURL=<<base>>/a?state=s", "its own site"),
        get(f"{_PROXY}?authorizationURL=http://p.example/a&oauthState=abc", "no TLS"),
        get(_PROXY, "nothing"),
        get(f"{_PROXY}?authorizationURL=a&authorizationURL=b", "twice"),
        post(_PROXY, "post", json={}),
        setting="expo",
    ),
    *(
        scenario(
            f"an app is led back to {callback}",
            signed_up(),
            *_verification(1, callback),
            setting="expo",
        )
        for callback in _CALLBACKS
    ),
    scenario(
        "an app's callbacks",
        *(
            post(
                "/sign-in/social",
                f"{name} {url}",
                json={"provider": "discord", name: url},
                headers=(("expo-origin", "myapp://"),),
            )
            for name in ("callbackURL", "newUserCallbackURL", "errorCallbackURL")
            for url in _CALLBACKS
        ),
        get("/callback/discord?state=x&code=y", "nothing begun"),
        setting="expo",
    ),
]
