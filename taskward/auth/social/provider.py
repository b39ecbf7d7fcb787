"""What a provider is: where it sends the browser, and how it says who came back."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from ada_url import URLSearchParams

from taskward.auth.passwords import well_formed
from taskward.auth.social.errors import ProviderError
from taskward.auth.social.redirects import append_query
from taskward.timestamps import now

RESERVED_PARAMETERS = (
    "state",
    "client_id",
    "redirect_uri",
    "response_type",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "scope",
)
_TEN_YEARS = 315_360_000


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What one sign-in asks of the provider."""

    state: str
    code_verifier: str = field(repr=False)
    redirect_uri: str
    nonce: str | None = None
    scopes: Sequence[str] = ()
    login_hint: str | None = None
    additional: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the provider gave for a code; times are in UTC. `scopes` is None where unknown."""

    access_token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)
    access_token_expires_at: datetime | None = None
    refresh_token_expires_at: datetime | None = None
    scopes: tuple[str, ...] | None = None

    @classmethod
    def from_response(cls, data: Mapping[str, Any]) -> Self:
        """Read the answer of a token endpoint.

        Raises:
            ValueError: there is no access token in it.
        """
        access_token = text(data.get("access_token"))
        if access_token is None:
            raise ValueError("no access token")
        return cls(
            access_token=access_token,
            refresh_token=text(data.get("refresh_token")),
            id_token=text(data.get("id_token")),
            access_token_expires_at=_moment(data.get("expires_in")),
            refresh_token_expires_at=_moment(data.get("refresh_token_expires_in")),
            scopes=_scopes(data.get("scope")),
        )


@dataclass(frozen=True, slots=True)
class Profile:
    """Who somebody is at the provider; `account_id` never changes, everything else may."""

    account_id: str
    email: str | None
    email_verified: bool
    name: str
    image: str | None

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any]) -> Self:
        """Read the standard claims of OpenID Connect (Core 5.1)."""
        return cls(
            account_id=claims["sub"],
            email=text(claims.get("email")),
            email_verified=boolean(claims.get("email_verified")),
            name=text(claims.get("name")) or "",
            image=text(claims.get("picture")),
        )


@dataclass(kw_only=True)
class SocialProvider(ABC):
    """A provider, configured with Better Auth's options.

    Args:
        client_id: what the provider calls this application.
        client_secret: proves to the provider that it is this application.
        scope: what to ask for beside the defaults.
        disable_default_scope: ask for `scope` only.
        disable_sign_up: only people who have an account already may sign in.
        disable_implicit_sign_up: the same, unless the client sends `requestSignUp`.
        disable_id_token_sign_in: refuse ID tokens that the client got itself.
        override_user_info_on_sign_in: name, image and e-mail follow the provider's.
        prompt: OpenID Connect's parameter of this name.
    """

    client_id: str
    client_secret: str = field(repr=False)
    scope: tuple[str, ...] = ()
    disable_default_scope: bool = False
    disable_sign_up: bool = False
    disable_implicit_sign_up: bool = False
    disable_id_token_sign_in: bool = False
    override_user_info_on_sign_in: bool = False
    prompt: str | None = None

    def __post_init__(self) -> None:
        from taskward.auth.tls import tls_context  # noqa: PLC0415

        tls_context()  # not while a browser waits

    @property
    @abstractmethod
    def id(self) -> str:
        """The provider's name in paths, requests and the `account` table."""

    @property
    def issuer(self) -> str | None:
        """Who the provider says it is in `iss` (RFC 9207), if it says so."""
        return None

    @property
    def requires_nonce(self) -> bool:
        """Whether an ID token must be bound to the browser's visit by a nonce."""
        return False

    @property
    def takes_id_tokens(self) -> bool:
        """Whether a client may sign in with an ID token that it got itself."""
        return False

    def lets_sign_up(self, *, requested: bool) -> bool:
        """Whether somebody new becomes a user; `requested`: the client asked for just that."""
        return not self.disable_sign_up and (requested or not self.disable_implicit_sign_up)

    async def is_ready(self) -> bool:
        """Whether its endpoints are known, which may take a request."""
        return True

    @abstractmethod
    def authorization_url(self, request: AuthorizationRequest) -> str:
        """Return where to send the browser."""

    @abstractmethod
    async def exchange_code(self, code: str, *, code_verifier: str, redirect_uri: str) -> Tokens:
        """Return the tokens that the provider gives for a code.

        Raises:
            ProviderError: it gives none.
        """

    @abstractmethod
    async def profile(self, tokens: Tokens, *, nonce: str | None) -> Profile:
        """Ask who it was that came back.

        Raises:
            ProviderError: the provider does not tell, or not credibly.
        """

    async def profile_from_id_token(self, id_token: str, *, nonce: str | None) -> Profile | None:
        """Read an ID token that a client sent; None if it is genuine but says too little.

        Raises:
            ProviderError: it is not genuine.
        """
        del id_token, nonce
        raise ProviderError("ID tokens are not supported")

    def _authorization_url(
        self,
        endpoint: str,
        request: AuthorizationRequest,
        scopes: Sequence[str],
        **more: str | None,
    ) -> str:
        from authlib.oauth2.rfc7636 import (  # noqa: PLC0415
            create_s256_code_challenge as code_challenge,
        )

        parameters = {
            "response_type": "code",
            "client_id": self.client_id,
            "state": request.state,
            "scope": " ".join(scopes),
            "redirect_uri": request.redirect_uri,
            "login_hint": request.login_hint,
            "nonce": request.nonce,
            "prompt": self.prompt,
            **more,
            "code_challenge_method": "S256",
            "code_challenge": code_challenge(request.code_verifier),
        }
        return _with_parameters(endpoint, parameters, request.additional)

    async def _exchange_code(
        self, endpoint: str, auth_method: str = "client_secret_post", **parameters: str
    ) -> Tokens:
        from taskward.auth.social.outbound import calling  # noqa: PLC0415

        async with calling(self.client_id, self.client_secret, auth_method) as client:
            data = await client.fetch_token(endpoint, grant_type="authorization_code", **parameters)
            return Tokens.from_response(data)


def _with_parameters(
    endpoint: str, parameters: Mapping[str, str | None], additional: Mapping[str, str]
) -> str:
    search = URLSearchParams("")
    for name, value in parameters.items():
        if value:
            search.set(name, well_formed(value))
    for name, value in additional.items():
        if name not in RESERVED_PARAMETERS:
            search.set(well_formed(name), well_formed(value))
    return append_query(endpoint, search, replacing=True)


def text(value: Any) -> str | None:
    """Return a string that PostgreSQL can hold, None for anything else."""
    return well_formed(value) if isinstance(value, str) and value and "\0" not in value else None


def boolean(value: Any) -> bool:
    """Whether it is true; some providers send a string."""
    return value is True or value == "true"


def _moment(seconds: Any) -> datetime | None:
    try:
        wanted = float(seconds)
    except (TypeError, ValueError):
        return None
    return now() + timedelta(seconds=wanted) if 0 < wanted < _TEN_YEARS else None


def _scopes(value: Any) -> tuple[str, ...]:
    parts = value.split() if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(part for part in map(text, parts) if part)
