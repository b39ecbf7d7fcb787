"""Profiles as the providers' documentation shows them: what each tells of a user.

`answers` are those of its endpoints by name, `claims` those of the ID token, `options` those that
it cannot do without, `sparse` what is there of somebody who tells as little as possible.
"""

from typing import Any, Final

_OIDC = {
    "sub": "s-1",
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "email_verified": True,
    "picture": "https://img.example/a.png",
}
_BARE = {"sub": "s-2", "email": "bare@example.com"}


def _user(profile: Any) -> dict[str, Any]:
    return {"user": profile}


CASES: Final[dict[str, dict[str, Any]]] = {
    "apple": {
        "claims": _OIDC | {"email_verified": "true"},
        "sparse": _BARE,
        "user": {"name": {"firstName": "Ada", "lastName": "King"}},
    },
    "atlassian": {
        "answers": _user(
            {"account_id": "a1", "name": "Ada", "email": "a@b.example", "picture": "https://p/1"}
        ),
        "sparse": _user({"account_id": "a2", "email": "c@b.example"}),
    },
    "cloudflare": {
        "answers": _user(
            {
                "success": True,
                "result": {
                    "id": "c1",
                    "email": "a@b.example",
                    "first_name": "Ada",
                    "last_name": "L",
                },
            }
        ),
        "sparse": _user({"success": True, "result": {"id": "c2", "email": "c@b.example"}}),
    },
    "cognito": {
        "options": {"domain": "https://pool.example", "region": "eu-1", "user_pool_id": "p_1"},
        "claims": _OIDC,
        "sparse": _BARE | {"username": "bare"},
    },
    "discord": {
        "answers": _user(
            {
                "id": "80351110224678912",
                "username": "ada",
                "discriminator": "0",
                "global_name": "Ada",
                "avatar": "a_8342729096ea3675442027381ff50dfe",
                "verified": True,
                "email": "a@b.example",
            }
        ),
        "sparse": _user(
            {
                "id": "80351110224678912",
                "username": "ada",
                "discriminator": "1337",
                "avatar": None,
                "email": "c@b.example",
                "verified": False,
            }
        ),
    },
    "facebook": {
        "answers": {
            "debug": {"data": {"is_valid": True, "app_id": "the-client", "user_id": "f1"}},
            "user": {
                "id": "f1",
                "name": "Ada",
                "email": "a@b.example",
                "picture": {"data": {"url": "https://p/f"}},
            },
        },
        "sparse": {
            "debug": {"data": {"is_valid": True, "app_id": "another", "user_id": "f1"}},
            "user": {"id": "f1", "name": "Ada", "picture": {"data": {"url": "https://p/f"}}},
        },
    },
    "figma": {
        "answers": _user(
            {"id": "9", "handle": "ada", "email": "a@b.example", "img_url": "https://p/g"}
        ),
        "sparse": _user({"id": "9", "email": "a@b.example"}),
    },
    "github": {
        "answers": {
            "user": {"id": 7, "login": "ada", "name": None, "avatar_url": "https://p/h"},
            "emails": [
                {"email": "old@b.example", "primary": False, "verified": True},
                {"email": "a@b.example", "primary": True, "verified": True},
            ],
        },
        "sparse": {"user": {"id": 7, "login": "ada", "email": "a@b.example"}, "emails": []},
    },
    "microsoft": {
        "claims": _OIDC
        | {"oid": "o-1", "tid": "t-1", "verified_primary_email": ["ada@example.com"]},
        "sparse": {"oid": "o-2", "tid": "t-1", "sub": "s-2", "email": "b@example.com"},
    },
    "google": {"claims": _OIDC, "sparse": _BARE},
    "huggingface": {
        "answers": _user(_OIDC | {"preferred_username": "ada"}),
        "sparse": _user(_BARE | {"preferred_username": "bare"}),
    },
    "slack": {
        "answers": _user(_OIDC | {"https://slack.com/user_id": "U1"}),
        "sparse": _user(
            _BARE
            | {"https://slack.com/user_id": "U2", "https://slack.com/user_image_512": "https://p/s"}
        ),
    },
    "spotify": {
        "answers": _user(
            {
                "id": "sp",
                "display_name": "Ada",
                "email": "a@b.example",
                "images": [{"url": "https://p/i"}],
            }
        ),
        "sparse": _user({"id": "sp", "display_name": None, "email": "a@b.example", "images": []}),
    },
    "twitch": {"claims": _OIDC | {"preferred_username": "ada"}, "sparse": _BARE},
    "twitter": {
        "answers": {
            "user": {"data": {"id": "t1", "name": "Ada", "profile_image_url": "https://p/x"}},
            "email": {"data": {"confirmed_email": "a@b.example"}},
        },
        "sparse": {"user": {"data": {"id": "t2", "name": "Ada", "username": "ada"}}},
    },
    "dropbox": {
        "answers": _user(
            {
                "account_id": "dbid:1",
                "name": {"display_name": "Ada"},
                "email": "a@b.example",
                "email_verified": True,
                "profile_photo_url": "https://p/d",
            }
        ),
        "sparse": _user({"account_id": "dbid:2", "email": "a@b.example"}),
    },
    "kick": {
        "answers": _user(
            {
                "data": [
                    {
                        "user_id": 12,
                        "name": "ada",
                        "email": "a@b.example",
                        "profile_picture": "https://p/k",
                    }
                ]
            }
        ),
        "sparse": _user({"data": [{"user_id": 13, "email": "a@b.example"}]}),
    },
    "linear": {
        "answers": _user(
            {
                "data": {
                    "viewer": {
                        "id": "l1",
                        "name": "Ada",
                        "email": "a@b.example",
                        "avatarUrl": "https://p/l",
                    }
                }
            }
        ),
        "sparse": _user({"data": {}}),
    },
    "linkedin": {"answers": _user(_OIDC), "sparse": _user(_BARE)},
    "gitlab": {
        "answers": _user(
            {
                "id": 5,
                "name": "Ada",
                "username": "ada",
                "state": "active",
                "email": "a@b.example",
                "email_verified": True,
                "avatar_url": "https://p/gl",
            }
        ),
        "sparse": _user({"id": 5, "username": "ada", "state": "blocked", "email": "a@b.example"}),
    },
    "tiktok": {
        "answers": _user(
            {
                "data": {
                    "user": {
                        "open_id": "tt1",
                        "display_name": "Ada",
                        "avatar_large_url": "https://p/t",
                    }
                }
            }
        ),
        "sparse": _user({"data": {"user": {"open_id": "tt2", "username": "ada"}}}),
    },
    "reddit": {
        "answers": _user({"id": "r1", "name": "ada", "icon_img": "https://p/r.png?width=1&s=2"}),
        "sparse": _user({"id": "r2", "name": "ada"}),
    },
    "roblox": {
        "answers": _user({"sub": "12", "nickname": "Ada", "picture": "https://p/rb"}),
        "sparse": _user({"sub": "13", "preferred_username": "ada"}),
    },
    "salesforce": {
        "answers": _user(
            {
                "user_id": "sf1",
                "name": "Ada",
                "email": "a@b.example",
                "email_verified": True,
                "photos": {"picture": "", "thumbnail": "https://p/sf"},
            }
        ),
        "sparse": _user({"user_id": "sf2", "email": "a@b.example"}),
    },
    "vk": {
        "answers": _user(
            {
                "user": {
                    "user_id": "v1",
                    "first_name": "Ada",
                    "last_name": "L",
                    "email": "a@b.example",
                    "avatar": "https://p/v",
                    "sex": 1,
                    "birthday": "10.12.1815",
                }
            }
        ),
        "sparse": _user({"user": {"user_id": "v2", "first_name": "A", "last_name": "L"}}),
    },
    "zoom": {
        "answers": _user(
            {
                "id": "z1",
                "display_name": "Ada",
                "email": "a@b.example",
                "pic_url": "https://p/z",
                "verified": 1,
            }
        ),
        "sparse": _user({"id": "z2", "email": "a@b.example", "verified": 0}),
    },
    "notion": {
        "answers": _user(
            {
                "bot": {
                    "owner": {
                        "user": {
                            "id": "n1",
                            "name": "Ada",
                            "avatar_url": "https://p/n",
                            "person": {"email": "a@b.example"},
                        }
                    }
                }
            }
        ),
        "sparse": _user({"bot": {"owner": {"workspace": True}}}),
    },
    "kakao": {
        "answers": _user(
            {
                "id": 123456789,
                "kakao_account": {
                    "email": "a@b.example",
                    "is_email_valid": True,
                    "is_email_verified": True,
                    "profile": {"nickname": "Ada", "thumbnail_image_url": "https://p/kk"},
                },
            }
        ),
        "sparse": _user({"id": 5, "kakao_account": {"name": "A", "is_email_verified": True}}),
    },
    "naver": {
        "answers": _user(
            {
                "resultcode": "00",
                "response": {
                    "id": "nv",
                    "nickname": "ada",
                    "email": "a@b.example",
                    "profile_image": "https://p/nv",
                },
            }
        ),
        "sparse": _user({"resultcode": "024", "response": {"id": "nv"}}),
    },
    "line": {"claims": _OIDC, "sparse": _user(_BARE)},
    "paybin": {"claims": _OIDC, "sparse": _BARE | {"preferred_username": "bare"}},
    "paypal": {
        "answers": _user(_OIDC | {"user_id": "s-1"}),
        "sparse": _user({"user_id": "s-2", "email": "a@b.example"}),
    },
    "polar": {
        "answers": _user(
            {
                "id": "po",
                "public_name": "Ada",
                "email": "a@b.example",
                "email_verified": True,
                "avatar_url": "https://p/po",
            }
        ),
        "sparse": _user({"id": "po", "username": "ada", "email": "a@b.example"}),
    },
    "railway": {"answers": _user(_OIDC), "sparse": _user(_BARE)},
    "vercel": {
        "answers": _user(_OIDC),
        "sparse": _user(_BARE | {"preferred_username": "bare"}),
    },
    "wechat": {
        "token": {"openid": "w-open", "scope": "snsapi_login"},
        "answers": _user(
            {"openid": "w-open", "unionid": "w-1", "nickname": "Ada", "headimgurl": "https://p/w"}
        ),
        "sparse": _user({"openid": "w-open", "nickname": "Ada"}),
    },
}
"""Both `answers` and `sparse` of a provider with ID tokens may be claims."""
