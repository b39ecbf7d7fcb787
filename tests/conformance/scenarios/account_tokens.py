"""POST /get-access-token, POST /refresh-token, GET /account-info."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from tests.conformance.model import (
    WRONG_TYPES,
    Call,
    Scenario,
    Sql,
    Step,
    email,
    get,
    post,
    scenario,
    session,
    signed_up,
)

from .social import back, begin, script

ACCESS: Final = "/get-access-token"
REFRESH: Final = "/refresh-token"
INFO: Final = "/account-info"
LATE: Final = """
    update account set "accessTokenExpiresAt" = now() + interval '4 seconds'
    where "accountId" = $1
"""
BROKEN: Final = """update account set "refreshToken" = 'gone' where "accountId" = $1"""
NO_ACCESS: Final = """update account set "accessToken" = null where "accountId" = $1"""
NO_REFRESH: Final = """update account set "refreshToken" = null where "accountId" = $1"""
UNKNOWN: Final = """update account set "providerId" = 'other' where "accountId" = $1"""
SUBJECT: Final = "ada-<<here>>"
NEW: Final = {"access_token": "second", "expires_in": 7200, "refresh_token": None}
AGAIN: Final = {"access_token": "third", "id_token": None}


def _token(next_answer: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What the provider grants, with a refresh token that says what it will grant next."""
    refresh = json.dumps({"token": next_answer, "claims": {"sub": SUBJECT, "email": email()}})
    return {"refresh_token": refresh, "expires_in": 3600, "scope": "openid email", **more}


def _comes(token: dict[str, Any], **claims: Any) -> list[Step]:
    """Ada signs in by the provider, and asks for her accounts."""
    given = replace(script(**claims), token=token)
    accounts = get("/list-accounts", "her accounts", cookie="<<ada.cookie>>", save="accounts")
    return [begin(), back(given, save="ada"), accounts]


def _all(
    label: str, cookie: str = "<<ada.cookie>>", account: str = "<<accounts.0.id>>"
) -> list[Step]:
    chosen = {"accountId": account}
    return [
        post(ACCESS, f"{label}: the access token", json=chosen, cookie=cookie),
        get(f"{INFO}?accountId={account}", f"{label}: the profile", cookie=cookie),
        post(REFRESH, f"{label}: a new one", json=chosen, cookie=cookie),
    ]


def _bodies() -> Iterator[Call]:
    bodies: dict[str, Any] = {
        **WRONG_TYPES,
        "both": {"accountId": "x", "useAccountCookie": True},
        "unknown": {"accountId": "x", "more": 1},
        "provider": {"providerId": "fake"},
        "NUL": {"accountId": "\0"},
        "user": {"accountId": "x", "userId": "y"},
        "no cookie": {"useAccountCookie": True},
    }
    for name in ("accountId", "useAccountCookie"):
        bodies |= {f"{name} is {kind}": {name: value} for kind, value in WRONG_TYPES.items()}
    bodies |= {
        f"userId is {kind}": {"accountId": "x", "userId": value}
        for kind, value in WRONG_TYPES.items()
    }
    for path in (ACCESS, REFRESH):
        for kind, body in bodies.items():
            yield post(path, f"{path}: {kind}", json=body, cookie="<<ada.cookie>>")
    queries = ("", "accountId=", "accountId=x", "accountId=x&accountId=y", "userId=x")
    more = ("useAccountCookie=true", "accountId=x&userId=y", "accountId=x&more=1", "accountId=%00")
    for query in (*queries, *more):
        yield get(f"{INFO}?{query}", f"profile: {query}", cookie="<<ada.cookie>>")


def _of(setting: str) -> list[Scenario]:
    return [
        scenario(
            f"tokens of a provider ({setting})",
            _comes(_token(NEW)),
            _all("at first"),
            _all("afterwards"),
            session(),
            setting=setting,
        ),
        scenario(
            f"an access token is refreshed when it is over ({setting})",
            _comes(_token(NEW)),
            Sql(LATE, (SUBJECT,)),
            _all("over")[:2],
            Sql(LATE, (SUBJECT,)),
            _all("over again"),
            _comes(_token(AGAIN)),
            Sql(LATE, (SUBJECT,)),
            _all("no time given")[:1],
            _all("no time given"),
            setting=setting,
        ),
        scenario(
            f"a provider that refuses to refresh ({setting})",
            _comes(_token(NEW)),
            Sql(BROKEN, (SUBJECT,)),
            _all("in time"),
            Sql(LATE, (SUBJECT,)),
            _all("over"),
            Sql(NO_REFRESH, (SUBJECT,)),
            _all("no refresh token"),
            Sql(NO_ACCESS, (SUBJECT,)),
            _all("no access token"),
            Sql(UNKNOWN, (SUBJECT,)),
            _all("an unknown provider"),
            setting=setting,
        ),
        scenario(
            f"an account of somebody else, or with a password ({setting})",
            _comes(_token(NEW)),
            _all("nobody", cookie="x=1"),
            signed_up("bob"),
            _all("bob", cookie="<<bob.cookie>>"),
            get("/list-accounts", "bob's accounts", cookie="<<bob.cookie>>", save="accounts"),
            _all("a password", cookie="<<bob.cookie>>"),
            post(
                ACCESS, "elsewhere", json={}, cookie="<<ada.cookie>>", origin="https://evil.example"
            ),
            setting=setting,
        ),
        scenario(f"selections that are none ({setting})", signed_up(), _bodies(), setting=setting),
    ]


SCENARIOS = [
    *_of("social"),
    *_of("lax social"),
    scenario(
        "the account of the cookie",
        begin(save="b"),
        back(replace(script(begun="b"), token=_token(NEW)), begun="b", save="begun"),
        *(
            post(path, f"{path} by cookie", json={"useAccountCookie": True}, cookie=cookie)
            for path in (ACCESS, REFRESH, ACCESS)
            for cookie in (
                "<<begun.cookie>>; <<begun.set.better-auth.account_data>>",
                "<<begun.cookie>>",
                "<<begun.cookie>>; better-auth.account_data=x",
            )
        ),
        signed_up("bob"),
        post(
            ACCESS,
            "another's cookie",
            json={"useAccountCookie": True},
            cookie="<<bob.cookie>>; <<begun.set.better-auth.account_data>>",
        ),
        post(
            "/sign-out",
            json={},
            cookie="<<begun.cookie>>; <<begun.set.better-auth.account_data>>",
        ),
        setting="lax social",
    ),
]
