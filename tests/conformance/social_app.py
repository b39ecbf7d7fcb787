"""A Better Auth server with any social providers: SOCIAL has the options in the original's words.

Taskward's own settings know one provider of each kind and no rules for linking; this application
has what the package offers, and shows that the package can be mounted without Taskward.
"""

import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from fastapi import FastAPI

from authward import BetterAuth, BetterAuthOptions, Plugin
from authward.oauth import GenericOAuth, SocialProvider, social_provider
from authward.options import (
    AccountLinking,
    AccountOptions,
    AdvancedOptions,
    DatabaseOptions,
    UserOptions,
)
from authward.plugins import GenericOAuthConfig, OneTapOptions, expo, generic_oauth, one_tap
from authward.schema.style import BETTER_AUTH, STYLES
from authward.server import DEFAULT_PLUGINS
from taskward.database.database import Database
from taskward.database.url import DatabaseURL
from tests.conformance.wanted import only_wanted
from tests.support.auth_options import UNLIMITED

RENAMED = {
    "clientId": "client_id",
    "clientSecret": "client_secret",
    "providerId": "provider_id",
    "discoveryUrl": "discovery_url",
    "disableSignUp": "disable_sign_up",
    "disableSignup": "disable_signup",
    "disableImplicitSignUp": "disable_implicit_sign_up",
    "disableIdTokenSignIn": "disable_id_token_sign_in",
    "overrideUserInfo": "override_user_info",
    "overrideUserInfoOnSignIn": "override_user_info_on_sign_in",
    "accessType": "access_type",
    "authorizationUrl": "authorization_url",
    "tokenUrl": "token_url",
    "userInfoUrl": "user_info_url",
    "redirectURI": "redirect_uri",
    "responseMode": "response_mode",
    "authorizationUrlParams": "authorization_url_params",
    "tokenUrlParams": "token_url_params",
    "accessTokenExpiresIn": "access_token_expires_in",
    "enabled": "enabled",
    "encryptOAuthTokens": "encrypt_oauth_tokens",
    "storeAccountCookie": "store_account_cookie",
    "trustedProviders": "trusted_providers",
    "allowDifferentEmails": "allow_different_emails",
    "allowUnlinkingAll": "allow_unlinking_all",
    "disableImplicitLinking": "disable_implicit_linking",
    "requireLocalEmailVerified": "require_local_email_verified",
    "updateUserInfoOnLink": "update_user_info_on_link",
}


def options(social: dict[str, Any], **more: Any) -> BetterAuthOptions:
    """Our options for the original's; where they are choosy, with a rule of the application."""
    account = dict(social.get("account", {}))
    choosy = UserOptions(validate_user_info=only_wanted) if social.get("choosy") else UserOptions()
    return BetterAuthOptions(
        user=choosy,
        social_providers=tuple(_providers(social)),
        account=AccountOptions(
            account_linking=AccountLinking(**_renamed(account.pop("accountLinking", {}))),
            **_renamed(account),
        ),
        rate_limit=UNLIMITED,
        plugins=(
            *DEFAULT_PLUGINS,
            generic_oauth(list(_via_plugin(social))),
            *([expo()] if social.get("expo") else []),
            *_one_tap(social),
        ),
        **more,
    )


def _one_tap(social: dict[str, Any]) -> Iterator[Plugin]:
    if "oneTap" in social:
        yield one_tap(OneTapOptions(jwks_url=social["jwks"], **_renamed(social["oneTap"])))


def _providers(social: dict[str, Any]) -> Iterator[SocialProvider]:
    for each in social.get("generic", []):
        if each["providerId"] in social.get("viaPlugin", ()):
            continue
        yield GenericOAuth(_config(each))
    for name, each in social.get("social", {}).items():
        yield social_provider(name, **_renamed(each))


def _via_plugin(social: dict[str, Any]) -> Iterator[GenericOAuthConfig]:
    for each in social.get("generic", []):
        if each["providerId"] in social.get("viaPlugin", ()):
            yield _config(each)


def _config(given: dict[str, Any]) -> GenericOAuthConfig:
    return GenericOAuthConfig(**_renamed({"scopes": ["openid", "email", "profile"], **given}))


def _renamed(given: dict[str, Any]) -> dict[str, Any]:
    return {
        RENAMED.get(name, name): tuple(value) if isinstance(value, list) else value
        for name, value in given.items()
    }


def create(environment: dict[str, str]) -> FastAPI:
    """An application with nothing but a Better Auth server."""
    database = Database()
    arguments = DatabaseURL.parse(environment["DATABASE_URL"]).connect_arguments()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await database.open(arguments)
        await auth.migrate()
        yield
        await database.close()

    app = FastAPI(lifespan=lifespan)
    origins = environment["BETTER_AUTH_TRUSTED_ORIGINS"].split(",")
    settings = options(
        json.loads(environment["SOCIAL"]),
        secret=environment["BETTER_AUTH_SECRET"],
        base_url=environment["BETTER_AUTH_URL"],
        trusted_origins=tuple(origins),
    )
    ids: Any = environment.get("BETTER_AUTH_GENERATE_ID")
    settings = replace(
        settings,
        tables=STYLES.get(environment.get("BETTER_AUTH_TABLES", ""), BETTER_AUTH),
        advanced=AdvancedOptions(database=DatabaseOptions(generate_id=ids)),
    )
    auth = BetterAuth(settings, database)
    auth.install(app)
    return app


if "SOCIAL" in os.environ:
    app = create(dict(os.environ))
