"""What is to be known of a social provider: one `Definition` each, in `catalog`.

Paths lead into the JSON of a profile: `kakao_account.profile.nickname`. Of several, the first
with a value counts.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, TypeAlias

from authward.oauth.provider import Tokens

Json: TypeAlias = dict[str, Any]
Options: TypeAlias = Mapping[str, Any]
FOUND_VERIFIED: Final = "(email_verified)"
"""Where a function that reads a profile says so of its address; it is no part of the profile."""
Paths: TypeAlias = tuple[str, ...]
ClientAuth: TypeAlias = Literal["client_secret_post", "client_secret_basic"]


class Api(Protocol):
    """The provider's endpoints, as the function that reads a profile sees them."""

    client_ids: tuple[str, ...]
    client_secret: str
    options: Options
    urls: Mapping[str, str]

    async def call(self, endpoint: str, tokens: Tokens | None = None, **request: Any) -> Any:
        """Return the JSON of an endpoint; the access token is sent where tokens are given."""

    async def content(self, endpoint: str, tokens: Tokens) -> bytes | None:
        """Return what an endpoint has that need not be there, such as a picture."""

    def claims(self, tokens: Tokens) -> Json | None:
        """Return the claims of the ID token, if there is one."""


Fetch: TypeAlias = Callable[[Api, Tokens], Awaitable[Json | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdTokenRules:
    """How ID tokens are verified.

    Args:
        issuers: whose they are; empty where `is_allowed` says it.
        algorithms: of the signature.
        max_age: in seconds from when a token was issued; None for as long as it is valid.
        hashed_nonce: the token may have the nonce's SHA-256 instead.
        is_allowed: more about the claims.
        opaque: a client may send an access token instead, which `fetch` verifies.
        audiences: the options that name them instead of the client ids.
    """

    issuers: Callable[[Options], tuple[str, ...]]
    algorithms: tuple[str, ...] = ("RS256",)
    max_age: int | None = 3600
    hashed_nonce: bool = False
    is_allowed: Callable[[Mapping[str, Any], Options], bool] | None = None
    opaque: bool = False
    audiences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A provider as data; the engine is `KnownProvider`.

    Args:
        id: its name in paths, requests and the `account` table.
        endpoints: its URLs by name, with its options in braces: `authorization`, `token`, `user`,
            and where there are ID tokens `jwks`.
        scopes: those that are requested by default.
        subject: the path to the account's id.
        name, email, image, verified: the paths to what a user has.
        placeholder_email: the account's id makes an address where the provider tells none.
        source: where the profile is from: the endpoint `user`, the ID token, or a function.
        prepare: takes the profile out of the response; None for nobody.
        amend: what the paths cannot say: more of the user, made of the profile.
        options: those of this provider alone, with their defaults.
        required: options and credentials without which it cannot work.
        resolve: makes more of the options, for `endpoints`.
        pkce: whether the authorization request has a challenge.
        sends_verifier: whether the token request has the verifier, by default as `pkce`.
        login_hint, prompt: whether those parameters are known to it; `prompt` may be a default.
        additional: whether it takes the client's parameters.
        parameters: those of its own, made of the options and scopes.
        fixed: whether its own parameters come before the client's.
        request_scopes_first: before those of the options.
        scope_separator, client_id_parameter: its own spelling.
        token_auth: how it authenticates clients that have a secret.
        call: method, headers and body of the request for the profile.
        id_token: how ID tokens are verified; None where they are not, or by `verify`.
        verify: asks the provider whether an ID token is valid.
        fragment: of the authorization URL.
        scope_last: the scopes stand at the end of the query, with %20 between them.
        takes_scopes: whether it has scopes at all.
        token_headers: of the token request.
        needs_email: without an address there is no profile.
        sends_device_id: the token request has the `device_id` that came with the code.
        token_by_query: the token request is a GET with everything in its query.
        refreshes: whether it exchanges refresh tokens: at the endpoint `refresh`, or at `token`.
        refreshes_scopes: whether scopes are named there again.
        refresh_auth: how it authenticates clients there, by default as `token_auth` says.
    """

    id: str
    endpoints: Mapping[str, str]
    scopes: tuple[str, ...] = ()
    subject: Paths
    name: Paths = ("name",)
    email: Paths = ("email",)
    image: Paths = ("picture",)
    verified: str | None = None
    placeholder_email: bool = False
    source: Literal["user", "id_token"] | Fetch = "user"
    prepare: Callable[[Json], Json | None] | None = None
    amend: Callable[[Json], Json] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ("client_id", "client_secret")
    resolve: Callable[[Options], Json] | None = None
    pkce: bool = True
    sends_verifier: bool | None = None
    login_hint: bool = False
    prompt: bool | str = False
    additional: bool = True
    parameters: Callable[[Options, tuple[str, ...]], Mapping[str, str | None]] | None = None
    fixed: Callable[[Options], Mapping[str, str]] | None = None
    request_scopes_first: bool = False
    scope_separator: str = " "
    client_id_parameter: str = "client_id"
    token_auth: ClientAuth = "client_secret_post"  # noqa: S105
    token_headers: Mapping[str, str] = field(default_factory=dict)
    call: Mapping[str, Any] = field(default_factory=dict)
    id_token: IdTokenRules | None = None
    verify: Callable[[Api, str, str | None], Awaitable[bool]] | None = None
    fragment: str = ""
    scope_last: bool = False
    takes_scopes: bool = True
    needs_email: bool = False
    sends_device_id: bool = False
    token_by_query: bool = False
    refreshes: bool = True
    refreshes_scopes: bool = False
    refresh_auth: ClientAuth | None = None


def look_up(profile: Any, path: str) -> Any:
    """Return what is at the path, or None; a name may have dots in it too."""
    if isinstance(profile, dict) and path in profile:
        return profile[path]
    for name in path.split("."):
        if isinstance(profile, list) and name.isdigit():
            profile = profile[int(name)] if int(name) < len(profile) else None
        else:
            profile = profile.get(name) if isinstance(profile, dict) else None
    return profile


def first(profile: Any, paths: Paths) -> Any:
    """Return the first value that is neither missing nor empty."""
    return next((found for found in (look_up(profile, path) for path in paths) if found), None)
