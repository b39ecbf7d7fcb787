"""The plugin `username`: signing up and in with a name of one's own choice, and asking for one."""

from dataclasses import replace
from typing import Any, Final

from tests.conformance.model import (
    TOO_LONG,
    WRONG_TYPES,
    Call,
    Scenario,
    Sql,
    get,
    mails,
    post,
    scenario,
    session,
    sign_in,
    sign_up,
    signed_up,
)
from tests.conftest import PASSWORD

NAME: Final = "Ada_<<here>>"
BAD_NAMES: Final = {
    "too short": "ab",
    "as short as may be": "abc",
    "as long as may be": "a" * 30,
    "too long": "a" * 31,
    "empty": "",
    "a blank": "a b c",
    "an umlaut": "ädele",
    "a hyphen": "a-b-c",
    "a line end": "abc\n",
    "NUL": "abc\0",
    "an emoji": "\N{THUMBS UP SIGN}" * 2,
}
SCALARS: Final = [value for value in WRONG_TYPES.values() if not isinstance(value, list | dict)]
NO_SCALARS: Final = [value for value in WRONG_TYPES.values() if isinstance(value, list | dict)]
NO_TEXT: Final = "a list or an object is no text, even if PostgreSQL has a text for it"


def sign_in_by_name(username: str = NAME, password: str = PASSWORD, **more: Any) -> Call:
    label = more.pop("name", f"sign-in as {username!r}")
    save = more.pop("save", "")
    body = {"username": username, "password": password, **more}
    return post("/sign-in/username", label, json=body, save=save)


def ask(name: Any, label: str = "") -> Call:
    return post("/is-username-available", label or f"is {name!r} free", json={"username": name})


def update(label: str, **body: Any) -> Call:
    return post("/update-user", label, json=body, cookie="<<ada.cookie>>")


def _by(setting: str) -> list[Scenario]:
    return [
        scenario(
            f"username, {setting}: sign up, look, sign in",
            ask(NAME),
            sign_up("ada", username=NAME),
            session("ada"),
            ask(NAME, "is it free now"),
            ask("aDA_<<here>>", "is it free in another case"),
            sign_in_by_name(save="again"),
            session("again"),
            sign_in_by_name("ADA_<<here>>", name="in another case"),
            sign_in_by_name(password="wrong password"),
            sign_in_by_name("nobody_<<here>>"),
            sign_in_by_name(rememberMe=False, name="not remembered"),
            sign_in_by_name(callbackURL="/there", name="with a callback"),
            sign_in_by_name(callbackURL="https://evil.example", name="with a foreign callback"),
            sign_in_by_name(password=TOO_LONG, name="too long a password"),
            sign_in_by_name(password="", name="no password"),
            sign_up("bob", username="ADA_<<here>>"),
            sign_in("ada"),
            setting=setting,
        ),
        scenario(
            f"username, {setting}: names that may not be had",
            *(sign_up(f"p{n}", username=name) for n, name in enumerate(BAD_NAMES.values())),
            *(ask(name, f"is it free: {label}") for label, name in BAD_NAMES.items()),
            *(sign_in_by_name(name, name=f"sign-in: {label}") for label, name in BAD_NAMES.items()),
            setting=setting,
        ),
        scenario(
            f"username, {setting}: other types",
            *(ask(value, f"is it free: {label}") for label, value in WRONG_TYPES.items()),
            *(
                post(
                    "/sign-in/username",
                    f"sign-in: {label}",
                    json={"username": value, "password": PASSWORD},
                )
                for label, value in WRONG_TYPES.items()
            ),
            post("/sign-in/username", "sign-in: nothing", json={}),
            post("/sign-in/username", "sign-in: no body"),
            post("/is-username-available", "is it free: nothing", json={}),
            get("/is-username-available", "is it free: GET"),
            setting=setting,
        ),
        scenario(
            f"username, {setting}: change",
            signed_up("ada"),
            session("ada"),
            update("first name", username="First_<<here>>"),
            session("ada", "the session with a name"),
            update("the same", username="first_<<here>>"),
            update("another", username="Second_<<here>>"),
            session("ada", "the session with another name"),
            *(update(f"change to {label}", username=name) for label, name in BAD_NAMES.items()),
            sign_up("bob", username="bob_<<here>>"),
            update("bob's", username="BOB_<<here>>"),
            update("name only", name="Bea"),
            update("null", username=None),
            session("ada", "the session in the end"),
            post("/update-user", "without session", json={"username": "any_<<here>>"}),
            post("/update-user", "a bad name without session", json={"username": "a"}),
            setting=setting,
        ),
    ]


