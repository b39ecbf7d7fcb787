"""Profiles that take more than one request, or a computation, to read."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from authward.oauth.definition import FOUND_VERIFIED, Api, Json, Options, first, look_up
from authward.oauth.errors import ProviderError
from authward.oauth.provider import Tokens, to_bool

CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""Microsoft's tenant of all personal accounts."""
_JWT_PARTS = 3


async def github(api: Api, tokens: Tokens) -> Json | None:
    """The list of addresses says which one is verified; without its scope none is."""
    user = await api.call("user", tokens)
    if not isinstance(user, dict):
        return None
    try:
        listed = await api.call("emails", tokens)
    except ProviderError:
        listed = []
    emails = [each for each in listed if _has_email(each)] if isinstance(listed, list) else []
    primary = [each for each in emails if each.get("primary") is True] or emails
    email = user.get("email") or (primary[0]["email"] if primary else None)
    own = [each for each in emails if each["email"] == email]
    return {**user, "email": email, FOUND_VERIFIED: bool(own and own[0].get("verified") is True)}


async def twitter(api: Api, tokens: Tokens) -> Json | None:
    """The address is told apart, to those who have the scope for it."""
    profile = await api.call("user", tokens)
    try:
        confirmed = look_up(await api.call("email", tokens), "data.confirmed_email")
    except ProviderError:
        confirmed = None
    if not isinstance(profile, dict) or not isinstance(profile.get("data"), dict):
        return None
    if not confirmed:
        return profile
    return {**profile, "data": {**profile["data"], "email": confirmed}, FOUND_VERIFIED: True}


async def facebook(api: Api, tokens: Tokens) -> Json | None:
    """A token for another app would be taken by the profile's endpoint; so its app is asked for."""
    if tokens.id_token and is_jwt(tokens.id_token):
        return api.claims(tokens)
    if tokens.access_token is None:
        return None
    inspected = {
        "input_token": tokens.access_token,
        "access_token": f"{api.client_ids[0]}|{api.client_secret}",
    }
    about = look_up(await api.call("debug", params=inspected), "data") or {}
    if about.get("is_valid") is not True or about.get("app_id") not in api.client_ids:
        return None
    fields = ",".join(["id", "name", "email", "picture", *api.options["fields"]])
    profile = await api.call("user", tokens, params={"fields": fields})
    same = isinstance(profile, dict) and bool(about.get("user_id"))
    return profile if same and profile.get("id") == about["user_id"] else None


async def microsoft(api: Api, tokens: Tokens) -> Json | None:
    """The picture is in the Graph, and may be missing there."""
    claims = api.claims(tokens)
    if claims is None or not isinstance(claims.get("oid"), str) or not claims["oid"].strip():
        return None
    if api.options["disable_profile_photo"] or not tokens.access_token:
        return claims
    photo = await api.content("photo", tokens)
    if photo is None:
        return claims
    text = base64.b64encode(photo).decode()
    return {**claims, "picture": f"data:image/jpeg;base64, {text}"}


def microsoft_user(profile: Json) -> Json:
    """An address counts as verified if a claim says so, or one of the lists has it."""
    if "email_verified" in profile:
        return {"emailVerified": to_bool(profile["email_verified"])}
    email, lists = profile.get("email"), ("verified_primary_email", "verified_secondary_email")
    return {"emailVerified": bool(email) and any(email in profile.get(n, ()) for n in lists)}


def microsoft_allows(claims: Mapping[str, Any], options: Options) -> bool:
    """The issuer must be the tenant of the token, and the tenant of the kind that is wanted."""
    tenant, wanted = claims.get("tid"), options["tenant_id"]
    if not isinstance(tenant, str) or claims.get("iss") != f"{options['authority']}/{tenant}/v2.0":
        return False
    personal = tenant == CONSUMERS
    return not (wanted == "organizations" and personal) and (wanted != "consumers" or personal)


async def apple(api: Api, tokens: Tokens) -> Json | None:
    """The name comes beside the code, once, and not in the ID token."""
    claims = api.claims(tokens)
    if claims is None:
        return None
    names = look_up(tokens.user, "name")
    if not isinstance(names, dict) or not names:
        return {**claims, "name": claims.get("name") or ""}
    parts = [str(names.get(part) or "") for part in ("firstName", "lastName")]
    return {**claims, "name": " ".join(parts).strip()}


