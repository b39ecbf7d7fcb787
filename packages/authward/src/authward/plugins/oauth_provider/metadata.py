"""The metadata documents (RFC 8414, OpenID Connect Discovery), and where clients look for them."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from authward.context import AuthContext
from authward.plugins.oauth_provider.client_metadata import AUTH_METHODS
from authward.plugins.oauth_provider.provider import ID, OAuthProvider

CACHE_CONTROL = "public, max-age=15, stale-while-revalidate=15, stale-if-error=86400"
_PREFLIGHT = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, HEAD, OPTIONS",
    "access-control-allow-headers": "*",
    "access-control-max-age": "86400",
}
_CONFIDENTIAL = list(AUTH_METHODS[1:])
_SERVER, _OPENID = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
Document = Callable[[], dict[str, Any]]


def server_document(provider: OAuthProvider) -> dict[str, Any]:
    """Return the metadata of the authorization server: only what there is."""
    options, url = provider.options, provider.url
    takes_public = (
        options.allow_unauthenticated_client_registration or provider.discovery is not None
    )
    document = {
        "scopes_supported": list(options.advertised_metadata.scopes_supported or options.scopes),
        "issuer": provider.issuer,
        "authorization_endpoint": f"{url}/oauth2/authorize",
        "token_endpoint": f"{url}/oauth2/token",
        "jwks_uri": f"{url}/jwks",
        "registration_endpoint": f"{url}/oauth2/register",
        "introspection_endpoint": f"{url}/oauth2/introspect",
        "revocation_endpoint": f"{url}/oauth2/revoke",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(options.grant_types),
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS)
        if takes_public
        else _CONFIDENTIAL,
        "introspection_endpoint_auth_methods_supported": _CONFIDENTIAL,
        "revocation_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
    }
    if not options.allow_dynamic_client_registration:
        del document["registration_endpoint"]
    if provider.discovery is not None:
        document["client_id_metadata_document_supported"] = True
    return document | (_openid(provider) if "openid" in options.scopes else {})


def _openid(provider: OAuthProvider) -> dict[str, Any]:
    subjects = ["public", "pairwise"] if provider.options.pairwise_secret else ["public"]
    return {
        "claims_supported": list(provider.claims_supported),
        "claims_parameter_supported": True,
        "userinfo_endpoint": provider.userinfo,
        "subject_types_supported": subjects,
        "acr_values_supported": ["0"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
        "end_session_endpoint": f"{provider.url}/oauth2/end-session",
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "prompt_values_supported": ["login", "consent", "create", "select_account", "none"],
    }


def metadata_routes(context: AuthContext) -> Sequence[BaseRoute]:
    """Return routes for the documents, wherever clients look: below the issuer, and at the root."""
    provider: OAuthProvider = context.extensions[ID]
    path = context.options.base_path

    def document() -> dict[str, Any]:
        return server_document(provider)

    names = [_SERVER, *([_OPENID] if "openid" in provider.options.scopes else [])]
    paths = [spelled for name in names for spelled in (path + name, name + path, name)]
    return [route for spelled in paths for route in document_routes(spelled, document)]


def document_routes(path: str, document: Document) -> list[BaseRoute]:
    """Return routes for a JSON document that everybody may read, and caches may keep a while."""
    answer = _DocumentAnswer(document)
    return [Route(spelled, answer, include_in_schema=False) for spelled in (path, f"{path}/")]


class _DocumentAnswer:
    """Takes every method, and says which count."""

    def __init__(self, document: Document) -> None:
        self._document = document

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._response(scope["method"])(scope, receive, send)

    def _response(self, method: str) -> Response:
        if method == "OPTIONS":
            return Response(status_code=204, headers=_PREFLIGHT)
        if method not in {"GET", "HEAD"}:
            return Response(status_code=405, headers={"allow": "GET, HEAD, OPTIONS"})
        headers = {"cache-control": CACHE_CONTROL, "access-control-allow-origin": "*"}
        response = Response(orjson.dumps(self._document()), 200, headers, "application/json")
        if method == "HEAD":
            response.body = b""
        return response
