"""What clients may say of themselves (RFC 7591, RFC 8252), checked as the original does."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NoReturn, TypeAlias

from ada_url import URL

from authward.plugins.oauth_provider.errors import OAuthError
from authward.plugins.oauth_provider.options import OAuthProviderOptions
from authward.plugins.oauth_provider.urls import (
    SCRIPTS,
    is_loopback_ip,
    is_private_scheme,
    parse,
    raw_http_hostname,
)
from authward.plugins.oauth_provider.validation import (
    AnyField,
    ChoiceField,
    ListField,
    NeverField,
    OAuthSchema,
    ResourceField,
    TrimmedField,
    URLField,
)
from authward.validation import Field, Schema

Source: TypeAlias = Literal["dynamic", "managed", "document"]
AUTH_METHODS = ("none", "client_secret_basic", "client_secret_post")
_URIS = ListField(required=False, of=URLField(), min_items=1)
_TEXT = Field("string", required=False, max_length=2048)
_FLAG = Field("boolean", required=False)
_LOCAL_HOSTS = {"localhost", "127.0.0.1", "[::1]"}
_NEEDED_ENTRY = Field("string", nonempty=True)
_TYPES = ("web", "native")

_COMMON: Mapping[str, Field] = {
    "redirect_uris": _URIS,
    "scope": _TEXT,
    "client_name": _TEXT,
    "client_uri": _TEXT,
    "logo_uri": _TEXT,
    "contacts": ListField(required=False, of=_NEEDED_ENTRY, min_items=1),
    "tos_uri": _TEXT,
    "policy_uri": _TEXT,
    "software_id": _TEXT,
    "software_version": _TEXT,
    "software_statement": Field("string", required=False, max_length=8192),
    "post_logout_redirect_uris": _URIS,
    "backchannel_logout_uri": URLField(required=False),
    "backchannel_logout_session_required": _FLAG,
    "token_endpoint_auth_method": TrimmedField(required=False),
    "jwks": AnyField(),
    "jwks_uri": _TEXT,
    "grant_types": ListField(required=False, of=TrimmedField(), min_items=1),
    "response_types": ListField(required=False, of=ChoiceField(choices=("code",))),
    "application_type": ChoiceField(required=False, choices=_TYPES),
    "dpop_bound_access_tokens": _FLAG,
}


class _NameField(TrimmedField):
    """A client's name is not only white space."""

    __slots__ = ()

    def problems(self, value: Any) -> list[str]:
        found = TrimmedField.problems(self, value)
        is_blank = bool(found) and isinstance(value, str)
        return ["client_name cannot be empty"] if is_blank else found


REGISTRATION = OAuthSchema(
    {
        **_COMMON,
        "client_name": _NameField(required=False, max_length=2048),
        "subject_type": ChoiceField(required=False, choices=("public", "pairwise")),
        "resources": ListField(required=False, of=ResourceField()),
        "skip_consent": NeverField(required=False),
    },
    error_codes={
        "redirect_uris": "invalid_redirect_uri",
        "post_logout_redirect_uris": "invalid_redirect_uri",
        "software_statement": "invalid_software_statement",
        "resources": "invalid_target",
    },
    default_error="invalid_client_metadata",
)
CREATE_CLIENT = Schema(dict(_COMMON))
UPDATE_CLIENT = {
    name: field
    for name, field in _COMMON.items()
    if name not in {"token_endpoint_auth_method", "jwks", "jwks_uri", "dpop_bound_access_tokens"}
}
ADMIN_FIELDS: Mapping[str, Field] = {
    "client_credentials_scopes": ListField(required=False, of=TrimmedField()),
    "skip_consent": _FLAG,
    "enable_end_session": _FLAG,
    "require_pkce": _FLAG,
    "subject_type": ChoiceField(required=False, choices=("public", "pairwise")),
    "metadata": AnyField(),
}


def with_defaults(metadata: Mapping[str, Any], source: Source) -> dict[str, Any]:
    """Return metadata with what is meant where nothing is said."""
    grants = metadata.get("grant_types", ["authorization_code"])
    uris = metadata.get("redirect_uris") or []
    method = "none" if source == "document" else "client_secret_basic"
    defaults: dict[str, Any] = {"token_endpoint_auth_method": method, "grant_types": grants}
    if source != "document":
        is_native = source == "dynamic" and any(map(_is_native, uris))
        defaults["application_type"] = "native" if is_native else "web"
    if "authorization_code" in grants:
        defaults["response_types"] = ["code"]
    return {**defaults, **metadata}


def _is_native(uri: str) -> bool:
    """Whether only an app on the user's own machine can be there (ours, not the original's)."""
    url = parse(uri)
    if url is None:
        return False
    return (url.protocol == "http:" and raw_http_hostname(uri) in _LOCAL_HOSTS) or (
        is_private_scheme(url)
    )


