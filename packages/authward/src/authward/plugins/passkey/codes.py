"""The plugin's error codes, in the original's words."""

from authward.codes import ErrorCode


class PasskeyCode(ErrorCode):
    """What can go wrong with passkeys; some are only the client's."""

    CHALLENGE_NOT_FOUND = 400, "Challenge not found"
    YOU_ARE_NOT_ALLOWED_TO_REGISTER_THIS_PASSKEY = (
        401,
        "You are not allowed to register this passkey",
    )
    FAILED_TO_VERIFY_REGISTRATION = 400, "Failed to verify registration"
    PASSKEY_NOT_FOUND = 401, "Passkey not found"
    AUTHENTICATION_FAILED = 400, "Authentication failed"
    UNABLE_TO_CREATE_SESSION = 500, "Unable to create session"
    USER_NOT_FOUND = 400, "User not found"
    FAILED_TO_UPDATE_PASSKEY = 500, "Failed to update passkey"
    PREVIOUSLY_REGISTERED = 400, "Previously registered"
    REGISTRATION_CANCELLED = 400, "Registration cancelled"
    AUTH_CANCELLED = 400, "Auth cancelled"
    UNKNOWN_ERROR = 400, "Unknown error"
    SESSION_REQUIRED = 401, "Passkey registration requires an authenticated session"
    RESOLVE_USER_REQUIRED = (
        400,
        (
            "Passkey registration requires either an authenticated session or a resolveUser "
            "callback when requireSession is false"
        ),
    )
    RESOLVED_USER_INVALID = 400, "Resolved user is invalid"
