"""The settings with social providers: what both servers are told in SOCIAL.

Google and GitHub cannot be reached, so only what happens before the code is exchanged is compared
for them. The rest is compared with providers of the kind that has a discovery document.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from tests.support.fake_provider import CLIENT_ID, CLIENT_SECRET, FakeProvider
from tests.support.servers import TaskwardServer

PROVIDERS: Final[dict[str, dict[str, Any]]] = {
    "fake": {},
    "trusted": {},
    "closed": {"disableSignUp": True},
    "asking": {"disableImplicitSignUp": True},
    "overriding": {"overrideUserInfo": True},
    "bare": {
        "pkce": False,
        "redirectURI": "https://elsewhere.example/api/auth/callback/bare",
        "prompt": "consent",
        "accessType": "offline",
        "responseMode": "query",
        "authentication": "basic",
        "authorizationUrlParams": {"audience": "a b"},
        "tokenUrlParams": {"audience": "c"},
        "accessTokenExpiresIn": 600,
    },
}
VIA_PLUGIN: Final = ("trusted", "overriding", "bare")
"""Ours has these by the plugin, and the others as providers of the kind that it extends."""
LINKING: Final[dict[str, dict[str, Any]]] = {
    "social": {"trustedProviders": ["trusted"]},
    "lax social": {
        "trustedProviders": ["trusted"],
        "allowDifferentEmails": True,
        "allowUnlinkingAll": True,
        "requireLocalEmailVerified": False,
        "updateUserInfoOnLink": True,
    },
    "choosy social": {"trustedProviders": ["trusted"]},
    "one tap": {},
    "one tap of one's own": {},
    "one tap for a domain": {},
}
ACCOUNT: Final[dict[str, dict[str, bool]]] = {
    "social": {},
    "lax social": {"encryptOAuthTokens": True, "storeAccountCookie": True},
    "choosy social": {},
    "one tap": {},
    "one tap of one's own": {},
    "one tap for a domain": {},
}
ONE_TAP: Final[dict[str, dict[str, Any]]] = {
    "one tap": {},
    "one tap of one's own": {"clientId": ["tap-id", "other-id"], "disableSignup": True},
    "one tap for a domain": {},
}
"""What the plugin `oneTap` is told."""
_GOOGLE: Final[dict[str, dict[str, Any]]] = {
    "one tap for a domain": {"hd": "example.com", "overrideUserInfoOnSignIn": True},
}
CHOOSY: Final = "choosy social"
"""Where the application says whom it wants: `own_rules` on both sides."""
_DUMMIES: Final = {
    "github": {"clientId": "github-id", "clientSecret": "github-secret"},
    "google": {"clientId": "google-id", "clientSecret": "google-secret"},
}


@contextmanager
def social_settings(setting: str) -> Iterator[dict[str, str]]:
    """The environment variable for a setting, if it is a social one, while its provider runs."""
    if setting not in LINKING:
        yield {}
        return
    with FakeProvider() as provider:
        more = {"ORIGINAL": "own_rules", "SETUP": CHOOSY} if setting == CHOOSY else {}
        if setting in ONE_TAP:
            # In the place of Google's keys, of which the original knows but one address.
            more = {"ORIGINAL": "one_tap", "SETUP": f"{setting}|{provider.url}/jwks"}
        yield {"SOCIAL": json.dumps(_options(provider, setting)), **more}


def _options(provider: FakeProvider, setting: str) -> dict[str, Any]:
    common = {
        "clientId": CLIENT_ID,
        "clientSecret": CLIENT_SECRET,
        "discoveryUrl": provider.discovery_url,
        "scopes": ["openid", "email", "profile"],
    }
    bare = {
        **{name: value for name, value in common.items() if name != "discoveryUrl"},
        "authorizationUrl": f"{provider.url}/authorize?tenant=a",
        "tokenUrl": f"{provider.url}/token",
        "userInfoUrl": f"{provider.url}/userinfo",
    }
    usual = {name: bare if name == "bare" else common for name in PROVIDERS}
    return {
        "social": _social(setting),
        **(
            {"oneTap": ONE_TAP[setting], "jwks": f"{provider.url}/jwks"}
            if setting in ONE_TAP
            else {}
        ),
        "viaPlugin": VIA_PLUGIN,
        "generic": [{"providerId": name, **usual[name], **PROVIDERS[name]} for name in PROVIDERS],
        "choosy": setting == CHOOSY,
        "account": {"accountLinking": LINKING[setting], **ACCOUNT[setting]},
    }


def _social(setting: str) -> dict[str, dict[str, Any]]:
    """Whoever has a One Tap of their own has no provider `google`."""
    if setting == "one tap of one's own":
        return {"github": _DUMMIES["github"]}
    return {**_DUMMIES, "google": {**_DUMMIES["google"], **_GOOGLE.get(setting, {})}}


class SocialServer(TaskwardServer):
    """`social_app`, as uvicorn runs it."""

    ready_path = "/api/auth/ok"

    def command(self) -> Sequence[str]:
        ours = {"main:app": "tests.conformance.social_app:app"}
        return [ours.get(argument, argument) for argument in super().command()]
