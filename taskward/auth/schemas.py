"""The answers, for the OpenAPI document."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from pydantic.json_schema import SkipJsonSchema


class _Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class AuthError(_Answer):
    """An error of the Better Auth protocol; some messages have no code."""

    code: str | SkipJsonSchema[None] = None
    message: str


class User(_Answer):
    """A person."""

    id: str
    name: str
    email: str
    email_verified: bool
    image: str | None
    created_at: datetime
    updated_at: datetime


class Session(_Answer):
    """A signed-in browser."""

    id: str
    user_id: str
    token: str
    expires_at: datetime
    created_at: datetime
    updated_at: datetime
    ip_address: str | None
    user_agent: str | None


class SessionAndUser(_Answer):
    """Who is signed in."""

    session: Session
    user: User


class UpdatedSession(_Answer):
    """The session after the change."""

    session: Session


class KeySet(_Answer):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[dict[str, str]]


class SignUp(_Answer):
    """A new user; `token` is the session's, null where the e-mail must be verified first."""

    token: str | None
    user: User


class SignIn(_Answer):
    """A signed-in user; `token` is the session's, not a JSON Web Token."""

    redirect: bool
    token: str
    url: str | None = None
    user: User


class SocialSignIn(_Answer):
    """Where to send the browser; with an ID token, the signed-in user instead."""

    redirect: bool
    url: str | None = None
    token: str | None = None
    user: User | None = None


class LinkedAccount(_Answer):
    """Where to send the browser; with an ID token, that it is done."""

    redirect: bool
    url: str
    status: bool | None = None


class Account(_Answer):
    """A way to sign in: `credential` for the password, or a social provider."""

    id: str
    account_id: str
    provider_id: str
    user_id: str
    created_at: datetime
    updated_at: datetime
    scopes: list[str]


class ChangedPassword(_Answer):
    """`token` is a new session's where the others were revoked."""

    token: str | None
    user: User


class Token(_Answer):
    """A JSON Web Token."""

    token: str


class Success(_Answer):
    """Done."""

    success: bool


class Status(_Answer):
    """Done."""

    status: bool


class ResetRequested(_Answer):
    """Whether a mail was sent is not told."""

    status: bool
    message: str


class VerifiedEmail(_Answer):
    """Done; `user` where the address itself has changed."""

    status: bool
    user: User | None = None


class Deleted(_Answer):
    """Done."""

    success: bool
    message: str


class Ok(_Answer):
    """The server answers."""

    ok: bool
