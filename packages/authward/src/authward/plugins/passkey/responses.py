"""The answers, for the OpenAPI document."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from authward.schema.responses import Session, User


class _Response(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class Passkey(_Response):
    """A passkey; the private key is the authenticator's."""

    name: str | None
    public_key: str
    user_id: str
    credentialID: str  # noqa: N815
    counter: int
    device_type: str
    backed_up: bool
    transports: str | None
    created_at: datetime | None
    aaguid: str | None
    id: str


class RegisteredPasskey(Passkey):
    """A new passkey, and who is signed in with it, if that was wanted."""

    session: Session | None = None
    user: User | None = None


class UpdatedPasskey(_Response):
    """The passkey with its new name."""

    passkey: Passkey


class CeremonyOptions(_Response):
    """What a browser takes; the words are those of WebAuthn."""

    model_config = ConfigDict(alias_generator=to_camel, extra="allow")
    challenge: str
    timeout: int
    extensions: dict[str, Any] | None = None
