"""The answers, for the OpenAPI document."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from pydantic.json_schema import SkipJsonSchema


class _Response(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class AuthError(_Response):
    """An error of the Better Auth protocol; some messages have no code."""

    code: str | SkipJsonSchema[None] = None
    message: str


class User(_Response):
    """A person."""

    id: str
    name: str
    email: str
    email_verified: bool
    image: str | None
    created_at: datetime
    updated_at: datetime


class Session(_Response):
    """A signed-in browser."""

    id: str
    user_id: str
    token: str
    expires_at: datetime
    created_at: datetime
    updated_at: datetime
    ip_address: str | None
    user_agent: str | None


class SessionAndUser(_Response):
    """Who is signed in."""

    session: Session
    user: User


class UpdatedSession(_Response):
    """The session after the change."""

    session: Session


class SignedInWithSession(SessionAndUser):
    """A user who has signed in with a link; `token` is the session's."""

    token: str


class SignedIn(_Response):
    """A user who has signed in; `token` is the session's."""

    token: str
    user: User


class VerifiedAddress(_Response):
    """A user whose address is verified; `token` is that of a session that has begun, if one has."""

    status: bool
    token: str | None
    user: User


class Message(_Response):
    """What was done, for people."""

    message: str


class KeySet(_Response):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[dict[str, str]]


class SignUp(_Response):
    """A new user; `token` is the session's, null where the e-mail must be verified first."""

    token: str | None
    user: User


class SignIn(_Response):
    """A signed-in user; `token` is the session's, not a JSON Web Token."""

    redirect: bool
    token: str
    url: str | None = None
    user: User


class SocialSignIn(_Response):
    """Where to send the browser; with an ID token, the signed-in user instead."""

    redirect: bool
    url: str | None = None
    token: str | None = None
    user: User | None = None


class LinkedAccount(_Response):
    """Where to send the browser; with an ID token, that it is done."""

    redirect: bool
    url: str
    status: bool | None = None


class Account(_Response):
    """A way to sign in: `credential` for the password, or a social provider."""

    id: str
    account_id: str
    provider_id: str
    user_id: str
    created_at: datetime
    updated_at: datetime
    scopes: list[str]


class ProviderAccessToken(_Response):
    """A provider's access token; times and the ID token only where they are known."""

    access_token: str
    access_token_expires_at: datetime | None = None
    scopes: list[str]
    id_token: str | None = None


class RefreshedTokens(_Response):
    """A provider's new tokens; `account_id` is the `id` that `/list-accounts` gives."""

    access_token: str
    refresh_token: str
    access_token_expires_at: datetime | None = None
    refresh_token_expires_at: datetime | None = None
    scope: str | None = None
    id_token: str | None = None
    provider_id: str
    account_id: str


class ProviderAccount(_Response):
    """An account; `account_id` is the provider's name for it."""

    id: str
    provider_id: str
    account_id: str


class AccountInfo(_Response):
    """What a provider says of a user: as we read it, and in its own words (`data`)."""

    user: dict[str, Any]
    data: dict[str, Any]
    account: ProviderAccount


class ChangedPassword(_Response):
    """`token` is a new session's where the others were revoked."""

    token: str | None
    user: User


class Token(_Response):
    """A JSON Web Token."""

    token: str


class Success(_Response):
    """Done."""

    success: bool


class Status(_Response):
    """Done."""

    status: bool


class Available(_Response):
    """Whether nobody has it."""

    available: bool


class ResetRequested(_Response):
    """Whether a mail was sent is not told."""

    status: bool
    message: str


class VerifiedEmail(_Response):
    """Done; `user` where the address itself has changed."""

    status: bool
    user: User | None = None


class Deleted(_Response):
    """Done."""

    success: bool
    message: str


class Ok(_Response):
    """The server answers."""

    ok: bool
