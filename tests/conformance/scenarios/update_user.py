"""POST /update-user."""

from collections.abc import Iterator
from typing import Any, Final

from tests.conformance.model import (
    WRONG_TYPES,
    Call,
    Step,
    post,
    scenario,
    session,
    sign_in,
    signed_up,
)

from .session import aged

PATH: Final = "/update-user"
NONSENSE: Final = "a name is a string, an image a string or null"
TEXT_TYPES: Final = ("a string",)


def update(name: str, body: Any, **more: Any) -> Call:
    return post(PATH, name, json=body, **{"cookie": "<<ada.cookie>>", **more})


def types(field: str, fine: tuple[str, ...]) -> Iterator[Step]:
    # What both accept comes first: tokens that only one of them shows would be counted differently.
    for kind, value in sorted(WRONG_TYPES.items(), key=lambda each: each[0] not in fine):
        reason = "" if kind in fine else NONSENSE
        who = kind.replace(" ", "-")
        yield signed_up(who)
        cookie = f"<<{who}.cookie>>"
        yield update(f"{field} is {kind}", {field: value}, cookie=cookie, refusable=reason)


def server_side(field: str, values: list[Any]) -> Iterator[Step]:
    for value in values:
        yield update(f"{field} = {value!r}", {field: value})
        yield update(f"{field} = {value!r} and a name", {field: value, "name": "With it"})


SCENARIOS = [
    scenario(
        "update-user changes name and image",
        signed_up(),
        update("a name", {"name": "Ada Lovelace"}),
        session(),
        update("an image", {"image": "https://example.com/a.png"}),
        session(),
        update("both", {"name": "Žofie 🦊", "image": "/b.png"}),
        session(),
        update("no image", {"image": None}),
        session(),
        update("an empty name", {"name": ""}),
        update("an empty image", {"image": ""}),
        session(),
        update("the same again", {"name": ""}),
        sign_in(),
    ),
    scenario("update-user checks the type of name", types("name", TEXT_TYPES)),
    scenario("update-user checks the type of image", types("image", (*TEXT_TYPES, "null"))),
    scenario(
        "update-user changes nothing that is the server's",
        signed_up(),
        server_side("email", ["new@example.com", "", None, 5, {}, False]),
        server_side("emailVerified", [True, False, None, "yes"]),
        server_side("id", ["other", None]),
        server_side("createdAt", ["2020-01-01T00:00:00.000Z"]),
        server_side("updatedAt", ["2020-01-01T00:00:00.000Z", 5]),
        server_side("role", ["admin"]),
        server_side("password", ["a new password"]),
        server_side("userId", ["other"]),
        server_side("Email", ["new@example.com"]),
        session(),
    ),
    scenario(
        "update-user needs something to change",
        signed_up(),
        update("nothing", {}),
        update("an unknown field", {"unknown": 1}),
        update("a callbackURL", {"callbackURL": "/x"}),
        update("an evil callbackURL", {"callbackURL": "//evil.example", "name": "E"}),
        update("a name and an unknown field", {"name": "N", "unknown": {"a": [1]}}),
        session(),
    ),
    scenario(
        "update-user checks its body",
        signed_up(),
        *(
            update(f"{kind} as the body", value)
            for kind, value in WRONG_TYPES.items()
            if kind != "an object"
        ),
        post(PATH, "no body", cookie="<<ada.cookie>>"),
        post(PATH, "an empty body", body=b"", cookie="<<ada.cookie>>"),
        post(PATH, "a broken body", body=b"{", cookie="<<ada.cookie>>"),
        post(PATH, "text", body=b"x", content_type="text/plain", cookie="<<ada.cookie>>"),
        post(PATH, "no type", body=b"{}", content_type=None, cookie="<<ada.cookie>>"),
        post(PATH, "a NUL", body=b'{"name":"a\\u0000b"}', cookie="<<ada.cookie>>"),
        post(
            PATH,
            "a lone surrogate",
            body=b'{"name":"a\\ud800b"}',
            cookie="<<ada.cookie>>",
            refusable="there is no such character",
        ),
    ),
    scenario(
        "update-user needs a session",
        post(PATH, "nobody", json={"name": "N"}),
        post(PATH, "nobody, no fields", json={}),
        post(PATH, "nobody, an array", json=[]),
        post(PATH, "nobody, broken", body=b"{"),
        post(PATH, "nonsense", json={"name": "N"}, cookie="better-auth.session_token=x"),
    ),
    scenario(
        "update-user keeps a session as it was remembered",
        signed_up(),
        sign_in(save="short", rememberMe=False),
        update("not remembered", {"name": "S"}, cookie="<<short.cookies>>"),
        update("without dont_remember", {"name": "T"}, cookie="<<short.cookie>>"),
        aged("2 days"),
        update("an old session", {"name": "U"}),
        session(),
    ),
    scenario(
        "update-user keeps long names or refuses them",
        signed_up(),
        update("255 characters", {"name": "n" * 255}),
        update("5,000 characters", {"name": "n" * 5000}, refusable="a name of a sane length"),
        update("a long image", {"image": "i" * 50_000}, refusable="an address of a sane length"),
    ),
]
