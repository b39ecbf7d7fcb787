"""Every error code of the core, with the status and the message that usually go with it.

A plugin's codes are an enumeration of its own: `class UsernameCode(ErrorCode): NAME = 400, "…"`.
"""

from enum import Enum, unique


class ErrorCode(Enum):
    """What an error is called (its name), its HTTP status, and its message for people."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message


@unique
class Code(ErrorCode):
    """The original's codes, in its words."""

    ACCESS_TOKEN_NOT_FOUND = 400, "Access token not found"
    ACCOUNT_NOT_FOUND = 400, "Account not found"
    BAD_REQUEST = 400, "Bad request"
    BANNED_USER = (
        403,
        (
            "You have been banned from this application. "
            "Please contact support if you believe this is an error."
        ),
    )
    BODY_MUST_BE_AN_OBJECT = 400, "Body must be an object"
    CHANGE_EMAIL_DISABLED = 400, "Change email is disabled"
    CREDENTIAL_ACCOUNT_NOT_FOUND = 400, "Credential account not found"
    CROSS_SITE_NAVIGATION_LOGIN_BLOCKED = (
        403,
        "Cross-site navigation login blocked. This request appears to be a CSRF attack.",
    )
    EMAIL_ALREADY_VERIFIED = 400, "Email is already verified"
    EMAIL_CAN_NOT_BE_UPDATED = 400, "Email can not be updated"
    EMAIL_MISMATCH = 400, "Email mismatch"
    EMAIL_PASSWORD_DISABLED = 400, "Email and password is not enabled"
    EMAIL_PASSWORD_SIGN_UP_DISABLED = 400, "Email and password sign up is not enabled"
    EMAIL_NOT_VERIFIED = 403, "Email not verified"
    FAILED_TO_CREATE_SESSION = 401, "Failed to create session"
    FAILED_TO_CREATE_USER = 422, "Failed to create user"
    FAILED_TO_GET_ACCESS_TOKEN = 400, "Failed to get a valid access token"
    FAILED_TO_GET_SESSION = 401, "Failed to get session"
    FAILED_TO_GET_USER_INFO = 401, "Failed to get user info"
    FAILED_TO_REFRESH_ACCESS_TOKEN = 400, "Failed to refresh access token"
    FAILED_TO_UNLINK_LAST_ACCOUNT = 400, "You can't unlink your last account"
    FAILED_TO_UPDATE_USER = 422, "Failed to update user"
    FIELD_NOT_ALLOWED = 400, "Field not allowed to be set"
    ID_TOKEN_NOT_SUPPORTED = 404, "id_token not supported"
    INVALID_CALLBACK_URL = 403, "Invalid callbackURL"
    INVALID_EMAIL = 400, "Invalid email"
    INVALID_EMAIL_OR_PASSWORD = 401, "Invalid email or password"
    INVALID_ERROR_CALLBACK_URL = 403, "Invalid errorCallbackURL"
    INVALID_NEW_USER_CALLBACK_URL = 403, "Invalid newUserCallbackURL"
    INVALID_ORIGIN = 403, "Invalid origin"
    INVALID_PASSWORD = 400, "Invalid password"
    INVALID_REDIRECT_URL = 403, "Invalid redirectURL"
    INVALID_TOKEN = 400, "Invalid token"
    INVALID_USER = 400, "Invalid user"
    LINKING_DIFFERENT_EMAILS_NOT_ALLOWED = 401, "Account not linked - different emails not allowed"
    LINKING_FAILED = 417, "Account not linked - unable to create account"
    LINKING_NOT_ALLOWED = 401, "Account not linked - linking not allowed"
    METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED = (
        405,
        "POST method requires deferSessionRefresh to be enabled in session config",
    )
    MISSING_FIELD = 400, "Field is required"
    MISSING_OR_NULL_ORIGIN = 403, "Missing or null Origin"
    OAUTH_LINK_ERROR = 401, "OAuth link error"
    PASSWORD_TOO_LONG = 400, "Password too long"
    PASSWORD_TOO_SHORT = 400, "Password too short"
    PAYLOAD_TOO_LARGE = 413, "The request body is too large"
    PROVIDER_NOT_CONFIGURED = (
        400,
        "Account is not associated with a configured social provider.",
    )
    PROVIDER_NOT_FOUND = 404, "Provider not found"
    PROVIDER_NOT_SUPPORTED = 400, "Provider is not supported."
    REFRESH_TOKEN_NOT_FOUND = 400, "Refresh token not found"
    RESET_PASSWORD_DISABLED = 400, "Reset password isn't enabled"
    SERVICE_UNAVAILABLE = 503, "Too many sign-ins at once. Try again."
    SESSION_EXPIRED = 400, "Session expired. Re-authenticate to perform this action."
    SESSION_NOT_FRESH = 403, "Session is not fresh"
    SOCIAL_ACCOUNT_ALREADY_LINKED = 409, "Social account already linked"
    TOKEN_REFRESH_NOT_SUPPORTED = 400, "Provider does not support token refreshing."
    TOKEN_EXPIRED = 401, "Token expired"
    TWO_FACTOR_REQUIRED = 403, "This account has a second factor, which cannot be checked here"
    UNAUTHORIZED = 401, "Unauthorized"
    UNSUPPORTED_MEDIA_TYPE = 415, "Unsupported media type"
    USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL = 422, "User already exists. Use another email."
    USER_EMAIL_NOT_FOUND = 401, "User email not found"
    USER_NOT_FOUND = 400, "User not found"
    VALIDATION_ERROR = 400, "Validation Error"
    VERIFICATION_EMAIL_NOT_ENABLED = 400, "Verification email isn't enabled"
