"""Clients of one's own, and sign-out by a client."""

from typing import Final

from tests.conformance.model import (
    Sql,
    get,
    post,
    scenario,
    signed_up,
)

from .common import (
    ADA,
    BACK,
    ID,
    about,
    authorize,
    by_ada,
    client,
    consent,
    redeem,
    refresh,
    to_tokens,
)

CLIENTS = [
    scenario(
        "oauth: clients of one's own",
        signed_up("ada"),
        by_ada(
            "create-client",
            "create",
            {"redirect_uris": [BACK], "client_name": "Mine"},
            save="client",
        ),
        post("/oauth2/create-client", "create, nobody", json={"redirect_uris": [BACK]}),
        by_ada("create-client", "create without URIs", {}),
        by_ada("create-client", "create with a bad URI", {"redirect_uris": ["nonsense"]}),
        by_ada("create-client", "create with http", {"redirect_uris": ["http://x.example"]}),
        by_ada(
            "create-client", "create, unknown scope", {"redirect_uris": [BACK], "scope": "nope"}
        ),
        by_ada(
            "create-client",
            "create, all scopes",
            {"redirect_uris": [BACK], "scope": "openid tasks:read"},
        ),
        get(f"/oauth2/get-client?client_id={ID}", "get", cookie=ADA),
        get("/oauth2/get-client?client_id=nobody", "get unknown", cookie=ADA),
        get("/oauth2/get-client", "get, no id", cookie=ADA),
        get(f"/oauth2/get-client?client_id={ID}", "get, nobody"),
        get("/oauth2/get-clients", "list", cookie=ADA),
        get("/oauth2/get-clients", "list, nobody"),
        by_ada("update-client", "update", {"client_id": ID, "update": {"client_name": "New"}}),
        by_ada("update-client", "update nothing", {"client_id": ID, "update": {}}),
        by_ada(
            "update-client",
            "update URIs",
            {"client_id": ID, "update": {"redirect_uris": [BACK, "https://client.example/2"]}},
        ),
        by_ada(
            "update-client",
            "update to bad URIs",
            {"client_id": ID, "update": {"redirect_uris": ["https://localhost/x"]}},
        ),
        by_ada(
            "update-client",
            "update the scope",
            {"client_id": ID, "update": {"scope": "tasks:read"}},
        ),
        by_ada(
            "update-client",
            "update to an unknown scope",
            {"client_id": ID, "update": {"scope": "nope"}},
        ),
        by_ada(
            "update-client",
            "update unknown",
            {"client_id": "nobody", "update": {"client_name": "New"}},
        ),
        by_ada("update-client", "update without update", {"client_id": ID}),
        by_ada("client/rotate-secret", "rotate", {"client_id": ID}),
        by_ada("client/rotate-secret", "rotate unknown", {"client_id": "nobody"}),
        by_ada("client/rotate-secret", "rotate, no id", {}),
        signed_up("bob"),
        get(f"/oauth2/get-client?client_id={ID}", "bob: get", cookie="<<bob.cookie>>"),
        get("/oauth2/get-clients", "bob: list", cookie="<<bob.cookie>>"),
        *(
            post(
                f"/oauth2/{path}",
                f"bob: {path}",
                json={"client_id": ID, **more},
                cookie="<<bob.cookie>>",
            )
            for path, more in (
                ("update-client", {"update": {"client_name": "His"}}),
                ("client/rotate-secret", {}),
                ("delete-client", {}),
            )
        ),
        by_ada("delete-client", "delete", {"client_id": ID}),
        by_ada("delete-client", "delete again", {"client_id": ID}),
        get("/oauth2/get-clients", "list after that", cookie=ADA),
        setting="mcp",
    ),
    scenario(
        "oauth: public clients have no secret to rotate",
        signed_up("ada"),
        by_ada(
            "create-client",
            "create",
            {"redirect_uris": [BACK], "token_endpoint_auth_method": "none"},
            save="client",
        ),
        by_ada("client/rotate-secret", "rotate", {"client_id": ID}),
        setting="mcp",
    ),
    scenario(
        "oauth: clients of nobody",
        signed_up("ada"),
        client(),
        get(f"/oauth2/get-client?client_id={ID}", "get", cookie=ADA),
        by_ada("delete-client", "delete", {"client_id": ID}),
        by_ada("update-client", "update", {"client_id": ID, "update": {"client_name": "New"}}),
        setting="mcp",
    ),
    scenario(
        "oauth: clients that are disabled",
        *to_tokens(),
        Sql('UPDATE "oauthClient" SET disabled = true WHERE "clientId" = $1', (ID,)),
        authorize("asks again"),
        refresh(),
        get(f"/oauth2/public-client?client_id={ID}", "who asks", cookie=ADA),
        setting="mcp",
    ),
]


_HTML: Final = (("accept", "text/html"),)


LOGOUT = [
    scenario(
        "oauth: signing out by an ID token",
        signed_up("ada"),
        client(post_logout_redirect_uris=["https://client.example/bye"]),
        get(f"/oauth2/end-session?client_id={ID}", "not allowed to", cookie=ADA),
        Sql('UPDATE "oauthClient" SET "enableEndSession" = true WHERE "clientId" = $1', (ID,)),
        authorize("asks", scope="openid offline_access", save="page"),
        consent(save="back", name="allows"),
        redeem(save="tokens"),
        get("/oauth2/end-session", "nothing", cookie=ADA),
        get("/oauth2/end-session?client_id=nobody", "unknown client", cookie=ADA),
        get("/oauth2/end-session?id_token_hint=nonsense", "no token", cookie=ADA),
        get(f"/oauth2/end-session?id_token_hint=nonsense&client_id={ID}", "bad", cookie=ADA),
        get(f"/oauth2/end-session?client_id={ID}", "no hint", cookie=ADA),
        get("/oauth2/end-session?id_token_hint=<<tokens.access_token>>", "wrong", cookie=ADA),
        get(
            "/oauth2/end-session?id_token_hint=<<tokens.id_token>>&state=s"
            "&post_logout_redirect_uri=https%3A%2F%2Fclient.example%2Fbye",
            "right",
            cookie=ADA,
        ),
        get("/get-session", "after that", cookie=ADA),
        get("/oauth2/end-session?id_token_hint=<<tokens.id_token>>", "again"),
        about("/oauth2/end-session/confirm", "confirm nothing", action="confirm"),
        about("/oauth2/end-session/confirm", "confirm what", action="x"),
        setting="mcp",
    ),
]
