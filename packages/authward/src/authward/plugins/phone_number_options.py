"""Options and error codes of `phone_number`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from authward.codes import ErrorCode
from authward.plugins.schema_options import SchemaOptions
from authward.storage.rows import AuthUser


class PhoneNumberCode(ErrorCode):
    """The plugin's codes, in the original's words."""

    INVALID_PHONE_NUMBER = 400, "Invalid phone number"
    PHONE_NUMBER_EXIST = 400, "Phone number already exists"
    PHONE_NUMBER_NOT_EXIST = 400, "phone number isn't registered"
    INVALID_PHONE_NUMBER_OR_PASSWORD = 401, "Invalid phone number or password"
    UNEXPECTED_ERROR = 400, "Unexpected error"
    OTP_NOT_FOUND = 400, "OTP not found"
    OTP_EXPIRED = 400, "OTP expired"
    INVALID_OTP = 400, "Invalid OTP"
    PHONE_NUMBER_NOT_VERIFIED = 401, "Phone number not verified"
    PHONE_NUMBER_PENDING_VERIFICATION = 400, "Phone number requires account ownership proof"
    PHONE_NUMBER_CANNOT_BE_UPDATED = 400, "Phone number cannot be updated"
    PHONE_NUMBER_CANNOT_BE_SET = 400, "Phone number can only be set by verifying it"
    SEND_OTP_NOT_IMPLEMENTED = 501, "sendOTP not implemented"
    TOO_MANY_ATTEMPTS = 403, "Too many attempts"


@dataclass(frozen=True, slots=True)
class PhoneNumberOTP:
    """A code to be sent to `phone_number`."""

    phone_number: str
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PhoneNumberVerified:
    """`user` has shown to have `phone_number`."""

    phone_number: str
    user: AuthUser


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUpOnVerification:
    """How a user is made of a number: an address that nobody reads, and a name (the number)."""

    get_temp_email: Callable[[str], str]
    get_temp_name: Callable[[str], str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneNumberOptions:
    """The original's options.

    Args:
        send_otp: sends a code; it runs after the response was sent.
        send_password_reset_otp: sends a code to choose a password with.
        verify_otp: asks the service that sent the code whether it is right.
        otp_length: in digits.
        expires_in: how long a code is good, in seconds.
        allowed_attempts: how many wrong codes may be given before the right one is void.
        phone_number_validator: whether a number may be had.
        require_verification: nobody signs in with a number that is not verified.
        callback_on_verification: called when a number was verified.
        sign_up_on_verification: a number that nobody has makes a user.
        schema: other names for the columns.
    """

    send_otp: Callable[[PhoneNumberOTP], Awaitable[None]] | None = None
    send_password_reset_otp: Callable[[PhoneNumberOTP], Awaitable[None]] | None = None
    verify_otp: Callable[[PhoneNumberOTP], Awaitable[bool]] | None = None
    otp_length: int = 6
    expires_in: int = 300
    allowed_attempts: int = 3
    phone_number_validator: Callable[[str], Awaitable[bool]] | None = None
    require_verification: bool = False
    callback_on_verification: Callable[[PhoneNumberVerified], Awaitable[None]] | None = None
    sign_up_on_verification: SignUpOnVerification | None = None
    schema: SchemaOptions = field(default_factory=dict)
