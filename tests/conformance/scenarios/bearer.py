"""The bearer plugin: session tokens in the Authorization header."""

from typing import Any, Final

from tests.conformance.model import Call, get, post, scenario, session, sign_in, signed_up

FORGED: Final = "A" * 43 + "="
VALUES: Final = {
    "the raw token": "Bearer <<ada.token>>",
    "the signed token": "Bearer <<ada.unquoted>>",
    "the percent-encoded token": "Bearer <<ada.signed>>",
    "lower case": "bearer <<ada.token>>",
    "capitals": "BEARER <<ada.token>>",
    "two spaces": "Bearer  <<ada.token>>",
    "a tab": "Bearer\t<<ada.token>>",
    "no space": "Bearer<<ada.token>>",
    "a space behind": "Bearer <<ada.token>> ",
    "no scheme": "<<ada.token>>",
    "another scheme": "Basic <<ada.token>>",
    "Token": "Token <<ada.token>>",
    "only the scheme": "Bearer",
    "the scheme and a space": "Bearer ",
    "empty": "",
    "an unknown token": "Bearer " + "x" * 32,
    "a short token": "Bearer x",
    "a forged signature": f"Bearer <<ada.token>>.{FORGED}",
    "an empty signature": "Bearer <<ada.token>>.",
    "only a dot": "Bearer .",
    "two dots": "Bearer <<ada.unquoted>>.x",
    "a bad escape": "Bearer %zz.%",
    "an escape in the raw token": "Bearer <<ada.token>>%20",
    "the token in quotes": 'Bearer "<<ada.token>>"',
    "the token in brackets": "Bearer <<<ada.token>>>",
    "two tokens": "Bearer <<ada.token>> <<ada.token>>",
    "a comma behind": "Bearer <<ada.token>>, Bearer x",
    "a semicolon behind": "Bearer <<ada.token>>; x=y",
    "a sign behind": "Bearer <<ada.token>>=",
    "Latin-1": "Bearer caf\xe9",
    "UTF-8 bytes": "Bearer \xf0\x9f\xa6\x8a",
    "Latin-1 and a dot": "Bearer caf\xe9.\xe9",
    "a JWT of this user": "Bearer <<ada.jwt>>",
    "the cookie's pair": "Bearer <<ada.cookie>>",
    "long": "Bearer " + "x" * 8000,
}


def bearer(value: str, path: str = "/get-session", name: str = "", **more: Any) -> Call:
    return get(path, name or value[:60], headers=(("authorization", value),), **more)


def posted(path: str, name: str, value: str, body: Any, **more: Any) -> Call:
    return post(path, name, json=body, headers=(("authorization", value),), **more)


ADA: Final = "Bearer <<ada.token>>"

SCENARIOS = [
    scenario(
        "the session token as a bearer, in every spelling",
        signed_up(),
        get("/get-session", "a JWT", cookie="<<ada.cookie>>", save="jwt"),
        *(
            bearer(value.replace("<<ada.jwt>>", "<<jwt.jwt>>"), name=name)
            for name, value in VALUES.items()
        ),
    ),
    scenario(
        "a bearer opens what a cookie opens",
        signed_up(),
        bearer(ADA, "/token", "a token"),
        bearer(ADA, "/list-sessions", "the sessions"),
        posted("/update-user", "a new name", ADA, {"name": "By bearer"}),
        bearer(ADA, name="the session"),
        posted(
            "/change-password",
            "a new password",
            ADA,
            {"currentPassword": "a good password", "newPassword": "another password"},
        ),
        sign_in(password="another password", save="again"),
        posted("/sign-out", "sign out", ADA, {}),
        session(name="sign-out with a raw bearer"),
        bearer("Bearer <<again.unquoted>>", name="the other session"),
        posted("/sign-out", "sign out signed", "Bearer <<again.unquoted>>", {}),
        session("again", "after sign-out with a signed bearer"),
    ),
    scenario(
        "a bearer can delete its user",
        signed_up(),
        posted("/delete-user", "delete", ADA, {"password": "a good password"}),
        bearer(ADA, name="and is nobody then"),
    ),
    scenario(
        "a bearer beside cookies",
        signed_up(),
        signed_up("bob"),
        bearer(ADA, name="and bob's cookie", cookie="<<bob.cookie>>"),
        bearer("Bearer " + "x" * 32, name="unknown, and bob's cookie", cookie="<<bob.cookie>>"),
        bearer("Bearer x.y", name="forged, and bob's cookie", cookie="<<bob.cookie>>"),
        bearer("Basic eDp5", name="basic, and bob's cookie", cookie="<<bob.cookie>>"),
        bearer(ADA, name="and a JSON cookie", cookie='x={"a":1}'),
        bearer(ADA, name="and a Latin-1 cookie", cookie="x=caf\xe9"),
        bearer(ADA, name="and an empty session cookie", cookie="better-auth.session_token="),
    ),
    scenario(
        "a bearer needs no Origin unless there is a cookie",
        signed_up(),
        posted("/update-user", "no Origin", ADA, {"name": "A"}),
        posted("/update-user", "evil", ADA, {"name": "B"}, origin="https://evil.example"),
        posted("/update-user", "null", ADA, {"name": "C"}, origin="null"),
        posted("/update-user", "a cookie", ADA, {"name": "D"}, cookie="x=y", origin=None),
        bearer(ADA, name="the name now"),
    ),
    scenario(
        "two Authorization headers",
        signed_up(),
        signed_up("bob"),
        get(
            "/get-session",
            "ada, then bob",
            headers=(("authorization", ADA), ("authorization", "Bearer <<bob.token>>")),
        ),
        get(
            "/get-session",
            "basic, then ada",
            headers=(("authorization", "Basic eDp5"), ("authorization", ADA)),
        ),
    ),
    scenario(
        "a bearer is no session for tokens once it is signed out",
        signed_up(),
        post("/sign-out", cookie="<<ada.cookie>>"),
        bearer(ADA, "/token", "a token"),
        bearer(ADA),
    ),
    scenario(
        "a bearer while signing in or up",
        signed_up(),
        posted(
            "/sign-in/email",
            "sign in",
            ADA,
            {"email": "ada.<<here>>@example.com", "password": "a good password"},
        ),
        posted(
            "/sign-up/email",
            "sign up",
            ADA,
            {"name": "N", "email": "new.<<here>>@example.com", "password": "a good password"},
        ),
    ),
]