async def cognito(api: Api, tokens: Tokens) -> Json | None:
    """The ID token has the profile; without one the endpoint has it."""
    return api.claims(tokens) or await api.call("user", tokens)


async def line(api: Api, tokens: Tokens) -> Json | None:
    """The ID token has the profile; without one the endpoint has it."""
    return api.claims(tokens) or await api.call("user", tokens)


async def line_verifies(api: Api, token: str, nonce: str | None) -> bool:
    """LINE signs with a shared secret, so LINE is asked."""
    form = {"id_token": token, "client_id": api.client_ids[0]}
    claims = await api.call("verify", data=form | ({"nonce": nonce} if nonce else {}))
    if not isinstance(claims, dict) or claims.get("aud") != api.client_ids[0]:
        return False
    return claims.get("nonce") == nonce if nonce else not claims.get("nonce")


async def paypal(api: Api, tokens: Tokens) -> Json | None:
    """The profile must be that of the ID token, if there is one."""
    profile = await api.call("user", tokens, headers={"accept": "application/json"})
    if not isinstance(profile, dict):
        return None
    if not tokens.id_token:
        return profile
    subject = (api.claims(tokens) or {}).get("sub")
    same = subject and subject == profile.get("sub", profile.get("user_id"))
    return profile if same else None


async def vk(api: Api, tokens: Tokens) -> Json | None:
    """The access token is part of the form."""
    form = {"access_token": tokens.access_token or "", "client_id": api.client_ids[0]}
    profile: Json | None = await api.call("user", data=form)
    return profile


def vk_user(profile: Json) -> Json:
    """Parts of the name, for fields that the application may have added."""
    user = profile.get("user") or {}
    more = {name: user.get(name) for name in ("first_name", "last_name", "birthday", "sex")}
    return {**more, "name": f"{user.get('first_name', '')} {user.get('last_name', '')}".strip()}


async def wechat(api: Api, tokens: Tokens) -> Json | None:
    """The account's name came with the tokens."""
    if not tokens.raw.get("openid"):
        return None
    query = {
        "access_token": tokens.access_token or "",
        "openid": tokens.raw["openid"],
        "lang": "zh_CN",
    }
    profile = await api.call("user", params=query)
    if not isinstance(profile, dict) or profile.get("errcode"):
        return None
    return {"openid": tokens.raw["openid"], **profile}


def cognito_name(profile: Json) -> Json:
    """Where there is no name, the first name or that of the account is."""
    name = first(profile, ("name", "given_name", "username"))
    return {**profile, "name": name} if name else profile


def discord_picture(profile: Json) -> Json:
    """The picture's address follows from its hash, or from the account where there is none."""
    account, avatar = str(profile.get("id")), profile.get("avatar")
    if isinstance(avatar, str):
        kind = "gif" if avatar.startswith("a_") else "png"
        url = f"https://cdn.discordapp.com/avatars/{account}/{avatar}.{kind}"
        return {**profile, "image_url": url}
    old = str(profile.get("discriminator") or "0")
    number = int(account) >> 22 if old == "0" else int(old)
    of = 6 if old == "0" else 5
    url = f"https://cdn.discordapp.com/embed/avatars/{number % of}.png"
    return {**profile, "image_url": url}


def kakao_user(profile: Json) -> Json:
    """An address counts as verified if it is still valid as well."""
    account = profile.get("kakao_account") or {}
    checks = (account.get("is_email_valid"), account.get("is_email_verified"))
    return {"emailVerified": all(bool(check) for check in checks)}


def reddit_user(profile: Json) -> Json:
    """The picture's address without its signed size."""
    icon = profile.get("icon_img")
    return {"image": icon.split("?")[0]} if isinstance(icon, str) else {}


def cloudflare_user(profile: Json) -> Json:
    """First and last name, or the address."""
    names = [profile.get("first_name"), profile.get("last_name")]
    return {"name": " ".join(name for name in names if name) or profile.get("email")}


def twitch_claims(options: Options, _: tuple[str, ...]) -> dict[str, str | None]:
    """Twitch puts only those claims into an ID token that are asked for."""
    named = ["email", "email_verified", *options["claims"]]
    claims = {"id_token": dict.fromkeys(named)}
    return {"claims": json.dumps(claims, separators=(",", ":"))}


def is_jwt(token: str) -> bool:
    """Whether it has the three parts of a signed token."""
    return token.count(".") == _JWT_PARTS - 1


def _has_email(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("email"), str) and bool(entry["email"])
