"""The answers, for the OpenAPI document."""

from typing import Literal

from pydantic import BaseModel

from authward.schema.responses import User


class TwoFactorEnabled(BaseModel):
    """What an authenticator app reads, and codes for those who lose it; nothing of it for `otp`."""

    method: Literal["otp", "totp"]
    totpURI: str | None = None  # noqa: N815
    backupCodes: list[str] | None = None  # noqa: N815


class TOTPURI(BaseModel):
    """What an authenticator app reads off a QR code."""

    totpURI: str  # noqa: N815


class TOTPCode(BaseModel):
    """A code."""

    code: str


class Verified(BaseModel):
    """Who is signed in; no `token` where no session was wanted."""

    token: str | None = None
    user: User


class NewBackupCodes(BaseModel):
    """Codes, each good for once."""

    status: bool
    backupCodes: list[str]  # noqa: N815
