"""The original's social providers as data, in the order of its list; `KnownProvider` runs them."""

from typing import Any, Final

from authward.oauth import special_profiles as special
from authward.oauth.catalog_more import DEFINITIONS as MORE
from authward.oauth.definition import (
    FOUND_VERIFIED,
    Definition,
    IdTokenRules,
    Json,
    Options,
    look_up,
)

_OPENID = ("openid", "profile", "email")
_NAMES = ("name", "preferred_username")


def _cleaned(options: Options) -> Json:
    return {"domain": options["domain"].removeprefix("https://").removeprefix("http://")}


def _without_slash(name: str) -> Any:
    return lambda options: {name: options[name].rstrip("/")}


def _tenant_issuer(options: Options) -> tuple[str, ...]:
    if options["tenant_id"] in {"common", "organizations", "consumers"}:
        return ()
    return (f"{options['authority']}/{options['tenant_id']}/v2.0",)


def _result(answer: Json) -> Json | None:
    return look_up(answer, "result") if answer.get("success") else None


def _hosted_domain(claims: Any, options: Options) -> bool:
    wanted, domain = options["hd"], claims.get("hd")
    return not wanted or (isinstance(domain, str) and bool(domain) and wanted in {"*", domain})


GOOGLE_ID_TOKENS: Final = IdTokenRules(
    issuers=lambda _: ("https://accounts.google.com", "accounts.google.com"),
    is_allowed=_hosted_domain,
)


def _google_parameters(options: Options, _: tuple[str, ...]) -> dict[str, str | None]:
    more = {"include_granted_scopes": "true"} if options["include_granted_scopes"] else {}
    named = ("hd", "access_type", "display")
    return {**{name: options[name] for name in named}, **more}


def _discord_parameters(options: Options, scopes: tuple[str, ...]) -> dict[str, str | None]:
    wanted = options["permissions"]
    return {"permissions": None if "bot" not in scopes or wanted is None else str(wanted)}


