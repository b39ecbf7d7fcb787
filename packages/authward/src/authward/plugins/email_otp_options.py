"""Options and error codes of `email_otp`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from authward.codes import ErrorCode
from authward.errors import ConfigurationError
from authward.plugins.kept_secrets import StoreOTP, check_store

OTPType: TypeAlias = Literal["email-verification", "sign-in", "forget-password", "change-email"]
ResendStrategy: TypeAlias = Literal["rotate", "reuse"]


class EmailOTPCode(ErrorCode):
    """The plugin's codes, in the original's words."""

    OTP_EXPIRED = 400, "OTP expired"
    INVALID_OTP = 400, "Invalid OTP"
    TOO_MANY_ATTEMPTS = 403, "Too many attempts"


@dataclass(frozen=True, slots=True)
class EmailOTP:
    """A code to be sent to `email`; whoever has `otp` can do what `type` says."""

    email: str
    otp: str = field(repr=False)
    type: OTPType


@dataclass(frozen=True, slots=True)
class OTPRequest:
    """For whom and what a code is to be made."""

    email: str
    type: OTPType


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeEmailByOTPOptions:
    """How addresses change.

    Args:
        enabled: whether they do.
        verify_current_email: a code that was sent to the old address is asked for as well.
    """

    enabled: bool = False
    verify_current_email: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailOTPOptions:
    """The original's options.

    Args:
        send_verification_otp: sends a code; it runs after the response was sent.
        otp_length: in digits.
        expires_in: how long a code is good, in seconds.
        generate_otp: makes a code instead; None or an empty text leaves it to the plugin.
        send_verification_on_sign_up: who signs up is sent a code.
        disable_sign_up: only users who are there already can sign in.
        allowed_attempts: how many wrong codes may be given before the right one is void.
        store_otp: how codes are kept: "plain", "hashed", "encrypted", `HashedBy`, `EncryptedBy`.
        override_default_email_verification: a code is sent wherever a link would be.
        resend_strategy: "rotate" sends another code each time, "reuse" the same as long as it is
            good, which hashed ones cannot be.
        change_email: how addresses change.
        rate_limit_window, rate_limit_max: at most so many requests without so many seconds' pause.
    """

    send_verification_otp: Callable[[EmailOTP], Awaitable[None]]
    otp_length: int = 6
    expires_in: int = 300
    generate_otp: Callable[[OTPRequest], Awaitable[str | None]] | None = None
    send_verification_on_sign_up: bool = False
    disable_sign_up: bool = False
    allowed_attempts: int = 3
    store_otp: StoreOTP = "plain"
    override_default_email_verification: bool = False
    resend_strategy: ResendStrategy = "rotate"
    change_email: ChangeEmailByOTPOptions = ChangeEmailByOTPOptions()
    rate_limit_window: int = 60
    rate_limit_max: int = 3


def check_options(options: EmailOTPOptions) -> None:
    """Refuse options that cannot work.

    Raises:
        ConfigurationError: names the option.
    """
    check_store("email_otp", "store_otp", options.store_otp, encrypted=True)
    if not callable(options.send_verification_otp):
        raise ConfigurationError("email_otp: send_verification_otp is a function that sends codes")
    if options.resend_strategy not in get_args(ResendStrategy):
        raise ConfigurationError("email_otp: resend_strategy is 'rotate' or 'reuse'")
    for name in ("otp_length", "expires_in", "allowed_attempts"):
        if getattr(options, name) < 1:
            raise ConfigurationError(f"email_otp: {name} is at least 1")
