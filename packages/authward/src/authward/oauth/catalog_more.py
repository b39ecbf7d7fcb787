"""The second half of the original's social providers."""

from typing import Final

from authward.oauth import special_profiles as special
from authward.oauth.definition import Definition, Json, Options, look_up

_OPENID = ("openid", "profile", "email")
_OPENID_EMAIL = ("openid", "email", "profile")
_NAMES = ("name", "preferred_username")
_LINEAR = "query { viewer { id name email avatarUrl active createdAt updatedAt } }"


def _paypal(options: Options) -> Json:
    return {"sandbox": "sandbox." if options["environment"] == "sandbox" else ""}


def _salesforce(options: Options) -> Json:
    usual = "test" if options["environment"] == "sandbox" else "login"
    return {"login_url": options["login_url"] or f"{usual}.salesforce.com"}


def _without_slash(options: Options) -> Json:
    return {"issuer": options["issuer"].rstrip("/")}


def _if_active(user: Json) -> Json | None:
    return user if user.get("state") == "active" and not user.get("locked") else None


def _if_success(profile: Json) -> Json | None:
    return profile if profile.get("resultcode") == "00" else None


DEFINITIONS: Final = (
    Definition(
        id="dropbox",
        endpoints={
            "authorization": "https://www.dropbox.com/oauth2/authorize",
            "token": "https://api.dropboxapi.com/oauth2/token",
            "user": "https://api.dropboxapi.com/2/users/get_current_account",
        },
        scopes=("account_info.read",),
        subject=("account_id",),
        name=("name.display_name",),
        image=("profile_photo_url",),
        verified="email_verified",
        call={"method": "POST"},
        options={"access_type": None},
        parameters=lambda options, _: {"token_access_type": options["access_type"]},
    ),
    Definition(
        id="kick",
        endpoints={
            "authorization": "https://id.kick.com/oauth/authorize",
            "token": "https://id.kick.com/oauth/token",
            "user": "https://api.kick.com/public/v1/users",
        },
        scopes=("user:read",),
        subject=("user_id",),
        image=("profile_picture",),
        prepare=lambda answer: look_up(answer, "data.0"),
    ),
    Definition(
        id="linear",
        endpoints={
            "authorization": "https://linear.app/oauth/authorize",
            "token": "https://api.linear.app/oauth/token",
            "user": "https://api.linear.app/graphql",
        },
        scopes=("read",),
        subject=("id",),
        image=("avatarUrl",),
        prepare=lambda answer: look_up(answer, "data.viewer"),
        call={"method": "POST", "json": {"query": _LINEAR}},
        pkce=False,
        login_hint=True,
    ),
    Definition(
        id="linkedin",
        endpoints={
            "authorization": "https://www.linkedin.com/oauth/v2/authorization",
            "token": "https://www.linkedin.com/oauth/v2/accessToken",
            "user": "https://api.linkedin.com/v2/userinfo",
        },
        scopes=("profile", "email", "openid"),
        subject=("sub",),
        verified="email_verified",
        pkce=False,
        login_hint=True,
    ),
    Definition(
        id="gitlab",
        endpoints={
            "authorization": "{issuer}/oauth/authorize",
            "token": "{issuer}/oauth/token",
            "user": "{issuer}/api/v4/user",
        },
        scopes=("read_user",),
        subject=("id",),
        name=("name", "username"),
        image=("avatar_url",),
        verified="email_verified",
        prepare=_if_active,
        options={"issuer": "https://gitlab.com"},
        resolve=_without_slash,
        login_hint=True,
    ),
    Definition(
        id="tiktok",
        endpoints={
            "authorization": "https://www.tiktok.com/v2/auth/authorize",
            "token": "https://open.tiktokapis.com/v2/oauth/token/",
            "user": "https://open.tiktokapis.com/v2/user/info/"
            "?fields=open_id,avatar_large_url,display_name,username",
        },
        scopes=("user.info.profile",),
        subject=("data.user.open_id",),
        name=("data.user.display_name", "data.user.username"),
        email=("data.user.email",),
        image=("data.user.avatar_large_url",),
        placeholder_email=True,
        pkce=False,
        sends_verifier=True,
        scope_separator=",",
        client_id_parameter="client_key",
    ),
    Definition(
        id="reddit",
        endpoints={
            "authorization": "https://www.reddit.com/api/v1/authorize",
            "token": "https://www.reddit.com/api/v1/access_token",
            "user": "https://oauth.reddit.com/api/v1/me",
        },
        scopes=("identity",),
        subject=("id",),
        email=(),
        image=(),
        placeholder_email=True,
        amend=special.reddit_user,
        options={"duration": None},
        pkce=False,
        parameters=lambda options, _: {"duration": options["duration"]},
        token_auth="client_secret_basic",  # noqa: S106
        token_headers={"accept": "text/plain"},
    ),
    Definition(
        id="roblox",
        endpoints={
            "authorization": "https://apis.roblox.com/oauth/v1/authorize",
            "token": "https://apis.roblox.com/oauth/v1/token",
            "user": "https://apis.roblox.com/oauth/v1/userinfo",
        },
        scopes=("openid", "profile"),
        subject=("sub",),
        name=("nickname", "preferred_username"),
        email=(),
        placeholder_email=True,
        pkce=False,
        prompt="select_account consent",
    ),
    Definition(
        id="salesforce",
        endpoints={
            "authorization": "https://{login_url}/services/oauth2/authorize",
            "token": "https://{login_url}/services/oauth2/token",
            "user": "https://{login_url}/services/oauth2/userinfo",
        },
        scopes=_OPENID_EMAIL,
        subject=("user_id",),
        image=("photos.picture", "photos.thumbnail"),
        verified="email_verified",
        options={"environment": "production", "login_url": None},
        resolve=_salesforce,
    ),
    Definition(
        id="vk",
        endpoints={
            "authorization": "https://id.vk.com/authorize",
            "token": "https://id.vk.com/oauth2/auth",
            "user": "https://id.vk.com/oauth2/user_info",
        },
        scopes=("email", "phone"),
        subject=("user.user_id",),
        email=("user.email",),
        image=("user.avatar",),
        source=special.vk,
        amend=special.vk_user,
        needs_email=True,
        sends_device_id=True,
    ),
    Definition(
        id="zoom",
        endpoints={
            "authorization": "https://zoom.us/oauth/authorize",
            "token": "https://zoom.us/oauth/token",
            "user": "https://api.zoom.us/v2/users/me",
        },
        subject=("id",),
        name=("display_name",),
        image=("pic_url",),
        amend=lambda profile: {"emailVerified": bool(profile.get("verified"))},
        takes_scopes=False,
    ),
    Definition(
        id="notion",
        endpoints={
            "authorization": "https://api.notion.com/v1/oauth/authorize",
            "token": "https://api.notion.com/v1/oauth/token",
            "user": "https://api.notion.com/v1/users/me",
        },
        subject=("id",),
        email=("person.email",),
        image=("avatar_url",),
        prepare=lambda answer: look_up(answer, "bot.owner.user"),
        call={"headers": {"notion-version": "2022-06-28"}},
        pkce=False,
        login_hint=True,
        fixed=lambda _: {"owner": "user"},
        token_auth="client_secret_basic",  # noqa: S106
        refresh_auth="client_secret_post",
    ),
    Definition(
        id="kakao",
        endpoints={
            "authorization": "https://kauth.kakao.com/oauth/authorize",
            "token": "https://kauth.kakao.com/oauth/token",
            "user": "https://kapi.kakao.com/v2/user/me",
        },
        scopes=("account_email", "profile_image", "profile_nickname"),
        subject=("id",),
        name=("kakao_account.profile.nickname", "kakao_account.name"),
        email=("kakao_account.email",),
        image=(
            "kakao_account.profile.profile_image_url",
            "kakao_account.profile.thumbnail_image_url",
        ),
        amend=special.kakao_user,
        pkce=False,
        login_hint=True,
    ),
    Definition(
        id="naver",
        endpoints={
            "authorization": "https://nid.naver.com/oauth2.0/authorize",
            "token": "https://nid.naver.com/oauth2.0/token",
            "user": "https://openapi.naver.com/v1/nid/me",
        },
        scopes=("profile", "email"),
        subject=("response.id",),
        name=("response.name", "response.nickname"),
        email=("response.email",),
        image=("response.profile_image",),
        prepare=_if_success,
        pkce=False,
    ),
    Definition(
        id="line",
        endpoints={
            "authorization": "https://access.line.me/oauth2/v2.1/authorize",
            "token": "https://api.line.me/oauth2/v2.1/token",
            "user": "https://api.line.me/oauth2/v2.1/userinfo",
            "verify": "https://api.line.me/oauth2/v2.1/verify",
        },
        scopes=_OPENID,
        subject=("sub",),
        source=special.line,
        login_hint=True,
        verify=special.line_verifies,
    ),
    Definition(
        id="paybin",
        endpoints={
            "authorization": "{issuer}/oauth2/authorize",
            "token": "{issuer}/oauth2/token",
        },
        scopes=_OPENID_EMAIL,
        subject=("sub",),
        name=_NAMES,
        verified="email_verified",
        source="id_token",
        options={"issuer": "https://idp.paybin.io"},
        login_hint=True,
        prompt=True,
    ),
    Definition(
        id="paypal",
        endpoints={
            "authorization": "https://www.{sandbox}paypal.com/signin/authorize",
            "token": "https://api-m.{sandbox}paypal.com/v1/oauth2/token",
            "user": "https://api-m.{sandbox}paypal.com/v1/identity/oauth2/userinfo"
            "?schema=paypalv1.1",
        },
        subject=("user_id",),
        verified="email_verified",
        source=special.paypal,
        options={"environment": "sandbox"},
        resolve=_paypal,
        prompt=True,
        takes_scopes=False,
        token_auth="client_secret_basic",  # noqa: S106
    ),
    Definition(
        id="polar",
        endpoints={
            "authorization": "https://polar.sh/oauth2/authorize",
            "token": "https://api.polar.sh/v1/oauth2/token",
            "user": "https://api.polar.sh/v1/oauth2/userinfo",
        },
        scopes=_OPENID,
        subject=("id",),
        name=("public_name", "username"),
        image=("avatar_url",),
        verified="email_verified",
        prompt=True,
    ),
    Definition(
        id="railway",
        endpoints={
            "authorization": "https://backboard.railway.com/oauth/auth",
            "token": "https://backboard.railway.com/oauth/token",
            "user": "https://backboard.railway.com/oauth/me",
        },
        scopes=_OPENID_EMAIL,
        subject=("sub",),
        token_auth="client_secret_basic",  # noqa: S106
    ),
    Definition(
        id="vercel",
        endpoints={
            "authorization": "https://vercel.com/oauth/authorize",
            "token": "https://api.vercel.com/login/oauth/token",
            "user": "https://api.vercel.com/login/oauth/userinfo",
        },
        subject=("sub",),
        name=_NAMES,
        verified="email_verified",
        required=("client_id",),
        refreshes=False,
    ),
    Definition(
        id="wechat",
        endpoints={
            "authorization": "https://open.weixin.qq.com/connect/qrconnect",
            "token": "https://api.weixin.qq.com/sns/oauth2/access_token",
            "refresh": "https://api.weixin.qq.com/sns/oauth2/refresh_token",
            "user": "https://api.weixin.qq.com/sns/userinfo",
        },
        scopes=("snsapi_login",),
        subject=("unionid", "openid"),
        name=("nickname",),
        image=("headimgurl",),
        placeholder_email=True,
        source=special.wechat,
        options={"lang": "cn"},
        pkce=False,
        parameters=lambda options, _: {"lang": options["lang"]},
        scope_separator=",",
        client_id_parameter="appid",
        fragment="wechat_redirect",
        token_by_query=True,
    ),
)
