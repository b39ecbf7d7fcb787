"""What is no passkey, or somebody else's."""

from typing import Final

from tests.conformance.model import (
    Derive,
    Scenario,
    Sql,
    get,
    post,
    scenario,
    signed_up,
)
from tests.support.authenticator import Authenticator

from .common import (
    COOKIE,
    ORIGIN,
    SIGN_IN,
    UNVERIFIED,
    VERIFY,
    ask,
    created,
    refused_creation,
    refused_sign_in,
    registered,
    send,
    signed,
    to_create,
    wrong_bodies,
)

SCENARIOS: Final[list[Scenario]] = [
    scenario(
        "passkey: registrations that are refused",
        signed_up(),
        signed_up("bob"),
        post(VERIFY, "no session", json={"response": {}}, origin=ORIGIN),
        post(VERIFY, "no challenge", json={"response": {}}, cookie="<<ada.cookie>>"),
        refused_creation("another origin in it", created(origin="https://evil.example")),
        refused_creation("another site", created(rp_id="evil.example")),
        refused_creation("another ceremony", created(type="webauthn.get")),
        refused_creation("nobody was present", created(flags=0)),
        refused_creation("another type", created(change={"type": "password"})),
        refused_creation("another id", created(change={"id": "AAAA"})),
        refused_creation("no response", created(change={"response": {}})),
        refused_creation("an assertion", signed()),
        [
            to_create(),
            Derive("asked.challenge", lambda _: "AAAA"),
            created(),
            send(VERIFY, "another challenge", cookie=f"<<ada.cookie>>; {COOKIE}"),
        ],
        [
            to_create(),
            created(),
            send(VERIFY, "somebody else's challenge", cookie=f"<<bob.cookie>>; {COOKIE}"),
            send(VERIFY, "which that has used up", cookie=f"<<ada.cookie>>; {COOKIE}"),
        ],
        [
            ask("<<ada.cookie>>"),
            created(),
            send(VERIFY, "a challenge for the other ceremony", cookie=f"<<ada.cookie>>; {COOKIE}"),
        ],
        [
            to_create(),
            created(),
            Sql(
                "update verification set \"expiresAt\" = now() - interval '1 s' "
                "where value like '%' || $1 || '%'",
                ("<<ada.id>>",),
            ),
            send(VERIFY, "five minutes later", cookie=f"<<ada.cookie>>; {COOKIE}"),
        ],
        get("/passkey/list-user-passkeys", "none", cookie="<<ada.cookie>>"),
        setting="passkey",
    ),
    scenario(
        "passkey: sign-ins that are refused",
        signed_up(),
        registered(),
        post(SIGN_IN, "no challenge", json={"response": {"id": "x"}}, origin=ORIGIN),
        post(SIGN_IN, "no origin", json={"response": {"id": "x"}}),
        refused_sign_in("a passkey that nobody has", signed("tablet")),
        refused_sign_in("another key", signed(signer=Authenticator("another"))),
        refused_sign_in("another origin in it", signed(origin="https://evil.example")),
        refused_sign_in("another site", signed(rp_id="evil.example")),
        refused_sign_in("another ceremony", signed(type="webauthn.create")),
        refused_sign_in("nobody was present", signed(flags=0)),
        refused_sign_in("another type", signed(change={"type": "password"})),
        refused_sign_in("no id", signed(change={"id": None})),
        refused_sign_in("a number as id", signed(change={"id": 7})),
        refused_sign_in("no response", signed(change={"response": {}})),
        refused_sign_in("an attestation", created()),
        refused_sign_in("from another page", signed(), origin="https://evil.example"),
        [
            to_create(),
            signed(),
            send(SIGN_IN, "a challenge for the other ceremony", cookie=COOKIE),
        ],
        [
            ask(),
            Derive("asked.challenge", lambda _: "AAAA"),
            signed(),
            send(SIGN_IN, "another challenge", cookie=COOKIE),
        ],
        setting="passkey",
    ),
    scenario(
        "passkey: somebody else's",
        signed_up(),
        signed_up("bob"),
        registered(),
        get("/passkey/list-user-passkeys", "bob's", cookie="<<bob.cookie>>"),
        post("/passkey/delete-passkey", json={"id": "<<ada_key.id>>"}, cookie="<<bob.cookie>>"),
        post(
            "/passkey/update-passkey",
            json={"id": "<<ada_key.id>>", "name": "Mine"},
            cookie="<<bob.cookie>>",
        ),
        get("/passkey/list-user-passkeys", "ada's", cookie="<<ada.cookie>>"),
        get("/passkey/list-user-passkeys", "nobody's"),
        post("/passkey/delete-passkey", "nobody", json={"id": "<<ada_key.id>>"}),
        post("/passkey/update-passkey", "nobody", json={"id": "<<ada_key.id>>", "name": "x"}),
        to_create("bob"),
        created(),
        send(
            VERIFY,
            "the same credential for bob",
            cookie=f"<<bob.cookie>>; {COOKIE}",
            refusable=UNVERIFIED,
        ),
        setting="passkey",
    ),
    scenario(
        "passkey: bodies",
        signed_up(),
        wrong_bodies(
            VERIFY, {"response": {}, "name": "x", "createSession": False}, "<<ada.cookie>>"
        ),
        wrong_bodies(SIGN_IN, {"response": {}}, "<<ada.cookie>>"),
        wrong_bodies("/passkey/delete-passkey", {"id": "x"}, "<<ada.cookie>>"),
        wrong_bodies("/passkey/update-passkey", {"id": "x", "name": "x"}, "<<ada.cookie>>"),
        post("/passkey/update-passkey", json={"id": "x", "name": "  "}, cookie="<<ada.cookie>>"),
        post("/passkey/delete-passkey", "an empty id", json={"id": ""}, cookie="<<ada.cookie>>"),
        setting="passkey",
    ),
]