def check_metadata(
    metadata: Mapping[str, Any], options: OAuthProviderOptions, source: Source
) -> None:
    """Refuse a client that could not be served, or that would be a danger to users.

    Raises:
        OAuthError: 400.
    """
    method = metadata["token_endpoint_auth_method"]
    if method not in AUTH_METHODS:
        _refuse(f"unsupported token_endpoint_auth_method {method}")
    _check_redirect_uris(metadata, source)
    _check_grants(metadata, options, source)
    _check_subject_type(metadata, options)
    _check_scope(metadata, options, source)
    if source != "managed" and metadata.get("require_pkce") is False:
        _refuse("pkce is required for registered clients.")
    for name in ("jwks", "jwks_uri"):
        if metadata.get(name):
            _refuse(f"{name} is not supported: there is no private_key_jwt here")
    if metadata.get("backchannel_logout_uri"):
        _refuse("backchannel_logout_uri is not supported")
    if metadata.get("dpop_bound_access_tokens"):
        _refuse("dpop_bound_access_tokens is not supported")


def _check_redirect_uris(metadata: Mapping[str, Any], source: Source) -> None:
    uris = metadata.get("redirect_uris") or []
    if "authorization_code" in metadata["grant_types"] and not uris:
        message = "Redirect URIs are required for authorization_code and implicit grant types"
        raise OAuthError("invalid_redirect_uri", message)
    default = "native" if source == "document" else "web"
    kind = metadata.get("application_type") or default
    for uri in uris:
        check_redirect_uri(uri, kind)


def check_redirect_uri(uri: str, kind: str) -> None:
    """Refuse a redirect URI that a client of this kind may not have.

    Raises:
        OAuthError: 400 invalid_redirect_uri.
    """
    url = parse(uri)
    if url is None:
        _bad_uri(f"redirect URI must be an absolute URI: {uri}")
    if "#" in uri or url.username or url.password:
        _bad_uri(f"redirect URI must not include credentials or a fragment: {uri}")
    hostname = str(url.hostname)
    if hostname.lower().rstrip(".") == "localhost" and hostname.endswith("."):
        _bad_uri(f"redirect URI localhost must not include trailing dots: {uri}")
    is_here = is_loopback_ip(hostname) or hostname == "localhost"
    if kind != "web":
        _check_native_uri(uri, url, is_here=is_here)
    elif url.protocol != "https:" or is_here:
        _bad_uri(f"web clients require https redirect URIs on non-loopback hosts: {uri}")


def _check_native_uri(uri: str, url: URL, *, is_here: bool) -> None:
    if url.protocol == "https:":
        if is_here:
            _bad_uri(f"native clients must not use https loopback redirect URIs: {uri}")
    elif url.protocol == "http:":
        if raw_http_hostname(uri) not in _LOCAL_HOSTS:
            _bad_uri(
                "native clients may use http only on the exact loopback hosts localhost, "
                f"127.0.0.1, or [::1]: {uri}"
            )
    elif url.protocol in SCRIPTS or not is_private_scheme(url):
        _bad_uri(
            "native private-use redirect URI schemes must be well-formed reverse-domain names, "
            f"omit the naming authority, and must not use a reserved scheme: {uri}"
        )


def _check_grants(
    metadata: Mapping[str, Any], options: OAuthProviderOptions, source: Source
) -> None:
    grants: Sequence[str] = metadata["grant_types"]
    unknown = [grant for grant in grants if grant not in options.grant_types]
    if source == "document" and len(unknown) == len(grants):
        _refuse(f"no mutually supported grant_type among {', '.join(grants)}")
    if source != "document" and unknown:
        _refuse(f"unsupported grant_type {unknown[0]}")
    uses_codes, has_code = (
        "authorization_code" in grants,
        "code" in metadata.get("response_types", ()),
    )
    if uses_codes and not has_code:
        _refuse(
            "When 'authorization_code' grant type is used, 'code' response type must be included"
        )
    if has_code and not uses_codes:
        _refuse(
            "When 'code' response type is used, 'authorization_code' grant type must be included"
        )


def _check_subject_type(metadata: Mapping[str, Any], options: OAuthProviderOptions) -> None:
    if metadata.get("subject_type") != "pairwise":
        return
    if not options.pairwise_secret:
        _refuse("pairwise subject_type requires server pairwiseSecret configuration")
    hosts = {str(parsed.host) for uri in metadata["redirect_uris"] if (parsed := parse(uri))}
    if len(hosts) > 1:
        _refuse(
            "pairwise clients with redirect_uris on different hosts require a "
            "sector_identifier_uri, which is not yet supported. All redirect_uris must share the "
            "same host."
        )


def _check_scope(
    metadata: Mapping[str, Any], options: OAuthProviderOptions, source: Source
) -> None:
    allowed = options.scopes if source == "managed" else registered_scopes(options)
    for scope in (metadata.get("scope") or "").split(" "):
        if scope and scope not in allowed:
            raise OAuthError("invalid_scope", f"cannot request scope {scope}")


def registered_scopes(options: OAuthProviderOptions) -> list[str]:
    """Return the scopes of clients that register themselves."""
    default = options.client_registration_default_scopes
    first = options.scopes if default is None else default
    return list(dict.fromkeys((*first, *(options.client_registration_allowed_scopes or ()))))


def _refuse(description: str) -> NoReturn:
    raise OAuthError("invalid_client_metadata", description)


def _bad_uri(description: str) -> NoReturn:
    raise OAuthError("invalid_redirect_uri", description)