_FIRST: Final = (
    Definition(
        id="apple",
        endpoints={
            "authorization": "https://appleid.apple.com/auth/authorize",
            "token": "https://appleid.apple.com/auth/token",
            "jwks": "https://appleid.apple.com/auth/keys",
        },
        scopes=("email", "name"),
        subject=("sub",),
        image=(),
        verified="email_verified",
        source=special.apple,
        options={"audience": (), "app_bundle_identifier": None},
        parameters=lambda *_: {"response_mode": "form_post", "response_type": "code id_token"},
        id_token=IdTokenRules(
            issuers=lambda _: ("https://appleid.apple.com",),
            hashed_nonce=True,
            audiences=("audience", "app_bundle_identifier"),
        ),
    ),
    Definition(
        id="atlassian",
        endpoints={
            "authorization": "https://auth.atlassian.com/authorize",
            "token": "https://auth.atlassian.com/oauth/token",
            "user": "https://api.atlassian.com/me",
        },
        scopes=("read:jira-user", "offline_access"),
        subject=("account_id",),
        prompt=True,
        fixed=lambda _: {"audience": "api.atlassian.com"},
    ),
    Definition(
        id="cloudflare",
        endpoints={
            "authorization": "https://dash.cloudflare.com/oauth2/auth",
            "token": "https://dash.cloudflare.com/oauth2/token",
            "user": "https://api.cloudflare.com/client/v4/user",
        },
        scopes=("user-details.read",),
        subject=("id",),
        image=(),
        prepare=_result,
        amend=special.cloudflare_user,
        required=("client_id",),
        additional=False,
        token_auth="client_secret_basic",  # noqa: S106
    ),
    Definition(
        id="cognito",
        endpoints={
            "authorization": "https://{domain}/oauth2/authorize",
            "token": "https://{domain}/oauth2/token",
            "user": "https://{domain}/oauth2/userinfo",
            "jwks": "https://cognito-idp.{region}.amazonaws.com/{user_pool_id}/.well-known/jwks.json",
        },
        scopes=_OPENID,
        subject=("sub",),
        verified="email_verified",
        source=special.cognito,
        prepare=special.cognito_name,
        options={
            "domain": None,
            "region": None,
            "user_pool_id": None,
            "identity_provider": None,
            "require_client_secret": False,
        },
        required=("client_id", "domain", "region", "user_pool_id"),
        resolve=_cleaned,
        prompt=True,
        parameters=lambda options, _: {"identity_provider": options["identity_provider"]},
        id_token=IdTokenRules(
            issuers=lambda o: (
                f"https://cognito-idp.{o['region']}.amazonaws.com/{o['user_pool_id']}",
            )
        ),
        scope_last=True,
    ),
    Definition(
        id="discord",
        endpoints={
            "authorization": "https://discord.com/api/oauth2/authorize",
            "token": "https://discord.com/api/oauth2/token",
            "user": "https://discord.com/api/users/@me",
        },
        scopes=("identify", "email"),
        subject=("id",),
        name=("global_name", "username"),
        image=("image_url",),
        verified="verified",
        prepare=special.discord_picture,
        options={"permissions": None},
        pkce=False,
        prompt="none",
        parameters=_discord_parameters,
        request_scopes_first=True,
    ),
    Definition(
        id="facebook",
        endpoints={
            "authorization": "https://www.facebook.com/v24.0/dialog/oauth",
            "token": "https://graph.facebook.com/v24.0/oauth/access_token",
            "user": "https://graph.facebook.com/me",
            "debug": "https://graph.facebook.com/debug_token",
            "jwks": "https://limited.facebook.com/.well-known/oauth/openid/jwks/",
        },
        scopes=("email", "public_profile"),
        subject=("sub", "id"),
        image=("picture.data.url", "picture"),
        source=special.facebook,
        amend=lambda profile: {
            "emailVerified": "sub" not in profile and profile.get("email_verified", False)
        },
        options={"config_id": None, "fields": ()},
        pkce=False,
        login_hint=True,
        parameters=lambda options, _: {"config_id": options["config_id"]},
        id_token=IdTokenRules(
            issuers=lambda _: ("https://www.facebook.com",), max_age=None, opaque=True
        ),
    ),
    Definition(
        id="figma",
        endpoints={
            "authorization": "https://www.figma.com/oauth",
            "token": "https://api.figma.com/v1/oauth/token",
            "user": "https://api.figma.com/v1/me",
        },
        scopes=("current_user:read",),
        subject=("id",),
        name=("handle",),
        image=("img_url",),
        token_auth="client_secret_basic",  # noqa: S106
    ),
    Definition(
        id="github",
        endpoints={
            "authorization": "https://github.com/login/oauth/authorize",
            "token": "https://github.com/login/oauth/access_token",
            "user": "https://api.github.com/user",
            "emails": "https://api.github.com/user/emails",
        },
        scopes=("read:user", "user:email"),
        subject=("id",),
        name=("name", "login"),
        image=("avatar_url",),
        verified=FOUND_VERIFIED,
        source=special.github,
        login_hint=True,
        prompt=True,
    ),
    Definition(
        id="microsoft",
        endpoints={
            "authorization": "{authority}/{tenant_id}/oauth2/v2.0/authorize",
            "token": "{authority}/{tenant_id}/oauth2/v2.0/token",
            "photo": "https://graph.microsoft.com/v1.0/me/photos/"
            "{profile_photo_size}x{profile_photo_size}/$value",
            "jwks": "{authority}/{tenant_id}/discovery/v2.0/keys",
        },
        scopes=("openid", "profile", "email", "User.Read", "offline_access"),
        subject=("oid",),
        source=special.microsoft,
        amend=special.microsoft_user,
        options={
            "tenant_id": "common",
            "authority": "https://login.microsoftonline.com",
            "profile_photo_size": 48,
            "disable_profile_photo": False,
        },
        required=("client_id",),
        resolve=_without_slash("authority"),
        login_hint=True,
        prompt=True,
        refreshes_scopes=True,
        id_token=IdTokenRules(issuers=_tenant_issuer, is_allowed=special.microsoft_allows),
    ),
    Definition(
        id="google",
        endpoints={
            "authorization": "https://accounts.google.com/o/oauth2/v2/auth",
            "token": "https://oauth2.googleapis.com/token",
            "jwks": "https://www.googleapis.com/oauth2/v3/certs",
        },
        scopes=("email", "profile", "openid"),
        subject=("sub",),
        verified="email_verified",
        source="id_token",
        options={"hd": None, "access_type": None, "display": None, "include_granted_scopes": True},
        login_hint=True,
        prompt=True,
        parameters=_google_parameters,
        id_token=GOOGLE_ID_TOKENS,
    ),
    Definition(
        id="huggingface",
        endpoints={
            "authorization": "https://huggingface.co/oauth/authorize",
            "token": "https://huggingface.co/oauth/token",
            "user": "https://huggingface.co/oauth/userinfo",
        },
        scopes=_OPENID,
        subject=("sub",),
        name=_NAMES,
        verified="email_verified",
    ),
    Definition(
        id="slack",
        endpoints={
            "authorization": "https://slack.com/openid/connect/authorize",
            "token": "https://slack.com/api/openid.connect.token",
            "user": "https://slack.com/api/openid.connect.userInfo",
        },
        scopes=_OPENID,
        subject=("https://slack.com/user_id",),
        image=("picture", "https://slack.com/user_image_512"),
        verified="email_verified",
        pkce=False,
        request_scopes_first=True,
    ),
    Definition(
        id="spotify",
        endpoints={
            "authorization": "https://accounts.spotify.com/authorize",
            "token": "https://accounts.spotify.com/api/token",
            "user": "https://api.spotify.com/v1/me",
        },
        scopes=("user-read-email",),
        subject=("id",),
        name=("display_name",),
        image=("images.0.url",),
    ),
    Definition(
        id="twitch",
        endpoints={
            "authorization": "https://id.twitch.tv/oauth2/authorize",
            "token": "https://id.twitch.tv/oauth2/token",
        },
        scopes=("user:read:email", "openid"),
        subject=("sub",),
        name=("preferred_username",),
        verified="email_verified",
        source="id_token",
        options={"claims": ("preferred_username", "picture")},
        pkce=False,
        parameters=special.twitch_claims,
    ),
    Definition(
        id="twitter",
        endpoints={
            "authorization": "https://x.com/i/oauth2/authorize",
            "token": "https://api.x.com/2/oauth2/token",
            "user": "https://api.x.com/2/users/me?user.fields=profile_image_url",
            "email": "https://api.x.com/2/users/me?user.fields=confirmed_email",
        },
        scopes=("users.read", "tweet.read", "offline.access", "users.email"),
        subject=("data.id",),
        name=("data.name",),
        email=("data.email",),
        image=("data.profile_image_url",),
        verified=FOUND_VERIFIED,
        placeholder_email=True,
        source=special.twitter,
        token_auth="client_secret_basic",  # noqa: S106
    ),
)

CATALOG: Final = {definition.id: definition for definition in (*_FIRST, *MORE)}
"""Every provider by its id."""
