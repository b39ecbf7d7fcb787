"""Clients register."""

from typing import Final

from tests.conformance.model import (
    WRONG_TYPES,
    get,
    post,
    scenario,
    signed_up,
)

from .common import ADA, BACK, FORM, RESOURCE, register

_REDIRECTS: Final = {
    "https": [BACK],
    "two": [BACK, "https://client.example/other"],
    "with a query": ["https://client.example/cb?a=1"],
    "with a fragment": ["https://client.example/cb#x"],
    "with a user": ["https://a:b@client.example/cb"],
    "javascript": ["javascript:alert(1)"],
    "data": ["data:text/html,x"],
    "vbscript": ["vbscript:x"],
    "plain http": ["http://client.example/cb"],
    "a path": ["/cb"],
    "no URL": ["nonsense"],
    "none": [],
    "a text": "https://client.example/cb",
    "a number in it": [7],
    "https at localhost": ["https://localhost/cb"],
    "localhost with a dot": ["https://localhost./cb"],
}


_NATIVE: Final = {
    "loopback by name": ["http://localhost:1234/cb"],
    "loopback by address": ["http://127.0.0.1/cb"],
    "loopback of IPv6": ["http://[::1]:7/cb"],
    "another loopback address": ["http://127.0.0.2/cb"],
    "a private scheme": ["com.example.app:/cb"],
    "https too": [BACK],
    "https at loopback": ["https://127.0.0.1/cb"],
    "a file": ["file:///etc/passwd"],
    "no domain": ["app:/cb"],
    "mail": ["mailto:a@b.c"],
}


REGISTRATION = [
    scenario(
        "oauth: registration",
        register("nothing but URIs", client_name=None),
        register("public", token_endpoint_auth_method="none"),
        register("post", token_endpoint_auth_method="client_secret_post"),
        register("unknown method", token_endpoint_auth_method="magic"),
        register("blank method", token_endpoint_auth_method="  "),
        register(
            "all that may be said",
            scope="openid tasks:read",
            client_uri="https://c.example",
            logo_uri="https://c.example/l.png",
            contacts=["a@c.example"],
            tos_uri="https://c.example/t",
            policy_uri="https://c.example/p",
            software_id="s",
            software_version="1",
            software_statement="x",
            post_logout_redirect_uris=["https://client.example/bye"],
            response_types=["code"],
            application_type="web",
            grant_types=["authorization_code", "refresh_token"],
        ),
        register("unknown properties", more="x", client_id="mine", client_secret="mine"),
        register("unknown scope", scope="tasks:read nope"),
        register("skip consent", skip_consent=True),
        register("blank name", client_name="  "),
        register("empty name", client_name=""),
        register("implicit", grant_types=["implicit"]),
        register("credentials", grant_types=["client_credentials"]),
        register("no grant", grant_types=[]),
        register("refresh alone", grant_types=["refresh_token"]),
        register("response type", response_types=["token"]),
        register("no response type", response_types=[]),
        register("application type", application_type="desktop"),
        register("pairwise", subject_type="pairwise"),
        register("public subject", subject_type="public"),
        register("own resource", resources=[RESOURCE]),
        register("another resource", resources=["https://other.example"]),
        register("no resource", resources=["nonsense"]),
        register("no URIs", redirect_uris=None),
        register(
            "credentials without URIs", redirect_uris=None, grant_types=["client_credentials"]
        ),
        post("/oauth2/register", "no body"),
        post("/oauth2/register", "a list", json=[]),
        post("/oauth2/register", "empty", json={}),
        post("/oauth2/register", "a form", body=b"a=b", content_type=FORM),
        get("/oauth2/register", "GET"),
        setting="mcp",
    ),
    scenario(
        "oauth: redirect URIs of web clients",
        *(register(label, redirect_uris=uris) for label, uris in _REDIRECTS.items()),
        setting="mcp",
    ),
    scenario(
        "oauth: redirect URIs of native clients",
        *(
            register(label, redirect_uris=uris, application_type="native")
            for label, uris in _NATIVE.items()
        ),
        setting="mcp",
    ),
    scenario(
        "oauth: other types in registrations",
        *(
            register(f"{name}: {label}", **{name: value})
            for name in ("client_name", "redirect_uris", "grant_types", "application_type")
            for label, value in WRONG_TYPES.items()
            if value is not None and (name, label) != ("client_name", "a string")
        ),
        setting="mcp",
    ),
    scenario(
        "oauth: a registration by somebody who is signed in",
        signed_up("ada"),
        register("by ada", cookie=ADA, save="client"),
        get("/oauth2/get-clients", "ada's", cookie=ADA),
        get("/oauth2/get-client?client_id=<<client.client_id>>", "it", cookie=ADA),
        register("with a bearer token", save="other"),
        setting="mcp",
    ),
    scenario(
        "oauth: where nobody may register",
        register("closed"),
        signed_up("ada"),
        register("closed for ada too", cookie=ADA),
        post("/oauth2/public-client-prelogin", "no prelogin", json={"client_id": "x"}),
        setting="strict mcp",
    ),
]
