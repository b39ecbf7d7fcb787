"""Better Auth's errors: a status and `{"code", "message"}`."""

from typing import Any

MESSAGES = {
    "ACCOUNT_NOT_FOUND": "Account not found",
    "CREDENTIAL_ACCOUNT_NOT_FOUND": "Credential account not found",
    "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED": (
        "Cross-site navigation login blocked. This request appears to be a CSRF attack."
    ),
    "BODY_MUST_BE_AN_OBJECT": "Body must be an object",
    "CHANGE_EMAIL_DISABLED": "Change email is disabled",
    "EMAIL_ALREADY_VERIFIED": "Email is already verified",
    "EMAIL_CAN_NOT_BE_UPDATED": "Email can not be updated",
    "EMAIL_MISMATCH": "Email mismatch",
    "EMAIL_NOT_VERIFIED": "Email not verified",
    "FAILED_TO_CREATE_SESSION": "Failed to create session",
    "FAILED_TO_CREATE_USER": "Failed to create user",
    "FAILED_TO_GET_SESSION": "Failed to get session",
    "FAILED_TO_GET_USER_INFO": "Failed to get user info",
    "FAILED_TO_UNLINK_LAST_ACCOUNT": "You can't unlink your last account",
    "ID_TOKEN_NOT_SUPPORTED": "id_token not supported",
    "INVALID_CALLBACK_URL": "Invalid callbackURL",
    "INVALID_EMAIL": "Invalid email",
    "INVALID_EMAIL_OR_PASSWORD": "Invalid email or password",
    "INVALID_ERROR_CALLBACK_URL": "Invalid errorCallbackURL",
    "INVALID_NEW_USER_CALLBACK_URL": "Invalid newUserCallbackURL",
    "INVALID_ORIGIN": "Invalid origin",
    "INVALID_PASSWORD": "Invalid password",
    "INVALID_REDIRECT_URL": "Invalid redirectURL",
    "INVALID_TOKEN": "Invalid token",
    "INVALID_USER": "Invalid user",
    "LINKING_DIFFERENT_EMAILS_NOT_ALLOWED": "Account not linked - different emails not allowed",
    "LINKING_FAILED": "Account not linked - unable to create account",
    "LINKING_NOT_ALLOWED": "Account not linked - linking not allowed",
    "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED": (
        "POST method requires deferSessionRefresh to be enabled in session config"
    ),
    "MISSING_OR_NULL_ORIGIN": "Missing or null Origin",
    "PASSWORD_TOO_LONG": "Password too long",
    "PASSWORD_TOO_SHORT": "Password too short",
    "PROVIDER_NOT_FOUND": "Provider not found",
    "RESET_PASSWORD_DISABLED": "Reset password isn't enabled",
    "SESSION_EXPIRED": "Session expired. Re-authenticate to perform this action.",
    "SESSION_NOT_FRESH": "Session is not fresh",
    "SOCIAL_ACCOUNT_ALREADY_LINKED": "Social account already linked",
    "TOKEN_EXPIRED": "Token expired",
    "UNAUTHORIZED": "Unauthorized",
    "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL": "User already exists. Use another email.",
    "USER_EMAIL_NOT_FOUND": "User email not found",
    "USER_NOT_FOUND": "User not found",
    "VERIFICATION_EMAIL_NOT_ENABLED": "Verification email isn't enabled",
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