SCENARIOS = [
    *_by("username"),
    *(scenario for scenario in _by("strict username") if "other types" not in scenario.name),
    scenario(
        "username: names to be shown",
        sign_up("ada", username=NAME, displayUsername="Ada the First"),
        session("ada"),
        sign_up("bob", displayUsername="Bob_<<here>>"),
        session("bob"),
        sign_up("cid", displayUsername="not a name!"),
        session("cid"),
        sign_up("dan", username="Dan_<<here>>", displayUsername=""),
        update("shown only", displayUsername="Countess"),
        session("ada", "the session with a shown name"),
        update("both", username="Countess_<<here>>", displayUsername="The Countess"),
        session("ada", "the session with both"),
        update("username only", username="Ada2_<<here>>"),
        session("ada", "shown as before"),
        update("shown: null", displayUsername=None),
        session("ada", "nothing to show"),
        setting="username",
    ),
    scenario(
        "username: other types in sign-ups",
        *(sign_up(f"p{n}", username=value) for n, value in enumerate(WRONG_TYPES.values())),
        *(sign_up(f"d{n}", displayUsername=value) for n, value in enumerate(SCALARS)),
        *(
            sign_up(f"b{n}", username=f"both{n}_<<here>>", displayUsername=value)
            for n, value in enumerate(SCALARS)
        ),
        *(
            replace(sign_up(f"{who}{n}", displayUsername=value, **more), refusable=NO_TEXT)
            for who, more in (("l", {}), ("m", {"username": "m_<<here>>"}))
            for n, value in enumerate(NO_SCALARS)
        ),
        setting="username",
    ),
    scenario(
        "username: other types in updates",
        sign_up("ada", username=NAME),
        *(update(f"username: {label}", username=value) for label, value in WRONG_TYPES.items()),
        session("ada", "the session between"),
        *(update(f"shown: {value}", displayUsername=value) for value in SCALARS),
        session("ada", "the session in the end"),
        *(
            replace(update(f"shown: {value}", displayUsername=value), refusable=NO_TEXT)
            for value in NO_SCALARS
        ),
        setting="username",
    ),
    *(
        scenario(
            f"{setting}: names to be shown, at their edges",
            sign_up("ada", username="Ada<<here>>", displayUsername="  "),
            session("ada"),
            sign_up("bob", displayUsername="b"),
            session("bob"),
            sign_up("cid", displayUsername="ADA<<here>>"),
            sign_up("dan", username=None, displayUsername="Dan<<here>>"),
            session("dan"),
            sign_up("eve", username="", displayUsername="Eve<<here>>"),
            sign_up("fay", displayUsername="x" * 300),
            sign_up("gus", displayUsername="<b>\N{THUMBS UP SIGN}</b>"),
            session("gus"),
            update("empty", displayUsername=""),
            update("long", displayUsername="x" * 300),
            update("username alone", username="ada<<here>>"),
            update("username, shown empty", username="aDa<<here>>", displayUsername=""),
            session("ada", "the session in the end"),
            setting=setting,
        )
        for setting in ("username", "strict username")
    ),
    scenario(
        "username: order of the errors",
        sign_up("ada", username=NAME),
        sign_up("bob", username=NAME, password="short"),
        sign_up("cid", username="a", email="no address"),
        sign_up("dan", username=NAME, email="ada-<<here>>@example.com"),
        sign_in_by_name("a", "", name="bad name, no password"),
        sign_in_by_name("a", TOO_LONG, name="bad name, too long a password"),
        sign_in_by_name("a", callbackURL="https://evil.example", name="bad name, foreign callback"),
        sign_in_by_name(rememberMe="yes", name="not a boolean"),
        sign_in_by_name(callbackURL=5, name="a number as callback"),
        sign_in_by_name(callbackURL="", name="an empty callback"),
        sign_in_by_name(password="wrong password", callbackURL="/there", name="wrong, callback"),
        post(
            "/is-username-available",
            "with a session",
            json={"username": NAME},
            cookie="<<ada.cookie>>",
        ),
        post("/is-username-available", "more", json={"username": "free_<<here>>", "more": 1}),
        setting="username",
    ),
    scenario(
        "username: an address that must be verified",
        sign_up("ada", username=NAME),
        mails("the mail of the sign-up"),
        sign_in_by_name(password="wrong password", name="a wrong password"),
        sign_in_by_name(name="not verified"),
        mails("the mail of the sign-in"),
        sign_in_by_name(callbackURL="/there", name="not verified, with a callback"),
        sign_in_by_name(callbackURL="", name="not verified, an empty callback"),
        mails("the mails with a callback", save="link"),
        sign_up("ada", name="Eve", username="Eve_<<here>>"),
        sign_up("bob", username="aDa_<<here>>"),
        ask("eve_<<here>>", "is the name of a sign-up that came to nothing free"),
        mails("no more mails"),
        get("/verify-email?token=<<link.token>>", "follows the link"),
        sign_in_by_name(name="verified", save="ada"),
        session("ada"),
        setting="strict mail with usernames",
    ),
    scenario(
        "username: whoever has no password",
        sign_up("ada", username=NAME),
        Sql('UPDATE account SET password = NULL WHERE "userId" = $1', ("<<ada.id>>",)),
        sign_in_by_name(),
        Sql('DELETE FROM account WHERE "userId" = $1', ("<<ada.id>>",)),
        sign_in_by_name(name="no account"),
        setting="username",
    ),
]
