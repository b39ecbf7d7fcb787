"""The answers of the provider, for the OpenAPI document."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, RootModel
from pydantic.alias_generators import to_camel


class OAuthRedirect(BaseModel):
    """Where the browser goes."""

    redirect: bool
    url: str


class OAuthTokens(BaseModel):
    """Tokens (RFC 6749, section 5.1); `expires_at` in seconds since 1970."""

    access_token: str
    expires_in: int
    expires_at: int
    token_type: str
    scope: str
    refresh_token: str | None = None
    id_token: str | None = None


class TokenIntrospection(BaseModel):
    """What a token is worth (RFC 7662)."""

    model_config = ConfigDict(extra="allow")
    active: bool


class UserInfo(BaseModel):
    """Claims about the user."""

    model_config = ConfigDict(extra="allow")
    sub: str
    name: str | None = None
    email: str | None = None
    email_verified: bool | None = None


class OAuthClient(BaseModel):
    """A client (RFC 7591); `client_secret` only when it is new."""

    model_config = ConfigDict(extra="allow")
    client_id: str
    client_secret: str | None = None
    client_name: str | None = None
    redirect_uris: list[str]


class OAuthConsent(BaseModel):
    """What a user has allowed to a client."""

    model_config = ConfigDict(alias_generator=to_camel)
    id: str
    client_id: str
    user_id: str
    reference_id: str | None
    resources: list[str] | None
    requested_user_info_claims: list[str] | None
    scopes: list[str]
    created_at: datetime
    updated_at: datetime


class Nothing(RootModel[Any]):
    """Null."""
