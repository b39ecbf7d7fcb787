"""Better Auth's errors: a status and `{"code", "message"}`."""

from typing import Any

MESSAGES = {
    "CREDENTIAL_ACCOUNT_NOT_FOUND": "Credential account not found",
    "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED": (
        "Cross-site navigation login blocked. This request appears to be a CSRF attack."
    ),
    "BODY_MUST_BE_AN_OBJECT": "Body must be an object",
    "EMAIL_CAN_NOT_BE_UPDATED": "Email can not be updated",
    "FAILED_TO_CREATE_USER": "Failed to create user",
    "FAILED_TO_GET_SESSION": "Failed to get session",
    "INVALID_CALLBACK_URL": "Invalid callbackURL",
    "INVALID_EMAIL": "Invalid email",
    "INVALID_EMAIL_OR_PASSWORD": "Invalid email or password",
    "INVALID_ERROR_CALLBACK_URL": "Invalid errorCallbackURL",
    "INVALID_NEW_USER_CALLBACK_URL": "Invalid newUserCallbackURL",
    "INVALID_ORIGIN": "Invalid origin",
    "INVALID_PASSWORD": "Invalid password",
    "INVALID_REDIRECT_URL": "Invalid redirectURL",
    "INVALID_TOKEN": "Invalid token",
    "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED": (
        "POST method requires deferSessionRefresh to be enabled in session config"
    ),
    "MISSING_OR_NULL_ORIGIN": "Missing or null Origin",
    "PASSWORD_TOO_LONG": "Password too long",
    "PASSWORD_TOO_SHORT": "Password too short",
    "SESSION_EXPIRED": "Session expired. Re-authenticate to perform this action.",
    "SESSION_NOT_FRESH": "Session is not fresh",
    "UNAUTHORIZED": "Unauthorized",
    "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL": "User already exists. Use another email.",
}


class APIError(Exception):
    """An answer that is not a success.

    Better Auth has three forms: a code with its message, a message alone, and no body at all.
    """

    def __init__(
        self,
        status: int,
        code: str | None = None,
        message: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(code or message)
        self.status = status
        self.code = code
        self.message = message or MESSAGES.get(code or "", "")
        self.headers = headers or {}

    @property
    def body(self) -> dict[str, Any] | None:
        """The JSON body, None for an empty one."""
        body = {"message": self.message, "code": self.code}
        return {key: value for key, value in body.items() if value} or None
