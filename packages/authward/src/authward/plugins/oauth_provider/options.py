"""Options of `oauth_provider`: the original's, in snake case; times are in seconds."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from authward.plugins.oauth_provider.client_id_options import ClientIdMetadata
from authward.plugins.schema_options import SchemaOptions
from authward.storage.rows import AuthSession, AuthUser

DEFAULT_SCOPES = ("openid", "profile", "email", "offline_access")
GRANT_TYPES = ("authorization_code", "client_credentials", "refresh_token")
Grant: TypeAlias = Literal["authorization_code", "client_credentials", "refresh_token"]
ClientAction: TypeAlias = Literal[
    "create", "read", "update", "delete", "list", "rotate", "configure-client-credentials-scopes"
]


@dataclass(frozen=True, slots=True)
class Authorization:
    """Who asks a page's or a consent's question: the signed-in user, and the scopes asked for."""

    user: AuthUser
    session: AuthSession
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClaimsRequest:
    """For whom claims are made; `user` is None where a client acts for itself."""

    user: AuthUser | None
    scopes: tuple[str, ...]
    client: Mapping[str, Any]
    resources: tuple[str, ...] = ()


Decision: TypeAlias = Callable[[Authorization], Awaitable[bool]]
Reference: TypeAlias = Callable[[Authorization], Awaitable[str | None]]
Claims: TypeAlias = Callable[[ClaimsRequest], Awaitable[Mapping[str, Any]]]
ClientReference: TypeAlias = Callable[[AuthUser, AuthSession], Awaitable[str | None]]
ClientPrivileges: TypeAlias = Callable[[ClientAction, AuthUser, AuthSession], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthResource:
    """A protected resource that access tokens are for; None means the provider's own policy.

    Args:
        identifier: an absolute URI without a fragment.
        name: for people, by default the identifier.
        access_token_ttl, refresh_token_ttl: seconds.
        allowed_scopes: of a token for it; others are left out.
        custom_claims: in its tokens.
        disabled: no new tokens are issued for it.
    """

    identifier: str
    name: str | None = None
    access_token_ttl: int | None = None
    refresh_token_ttl: int | None = None
    allowed_scopes: tuple[str, ...] | None = None
    custom_claims: Mapping[str, Any] | None = None
    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvertisedMetadata:
    """What the metadata documents name instead of all scopes and claims."""

    scopes_supported: tuple[str, ...] | None = None
    claims_supported: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """Texts before secrets, by which scanners of source code recognise them."""

    opaque_access_token: str = ""
    refresh_token: str = ""
    client_secret: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignupPage:
    """Where `prompt=create` leads, by default to the login page; and who must go there anyway."""

    page: str | None = None
    should_redirect: Decision | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectAccountPage:
    """Where `prompt=select_account` leads; and who must go there anyway."""

    page: str
    should_redirect: Decision | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostLoginPage:
    """A page between login and consent, such as the choice of an organization.

    `consent_reference_id` returns what was chosen there: consents and tokens are kept under it.
    """

    page: str
    should_redirect: Decision
    consent_reference_id: Reference | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `max` requests in `window` seconds, per client address."""

    window: int
    max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthRateLimits:
    """By endpoint; None leaves the server's own rule."""

    token: Limit | None = Limit(60, 20)
    authorize: Limit | None = Limit(60, 30)
    introspect: Limit | None = Limit(60, 100)
    revoke: Limit | None = Limit(60, 30)
    register: Limit | None = Limit(60, 5)
    userinfo: Limit | None = Limit(60, 60)


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthProviderOptions:
    """The original's options.

    Args:
        login_page, consent_page: where browsers are sent, with the signed query: a path of this
            site, or an absolute URL on a trusted origin.
        scopes: all that there are.
        code_expires_in, access_token_expires_in, m2m_access_token_expires_in,
            refresh_token_expires_in, id_token_expires_in: lifetimes.
        refresh_token_reuse_interval: for how long a refresh token that was used up answers with
            the same tokens again.
        allow_dynamic_client_registration: whether clients may register themselves (RFC 7591).
        allow_unauthenticated_client_registration: also without a session.
        client_registration_default_scopes, client_registration_allowed_scopes: of such clients.
        client_registration_default_resources, client_registration_allowed_resources: the
            resources that such clients are linked to, and those that they may ask for.
        client_registration_require_pkce: of such clients that have a secret; others always must.
        resources: what tokens may be for.
        resource_seed_mode: what becomes of rows that `resources` made earlier.
        enforce_per_client_resources: whether a client must be linked to a resource.
        advertised_metadata: what the documents name instead of all scopes and claims.
        allow_public_client_prelogin: whether the login page may ask who the client is.
        grant_types: those of the token endpoint.
        prefix: before secrets.
        rate_limit: by endpoint.
        pairwise_secret: with it clients may have subject identifiers of their own.
        signup, select_account, post_login: more pages.
        custom_access_token_claims, custom_id_token_claims, custom_user_info_claims: more claims.
        client_reference: whom clients belong to instead of their user, such as an organization.
        client_privileges: who may do what with clients.
        scope_expirations: shorter lifetimes of access tokens with a scope.
        unused_client_expires_in: clients that registered themselves, and that nobody has allowed
            anything since, are removed after so long; None keeps them.
        client_id_metadata: takes URLs as client ids: `ClientIdMetadata()`.
        schema: other names for the tables and their columns.
    """

    login_page: str
    consent_page: str
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    code_expires_in: int = 600
    access_token_expires_in: int = 3600
    m2m_access_token_expires_in: int = 3600
    refresh_token_expires_in: int = 2_592_000
    id_token_expires_in: int = 36_000
    refresh_token_reuse_interval: int = 0
    allow_dynamic_client_registration: bool = False
    allow_unauthenticated_client_registration: bool = False
    client_registration_default_scopes: tuple[str, ...] | None = None
    client_registration_allowed_scopes: tuple[str, ...] | None = None
    client_registration_default_resources: tuple[str, ...] = ()
    client_registration_allowed_resources: tuple[str, ...] = ()
    client_registration_require_pkce: bool = True
    resources: tuple[str | OAuthResource, ...] = ()
    resource_seed_mode: Literal["insertOnly", "merge", "overwrite"] = "insertOnly"
    enforce_per_client_resources: bool = True
    advertised_metadata: AdvertisedMetadata = AdvertisedMetadata()
    allow_public_client_prelogin: bool = False
    grant_types: tuple[Grant, ...] = GRANT_TYPES  # type: ignore[assignment]
    prefix: Prefix = Prefix()
    rate_limit: OAuthRateLimits = OAuthRateLimits()
    pairwise_secret: str | None = field(default=None, repr=False)
    signup: SignupPage = SignupPage()
    select_account: SelectAccountPage | None = None
    post_login: PostLoginPage | None = None
    custom_access_token_claims: Claims | None = None
    custom_id_token_claims: Claims | None = None
    custom_user_info_claims: Claims | None = None
    client_reference: ClientReference | None = None
    client_privileges: ClientPrivileges | None = None
    scope_expirations: Mapping[str, int] = field(default_factory=dict)
    unused_client_expires_in: int | None = None
    client_id_metadata: ClientIdMetadata | None = None
    schema: SchemaOptions = field(default_factory=dict)
