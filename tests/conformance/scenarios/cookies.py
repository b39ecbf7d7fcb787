"""The Cookie header as browsers, proxies and attackers write it."""

from typing import Final

from tests.conformance.model import (
    Call,
    Sql,
    email,
    get,
    post,
    scenario,
    session,
    sign_in,
    signed_up,
)

NAME: Final = "better-auth.session_token"
FORGED: Final = "A" * 43 + "%3D"

# <<ada.signed>> is the value as the server sent it, <<ada.unquoted>> its percent-decoded form.
ALONE: Final = {
    "as it was sent": f"{NAME}=<<ada.signed>>",
    "percent-decoded": f"{NAME}=<<ada.unquoted>>",
    "in quotes": f'{NAME}="<<ada.signed>>"',
    "in quotes, decoded": f'{NAME}="<<ada.unquoted>>"',
    "half a quote": f'{NAME}="<<ada.signed>>',
    "white space around": f"  {NAME}  =  <<ada.signed>>  ",
    "a semicolon behind": f"{NAME}=<<ada.signed>>;",
    "semicolons before": f";; ;{NAME}=<<ada.signed>>",
    "a tab before": f"\t{NAME}=<<ada.signed>>",
    "the raw token": f"{NAME}=<<ada.token>>",
    "an empty signature": f"{NAME}=<<ada.token>>.",
    "a forged signature": f"{NAME}=<<ada.token>>.{FORGED}",
    "a short signature": f"{NAME}=<<ada.token>>.abc%3D",
    "a signature without its end": f"{NAME}=<<ada.token>>.{'A' * 44}",
    "the signature of another": f"{NAME}=<<ada.token>>.<<bob.signature>>",
    "an empty token": f"{NAME}=.{FORGED}",
    "an empty value": f"{NAME}=",
    "no value": NAME,
    "only dots": f"{NAME}=...",
    "a bad escape": f"{NAME}=%zz<<ada.signed>>",
    "a double escape": f"{NAME}=<<ada.token>>.%2541",
    "a NUL escape": f"{NAME}=<<ada.signed>>%00",
    "another name": "session_token=<<ada.signed>>",
    "the secure name": f"__Secure-{NAME}=<<ada.signed>>",
    "the host name": f"__Host-{NAME}=<<ada.signed>>",
    "a hyphen in the name": "better-auth-session_token=<<ada.signed>>",
    "capitals in the name": "Better-Auth.Session_Token=<<ada.signed>>",
    "an escaped name": "better-auth%2Esession_token=<<ada.signed>>",
    "a comma behind": f"{NAME}=<<ada.signed>>, x=y",
    "attributes as in Set-Cookie": f"{NAME}=<<ada.signed>>; Path=/; HttpOnly",
}
AMONG_OTHERS: Final = {
    "a JSON value": 'prefs={"theme":"dark","list":[1,2,3]}',
    "JSON in quotes": 'prefs="{\\"a\\":1}"',
    "no value": "flag",
    "no name": "=value",
    "a lone sign": "=",
    "an empty one": "",
    "quotes": 'x="a; b"',
    "an open quote": 'x="a',
    "spaces": "x=a b c",
    "Latin-1 bytes": "x=caf\xe9",
    "UTF-8 bytes": "x=\xc3\xa9\xf0\x9f\xa6\x8a",
    "a Latin-1 name": "caf\xe9=1",
    "control-like bytes": "x=\x80\x81\xff",
    "a bad escape": "x=%zz%",
    "many signs": "x=a=b=c==",
    "commas": "x=a,b,c",
    "brackets": "a[b]=c; (x)=y; <z>=1; @=2; a/b=3",
    "the dollar names": "$Version=1; $Path=/",
    "a prefix of the name": f"{NAME}x=1; better-auth=2; better-auth.session=3",
    "a prototype": "__proto__=1; constructor=2",
    "a long value": "x=" + "v" * 3000,
    "many": "; ".join(f"c{number}={number}" for number in range(60)),
}
TWICE: Final = {
    "the same": f"{NAME}=<<ada.signed>>; {NAME}=<<ada.signed>>",
    "ada, then bob": f"{NAME}=<<ada.signed>>; {NAME}=<<bob.signed>>",
    "bob, then ada": f"{NAME}=<<bob.signed>>; {NAME}=<<ada.signed>>",
    "forged, then ada": f"{NAME}=<<ada.token>>.{FORGED}; {NAME}=<<ada.signed>>",
    "ada, then forged": f"{NAME}=<<ada.signed>>; {NAME}=x",
    "empty, then ada": f"{NAME}=; {NAME}=<<ada.signed>>",
    "secure, then ada": f"__Secure-{NAME}=<<bob.signed>>; {NAME}=<<ada.signed>>",
}
DATA: Final = {
    "nonsense": "better-auth.session_data=nonsense",
    "empty": "better-auth.session_data=",
    "chunks": "better-auth.session_data.0=a; better-auth.session_data.1=b",
    "a chunk far away": "better-auth.session_data.99=a",
    "no number": "better-auth.session_data.x=a",
    "account data": "better-auth.account_data=a",
}
REMEMBER: Final = {
    "right": "<<short.remember>>",
    "unsigned": "better-auth.dont_remember=true",
    "forged": f"better-auth.dont_remember=true.{FORGED}",
    "empty": "better-auth.dont_remember=",
    "false": f"better-auth.dont_remember=false.{FORGED}",
}


