"""Clients as JSON (RFC 7591) and as rows: which property is which field."""

import json
from collections.abc import Mapping
from typing import Any

from authward.plugins.oauth_provider.rows import Row
from authward.plugins.oauth_provider.schema import CLIENT

FIELDS: Mapping[str, str] = {
    "client_id": "clientId",
    "client_secret": "clientSecret",
    "client_secret_expires_at": "expiresAt",
    "scope": "scopes",
    "user_id": "userId",
    "client_id_issued_at": "createdAt",
    "client_name": "name",
    "client_uri": "uri",
    "logo_uri": "icon",
    "contacts": "contacts",
    "tos_uri": "tos",
    "policy_uri": "policy",
    "jwks": "jwks",
    "jwks_uri": "jwksUri",
    "software_id": "softwareId",
    "software_version": "softwareVersion",
    "software_statement": "softwareStatement",
    "redirect_uris": "redirectUris",
    "post_logout_redirect_uris": "postLogoutRedirectUris",
    "backchannel_logout_uri": "backchannelLogoutUri",
    "backchannel_logout_session_required": "backchannelLogoutSessionRequired",
    "token_endpoint_auth_method": "tokenEndpointAuthMethod",
    "grant_types": "grantTypes",
    "response_types": "responseTypes",
    "application_type": "applicationType",
    "disabled": "disabled",
    "skip_consent": "skipConsent",
    "enable_end_session": "enableEndSession",
    "require_pkce": "requirePKCE",
    "dpop_bound_access_tokens": "dpopBoundAccessTokens",
    "subject_type": "subjectType",
    "reference_id": "referenceId",
}
"""By the property's name, in the original's order."""
_COMPUTED = ("client_secret", "client_secret_expires_at", "scope", "client_id_issued_at", "jwks")
_RESERVED = frozenset(
    {*FIELDS, *FIELDS.values(), *CLIENT.fields}
    | {"public", "type", "resources", "client_credentials_scopes"}
)


def to_row(metadata: Mapping[str, Any]) -> Row:
    """Return the values of a row for client metadata; what is not given is left out."""
    plain = {
        field: metadata[name]
        for name, field in FIELDS.items()
        if name in metadata and name not in _COMPUTED
    }
    if metadata.get("scope") is not None:
        plain["scopes"] = metadata["scope"].split(" ")
    if metadata.get("jwks") is not None:
        plain["jwks"] = json.dumps(metadata["jwks"])
    if more := _extensions(metadata.get("metadata")):
        plain["metadata"] = more
    return plain


def to_json(client: Mapping[str, Any], secret: str | None = None) -> dict[str, Any]:
    """Return a client as clients and their owners see it; `secret` only when it is new."""
    created, scopes, jwks = client.get("createdAt"), client.get("scopes"), client.get("jwks")
    computed = {
        "client_secret": secret,
        "client_secret_expires_at": 0 if client.get("clientSecret") else None,
        "scope": None if scopes is None else " ".join(scopes),
        "client_id_issued_at": None if created is None else round(created.timestamp()),
        "jwks": None if not jwks else json.loads(jwks),
        "redirect_uris": client.get("redirectUris") or [],
    }
    known = {
        name: computed[name] if name in computed else client.get(field)
        for name, field in FIELDS.items()
    }
    shown = {name: value for name, value in known.items() if value is not None}
    return {**_extensions(client.get("metadata")), **shown}


def _extensions(metadata: Any) -> dict[str, Any]:
    if isinstance(metadata, str):
        metadata = json.loads(metadata)
    given = metadata if isinstance(metadata, dict) else {}
    return {name: value for name, value in given.items() if name not in _RESERVED}
