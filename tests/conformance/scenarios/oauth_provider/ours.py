"""What ours does otherwise, and the metadata."""

from typing import Final

from tests.conformance.model import (
    Call,
    call,
    get,
    scenario,
    signed_up,
)

from .common import ADA, RESOURCE, authorize, by_ada, client, refresh, register, to_tokens

_LOCAL: Final = "http://127.0.0.1:7/callback"


OURS = [
    scenario(
        "oauth: native clients that do not say so",
        register("loopback", redirect_uris=[_LOCAL]),
        register("a private scheme", redirect_uris=["com.example.app:/cb"]),
        register(
            "Cursor",
            redirect_uris=[
                "http://localhost:8787/callback",
                "cursor://anysphere.cursor-mcp/oauth/callback",
                "https://www.cursor.com/agents/mcp/oauth/callback",
            ],
            token_endpoint_auth_method="none",
        ),
        register(
            "Cursor, native",
            redirect_uris=["cursor://anysphere.cursor-mcp/oauth/callback"],
            application_type="native",
        ),
        register("loopback, web", redirect_uris=[_LOCAL], application_type="web"),
        setting="mcp",
    ),
    scenario(
        "oauth: other spellings of the resource",
        signed_up("ada"),
        client(),
        authorize("a slash", resource=f"{RESOURCE}/"),
        authorize("capitals", resource="HTTPS://Resource.Example/mcp"),
        authorize("another path", resource="https://resource.example/MCP"),
        authorize("two slashes", resource=f"{RESOURCE}//"),
        setting="mcp",
    ),
    scenario(
        "oauth: disconnecting ends the refresh tokens",
        *to_tokens(),
        get("/oauth2/get-consents", "the consents", cookie=ADA, save="list"),
        by_ada("delete-consent", "disconnect", {"id": "<<list.id>>"}),
        refresh(name="refresh after disconnecting"),
        setting="mcp",
    ),
    scenario(
        "oauth: what is not there",
        register(
            "signed assertions",
            token_endpoint_auth_method="private_key_jwt",
            jwks={"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "x" * 43}]},
        ),
        register("back-channel logout", backchannel_logout_uri="https://client.example/logout"),
        register("bound tokens", dpop_bound_access_tokens=True),
        setting="mcp",
    ),
    scenario(
        "oauth: metadata",
        *(
            get(f"/.well-known/{name}", name)
            for name in ("oauth-authorization-server", "openid-configuration")
        ),
        *(
            call("POST", f"/.well-known/{name}", f"POST {name}")
            for name in ("oauth-authorization-server", "openid-configuration")
        ),
        *(
            Call(path, "GET", path)
            for path in (
                "/.well-known/oauth-authorization-server/api/auth",
                "/.well-known/oauth-protected-resource",
                "/.well-known/oauth-protected-resource/mcp",
            )
        ),
        get("/jwks", "the keys"),
        setting="mcp",
    ),
]
