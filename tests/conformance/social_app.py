"""A Better Auth server with any social providers: SOCIAL has the options in the original's words.

Taskward's own settings know one provider of each kind and no rules for linking; this application
has what the package offers, and shows that the package can be mounted without Taskward.
"""

import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from taskward.auth import BetterAuth, BetterAuthOptions
from taskward.auth.options import AccountLinking
from taskward.auth.social import GitHub, Google, OpenIDConnect, SocialProvider
from taskward.database import Database
from taskward.database_url import DatabaseURL
from taskward.migrations import migrate

RENAMED = {
    "clientId": "client_id",
    "clientSecret": "client_secret",
    "providerId": "provider_id",
    "discoveryUrl": "discovery_url",
    "scopes": "scope",
    "disableSignUp": "disable_sign_up",
    "disableImplicitSignUp": "disable_implicit_sign_up",
    "disableIdTokenSignIn": "disable_id_token_sign_in",
    "overrideUserInfo": "override_user_info_on_sign_in",
    "overrideUserInfoOnSignIn": "override_user_info_on_sign_in",
    "accessType": "access_type",
    "hd": "hosted_domain",
    "enabled": "enabled",
    "trustedProviders": "trusted_providers",
    "allowDifferentEmails": "allow_different_emails",
    "allowUnlinkingAll": "allow_unlinking_all",
    "disableImplicitLinking": "disable_implicit_linking",
    "requireLocalEmailVerified": "require_local_email_verified",
    "updateUserInfoOnLink": "update_user_info_on_link",
}


def options(social: dict[str, Any], **more: Any) -> BetterAuthOptions:
    """Our options for the original's."""
    return BetterAuthOptions(
        social_providers=tuple(_providers(social)),
        account_linking=AccountLinking(
            **_renamed(social.get("account", {}).get("accountLinking", {}))
        ),
        rate_limit=False,
        **more,
    )


def _providers(social: dict[str, Any]) -> Iterator[SocialProvider]:
    for each in social.get("generic", []):
        yield OpenIDConnect(**_renamed(each))
    kinds = {"github": GitHub, "google": Google}
    for name, each in social.get("social", {}).items():
        yield kinds[name](**_renamed(each))


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
        await migrate(arguments)
        await database.open(arguments)
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
    BetterAuth(settings, database).install(app)
    return app


if "SOCIAL" in os.environ:
    app = create(dict(os.environ))
