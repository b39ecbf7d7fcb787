"""Device codes and user codes: how they are made, kept and found; and the error codes."""

import re
import secrets
import string
from typing import Any, Final

from authward.codes import ErrorCode
from authward.endpoint_context import EndpointContext
from authward.plugins.device_authorization.options import (
    LONGEST_CODE,
    CodeGenerator,
    DeviceAuthorizationOptions,
)
from authward.plugins.oauth_provider.errors import OAuthError
from authward.schema.fields import DBField, DBIndex, DBTable
from authward.storage.adapter import Row
from authward.text import is_storable

MODEL: Final = "deviceCode"
_LEGIBLE: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_OF_ITS_LETTERS = re.compile(f"[{_LEGIBLE}]+")
_ANY: Final = string.ascii_letters + string.digits


class DeviceAuthorizationCode(ErrorCode):
    """The plugin's codes, in the original's words; answers have the words alone."""

    INVALID_DEVICE_CODE = 400, "Invalid device code"
    EXPIRED_DEVICE_CODE = 400, "Device code has expired"
    EXPIRED_USER_CODE = 400, "User code has expired"
    AUTHORIZATION_PENDING = 400, "Authorization pending"
    ACCESS_DENIED = 400, "Access denied"
    INVALID_USER_CODE = 400, "Invalid user code"
    DEVICE_CODE_ALREADY_PROCESSED = 400, "Device code already processed"
    DEVICE_CODE_NOT_CLAIMED = (
        400,
        (
            "Device code has not been claimed by a verifying session; call `GET /device` with the "
            "`user_code` while signed in before approving or denying"
        ),
    )
    POLLING_TOO_FREQUENTLY = 400, "Polling too frequently"
    USER_NOT_FOUND = 400, "User not found"
    FAILED_TO_CREATE_SESSION = 500, "Failed to create session"
    INVALID_DEVICE_CODE_STATUS = 400, "Invalid device code status"
    AUTHENTICATION_REQUIRED = 401, "Authentication required"


def refusal(error: str, code: DeviceAuthorizationCode, status: int | None = None) -> OAuthError:
    """Return an error of OAuth with the words of a code."""
    return OAuthError(error, code.message, status=status or code.status)


def tables() -> dict[str, DBTable]:
    """Return the table."""
    text, optional = DBField(type="string"), DBField(type="string", required=False)
    return {
        MODEL: DBTable(
            fields={
                "deviceCode": text,
                "userCode": text,
                "userId": optional,
                "expiresAt": DBField(type="date"),
                "status": text,
                "lastPolledAt": DBField(type="date", required=False),
                "pollingInterval": DBField(type="number", required=False),
                "clientId": optional,
                "scope": optional,
            },
            indexes=[
                DBIndex(fields=["deviceCode"], unique=True),
                DBIndex(fields=["userCode"], unique=True),
            ],
        )
    }


async def new_codes(options: DeviceAuthorizationOptions) -> tuple[str, str]:
    """Return a device code and a user code.

    Raises:
        APIError: 400, the host's own function returns what cannot be one.
    """
    device = await _made(options.generate_device_code, "device", _ANY, options.device_code_length)
    return device, await _made(
        options.generate_user_code, "user", _LEGIBLE, options.user_code_length
    )


async def _made(own: CodeGenerator | None, kind: str, letters: str, length: int) -> str:
    if own is None:
        return "".join(secrets.choice(letters) for _ in range(length))
    code: Any = await own()
    if not isinstance(code, str):
        raise OAuthError("invalid_request", f"Generated {kind} code must be a string")
    if len(code) > LONGEST_CODE:
        message = f"Generated {kind} code must be at most {LONGEST_CODE} characters"
        raise OAuthError("invalid_request", message)
    return code


async def find_by_user_code(ctx: EndpointContext, code: str) -> Row | None:
    """Return the row of a user code, as it was typed: `abcd-efgh` for `ABCDEFGH` too."""
    found = await _find(ctx, code)
    normal = re.sub(r"[^a-zA-Z0-9]", "", code).upper()
    if found is not None or normal == code or not _OF_ITS_LETTERS.fullmatch(normal):
        return found
    return await _find(ctx, normal)


async def _find(ctx: EndpointContext, code: str) -> Row | None:
    if not is_storable(code):
        return None
    return await ctx.auth.adapter.find_one(ctx.database, MODEL, {"userCode": code})
