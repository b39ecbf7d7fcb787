"""`device_authorization`: televisions and command lines sign in by another device (RFC 8628)."""

import math
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from authward.endpoint import Endpoint
from authward.plugin import Plugin
from authward.plugins.device_authorization import user
from authward.plugins.device_authorization.codes import DeviceAuthorizationCode, tables
from authward.plugins.device_authorization.device import (
    GRANT_TYPE,
    DeviceEndpoints,
    OAuthSchema,
)
from authward.plugins.device_authorization.options import (
    ID,
    DeviceAuthorizationOptions,
    DeviceRequest,
    check_options,
)
from authward.plugins.schema_options import with_options
from authward.schema import responses as schemas
from authward.security.rate_limit import RateLimitRule
from authward.validation import UNDEFINED, Field, Schema

__all__ = [
    "DeviceAuthorizationCode",
    "DeviceAuthorizationOptions",
    "DeviceRequest",
    "device_authorization",
]

_ERRORS = (400, 401, 403, 415, 429)


class DeviceCodes(BaseModel):
    """The codes of a device and of its user, and how long they live, in seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int


class DeviceToken(BaseModel):
    """A session's token."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str


class DeviceStatus(BaseModel):
    """What became of a request; the client's name and scope are for its user only."""

    user_code: str
    status: str
    client_id: str | None = None
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class _GrantType(Field):
    """The literal."""

    kind: Literal["string"] = "string"

    def problems(self, value: Any) -> list[str]:
        """Return what is wrong with a value."""
        known = value is not UNDEFINED and value == GRANT_TYPE
        return [] if known else [f'Invalid input: expected "{GRANT_TYPE}"']

    def json_schema(self) -> dict[str, Any]:
        """Return the schema for the OpenAPI document."""
        return {"type": "string", "const": GRANT_TYPE}


def device_authorization(options: DeviceAuthorizationOptions | None = None) -> Plugin:
    """Let devices without a keyboard sign in: their user approves on another one."""
    options = options or DeviceAuthorizationOptions()
    check_options(options)
    window = math.ceil(options.lifetime)
    return Plugin(
        id=ID,
        schema=with_options(ID, tables(), options.schema),
        endpoints=_endpoints(DeviceEndpoints(options)),
        rate_limit=[RateLimitRule(window, 5, paths=("/device",))],
        error_codes=DeviceAuthorizationCode,
        examples={
            "client_id": "tasks-tv",
            "device_code": "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eFgH9jK2mN",
            "user_code": "ABCDEFGH",
            "userCode": "ABCDEFGH",
            "scope": "openid profile",
        },
    )


def _endpoints(device: DeviceEndpoints) -> list[Endpoint]:
    client_id = Field("string", description="The application on the device")
    code_body = {
        "client_id": client_id,
        "user_id": Field("string", required=False, description="Only this user may approve"),
        "scope": Field("string", required=False, description="Separated by blanks"),
    }
    token_body = {
        "grant_type": _GrantType(),
        "device_code": Field("string", description="The device's code"),
        "client_id": client_id,
    }
    user_code = Field("string", description="The code that the device shows")
    decision = Schema({"userCode": user_code})
    return [
        Endpoint(
            path="/device/code",
            handler=device.code,
            body=OAuthSchema(code_body),
            accept_forms=True,
            response_model=DeviceCodes,
            errors=_ERRORS,
        ),
        Endpoint(
            path="/device/token",
            handler=device.token,
            body=Schema(token_body),
            accept_forms=True,
            response_model=DeviceToken,
            errors=_ERRORS,
        ),
        Endpoint(
            path="/device",
            name="device_verify",
            methods=("GET",),
            handler=user.verify,
            query=Schema({"user_code": user_code}),
            response_model=DeviceStatus,
            errors=(400, 429),
        ),
        Endpoint(
            path="/device/approve",
            handler=user.approve,
            body=decision,
            response_model=schemas.Success,
            errors=_ERRORS,
        ),
        Endpoint(
            path="/device/deny",
            handler=user.deny,
            body=decision,
            response_model=schemas.Success,
            errors=_ERRORS,
        ),
    ]
