"""The error codes of `api_key`, in the original's words."""

from typing import Any

from authward.codes import ErrorCode
from authward.errors import APIError


class ApiKeyCode(ErrorCode):
    """The plugin's codes."""

    INVALID_METADATA_TYPE = 400, "metadata must be an object or undefined"
    REFILL_AMOUNT_AND_INTERVAL_REQUIRED = (
        400,
        "refillAmount is required when refillInterval is provided",
    )
    REFILL_INTERVAL_AND_AMOUNT_REQUIRED = (
        400,
        "refillInterval is required when refillAmount is provided",
    )
    USER_BANNED = 401, "User is banned"
    UNAUTHORIZED_SESSION = 401, "Unauthorized or invalid session"
    KEY_NOT_FOUND = 404, "API Key not found"
    KEY_DISABLED = 401, "API Key is disabled"
    KEY_EXPIRED = 401, "API Key has expired"
    USAGE_EXCEEDED = 429, "API Key has reached its usage limit"
    KEY_NOT_RECOVERABLE = 400, "API Key is not recoverable"
    EXPIRES_IN_IS_TOO_SMALL = 400, "The expiresIn is smaller than the predefined minimum value."
    EXPIRES_IN_IS_TOO_LARGE = 400, "The expiresIn is larger than the predefined maximum value."
    INVALID_REMAINING = 400, "The remaining count is either too large or too small."
    INVALID_PREFIX_LENGTH = 400, "The prefix length is either too large or too small."
    INVALID_NAME_LENGTH = 400, "The name length is either too large or too small."
    METADATA_DISABLED = 400, "Metadata is disabled."
    RATE_LIMIT_EXCEEDED = 429, "Rate limit exceeded."
    NO_VALUES_TO_UPDATE = 400, "No values to update."
    KEY_DISABLED_EXPIRATION = 400, "Custom key expiration values are disabled."
    INVALID_API_KEY = 401, "Invalid API key."
    INVALID_USER_ID_FROM_API_KEY = 401, "The user id from the API key is invalid."
    INVALID_REFERENCE_ID_FROM_API_KEY = 401, "The reference id from the API key is invalid."
    INVALID_API_KEY_GETTER_RETURN_TYPE = (
        400,
        "API Key getter returned an invalid key type. Expected string.",
    )
    SERVER_ONLY_PROPERTY = (
        400,
        "The property you're trying to set can only be set from the server auth instance only.",
    )
    FAILED_TO_UPDATE_API_KEY = 500, "Failed to update API key"
    NAME_REQUIRED = 400, "API Key name is required."
    ORGANIZATION_ID_REQUIRED = 400, "Organization ID is required for organization-owned API keys."
    USER_NOT_MEMBER_OF_ORGANIZATION = (
        403,
        "You are not a member of the organization that owns this API key.",
    )
    INSUFFICIENT_API_KEY_PERMISSIONS = (
        403,
        "You do not have permission to perform this action on organization API keys.",
    )
    NO_DEFAULT_API_KEY_CONFIGURATION_FOUND = 400, "No default api-key configuration found."
    ORGANIZATION_PLUGIN_REQUIRED = (
        500,
        (
            "Organization plugin is required for organization-owned API keys. "
            "Please install and configure the organization plugin."
        ),
    )


class KeyRateLimitError(APIError):
    """Too many requests with one key; `try_again_in` is in milliseconds."""

    def __init__(self, try_again_in: int) -> None:
        super().__init__(ApiKeyCode.RATE_LIMIT_EXCEEDED)
        self.code = "RATE_LIMITED"
        self.try_again_in = try_again_in

    @property
    def body(self) -> dict[str, Any]:
        """The JSON body."""
        details = {"tryAgainIn": self.try_again_in}
        return {"message": self.message, "code": self.code, "details": details}