def asks(name: str, cookie: str) -> Call:
    return get("/get-session", name, cookie=cookie)


def two_headers(name: str, first: str, second: str) -> Call:
    return get("/get-session", name, headers=(("cookie", first), ("cookie", second)))


SCENARIOS = [
    scenario(
        "the session cookie in every spelling",
        signed_up(),
        signed_up("bob"),
        (asks(name, cookie) for name, cookie in ALONE.items()),
    ),
    scenario(
        "the session cookie behind foreign cookies",
        signed_up(),
        (asks(name, f"{other}; <<ada.cookie>>") for name, other in AMONG_OTHERS.items()),
    ),
    scenario(
        "the session cookie before foreign cookies",
        signed_up(),
        (asks(name, f"<<ada.cookie>>; {other}") for name, other in AMONG_OTHERS.items()),
    ),
    scenario(
        "foreign cookies alone",
        (asks(name, other) for name, other in AMONG_OTHERS.items()),
    ),
    scenario(
        "the session cookie twice",
        signed_up(),
        signed_up("bob"),
        (asks(name, cookie) for name, cookie in TWICE.items()),
        two_headers("two headers", "<<ada.cookie>>", "x=y"),
        two_headers("two headers, the other way", "x=y", "<<ada.cookie>>"),
        two_headers("two headers, two users", "<<bob.cookie>>", "<<ada.cookie>>"),
    ),
    scenario(
        "forged cookies open nothing",
        signed_up(),
        *(
            get(path, f"{path} forged", cookie=f"{NAME}=<<ada.token>>.{FORGED}")
            for path in ("/token", "/list-sessions")
        ),
        post("/sign-out", "forged", cookie=f"{NAME}=<<ada.token>>.{FORGED}"),
        session(name="sign-out with a forged cookie ended nothing"),
    ),
    scenario(
        "cookies of a session cache are cleaned away",
        signed_up(),
        (asks(name, f"<<ada.cookie>>; {other}") for name, other in DATA.items()),
        (asks(f"{name}, no session", other) for name, other in DATA.items()),
        post("/sign-out", "sign out", cookie=f"<<ada.cookie>>; {DATA['chunks']}"),
    ),
    scenario(
        "dont_remember counts only if it is signed",
        signed_up(),
        sign_in(save="short", rememberMe=False),
        *(
            post("/update-user", f"dont_remember {name}", json={"name": name}, cookie=cookie)
            for name, cookie in (
                (name, f"<<ada.cookie>>; {other}") for name, other in REMEMBER.items()
            )
        ),
        post("/update-user", "both signed", json={"name": "S"}, cookie="<<short.cookies>>"),
        post(
            "/sign-in/email",
            "sign in with dont_remember",
            json={"email": email(), "password": "a good password"},
            cookie="<<short.cookies>>",
        ),
        get("/get-session", "dont_remember alone", cookie=REMEMBER["unsigned"]),
        post("/sign-out", "sign out", cookie="<<short.cookies>>"),
    ),
    scenario(
        "a cookie for a session that was ended",
        signed_up(),
        Sql("delete from session where token = $1", ("<<ada.token>>",)),
        session(),
        get("/token", cookie="<<ada.cookie>>"),
        post("/sign-out", cookie="<<ada.cookie>>"),
        post("/update-user", json={"name": "X"}, cookie="<<ada.cookie>>"),
    ),
]
