"""Passkeys are made, used, renamed and deleted."""

from typing import Final

from tests.conformance.model import (
    Scenario,
    Sql,
    get,
    post,
    scenario,
    session,
    signed_up,
)
from tests.support.authenticator import BACKED_UP, BACKUP_ELIGIBLE, PRESENT

from .common import (
    COOKIE,
    CREATE,
    SIGN_IN,
    VERIFY,
    ask,
    created,
    refused_sign_in,
    registered,
    send,
    signed,
    to_create,
)

SCENARIOS: Final[list[Scenario]] = [
    scenario(
        "passkey: made, used, renamed, deleted",
        signed_up(),
        registered(),
        get("/passkey/list-user-passkeys", cookie="<<ada.cookie>>"),
        ask(name="what anybody may ask"),
        signed(),
        send(SIGN_IN, "ada signs in with it", cookie=COOKIE, save="in"),
        session("in"),
        send(SIGN_IN, "the same once more", cookie=COOKIE),
        ask("<<ada.cookie>>", "what ada is asked, who is signed in"),
        signed(),
        send(SIGN_IN, "and she signs in again", cookie=f"<<ada.cookie>>; {COOKIE}"),
        post(
            "/passkey/update-passkey",
            json={"id": "<<ada_key.id>>", "name": "  My phone "},
            cookie="<<ada.cookie>>",
        ),
        get("/passkey/list-user-passkeys", cookie="<<ada.cookie>>"),
        to_create(name="the passkey is excluded"),
        post("/passkey/delete-passkey", json={"id": "<<ada_key.id>>"}, cookie="<<ada.cookie>>"),
        post("/passkey/delete-passkey", json={"id": "<<ada_key.id>>"}, cookie="<<ada.cookie>>"),
        get("/passkey/list-user-passkeys", cookie="<<ada.cookie>>"),
        refused_sign_in("a deleted passkey", signed()),
        setting="passkey",
    ),
    scenario(
        "passkey: made with a name and a session",
        signed_up(),
        to_create(query="?authenticatorAttachment=cross-platform&name=Ada%20L.&context=x"),
        created(flags=PRESENT | BACKUP_ELIGIBLE | BACKED_UP, transports=["usb"], counter=7),
        send(
            VERIFY,
            "named, and signed in",
            cookie=f"<<ada.cookie>>; {COOKIE}",
            more=', "name": " The key ", "createSession": true',
            save="new",
        ),
        session("new"),
        session("ada", "the first session"),
        refused_sign_in("a counter that stands still", signed(counter=7)),
        ask(),
        signed(counter=8),
        send(SIGN_IN, "a counter that goes on", cookie=COOKIE),
        refused_sign_in("a counter that goes back", signed(counter=3)),
        setting="passkey",
    ),
    scenario(
        "passkey: options",
        signed_up(),
        get(CREATE, "no session"),
        *[
            to_create(query=query, name=f"options {query}")
            for query in (
                "?authenticatorAttachment=platform",
                "?authenticatorAttachment=other",
                "?name=",
                "?name=a&name=b",
                "?context=%00",
                "?unknown=1",
            )
        ],
        Sql(
            'update session set "createdAt" = now() - interval \'2 days\' where "userId" = $1',
            ("<<ada.id>>",),
        ),
        to_create(name="a session of yesterday"),
        post(VERIFY, "a session of yesterday", json={"response": {}}, cookie="<<ada.cookie>>"),
        setting="passkey",
    ),
]
