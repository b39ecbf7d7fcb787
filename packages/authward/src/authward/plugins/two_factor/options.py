"""The original's options of the plugin, in snake case."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from typing import Any, Literal, TypeAlias

from authward.errors import ConfigurationError
from authward.hashing import HashedBy
from authward.plugins.kept_secrets import EncryptedBy
from authward.plugins.schema_options import SchemaOptions
from authward.storage.rows import AuthUser

MAX_CODES = 100
MAX_CODE_LENGTH = 64


@dataclass(frozen=True, slots=True)
class TwoFactorOTP:
    """A code to send to the user, by whatever way; it is a secret."""

    user: AuthUser
    otp: str = field(repr=False)


SendOTP: TypeAlias = Callable[[TwoFactorOTP], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TOTPOptions:
    """Codes of an authenticator app.

    Args:
        disable: there are none.
        digits: of a code, 1 to 8.
        period: seconds that a code is the current one.
        issuer: who `get-totp-uri` says has issued the secret.
        allow_passwordless: as for the plugin, of `get-totp-uri`.
    """

    disable: bool = False
    digits: int = 6
    period: int = 30
    issuer: str | None = None
    allow_passwordless: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OTPOptions:
    """Codes that are sent.

    Args:
        send_otp: sends one; without it there are none.
        period: minutes that a code is good for.
        digits: of a code.
        allowed_attempts: wrong codes until a new one is needed.
        store_otp: how a code is kept meanwhile.
    """

    send_otp: SendOTP | None = None
    period: int = 3
    digits: int = 6
    allowed_attempts: int = 5
    store_otp: Literal["plain", "encrypted", "hashed"] | HashedBy | EncryptedBy = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupCodeOptions:
    """Codes for those who have lost the other factor, each good for once.

    Args:
        amount: how many there are.
        length: of each, without its hyphen.
        custom_backup_codes_generate: makes them instead.
        store_backup_codes: how they are kept.
        allow_passwordless: as for the plugin, of `generate-backup-codes`.
    """

    amount: int = 10
    length: int = 10
    custom_backup_codes_generate: Callable[[], Sequence[str]] | None = None
    store_backup_codes: Literal["plain", "encrypted"] | EncryptedBy = "encrypted"
    allow_passwordless: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLockoutOptions:
    """Wrong codes in a row, over all sign-ins, that lock the second factor for a while."""

    enabled: bool = True
    max_failed_attempts: int = 10
    duration_seconds: int = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoFactorOptions:
    """The original's options.

    Args:
        issuer: the name that an authenticator app shows.
        totp_options, otp_options, backup_code_options, account_lockout: of the parts.
        skip_verification_on_enable: a secret counts before a code has shown that the app has it.
        allow_passwordless: users without a password need none to change their second factor.
        two_factor_cookie_max_age: seconds from the password to the second factor.
        trust_device_max_age: seconds that a trusted device needs none, from each sign-in.
        two_factor_table: the table's name.
        schema: other names for columns, of `user` and `twoFactor`.
    """

    issuer: str | None = None
    totp_options: TOTPOptions = field(default_factory=TOTPOptions)
    otp_options: OTPOptions = field(default_factory=OTPOptions)
    backup_code_options: BackupCodeOptions = field(default_factory=BackupCodeOptions)
    account_lockout: AccountLockoutOptions = field(default_factory=AccountLockoutOptions)
    skip_verification_on_enable: bool = False
    allow_passwordless: bool = False
    two_factor_cookie_max_age: int = 600
    trust_device_max_age: int = 2_592_000
    two_factor_table: str | None = None
    schema: SchemaOptions = field(default_factory=dict)

    @property
    def totp_is_passwordless(self) -> bool:
        """Whether `get-totp-uri` needs no password of those who have none."""
        return _either(self.totp_options.allow_passwordless, self.allow_passwordless)

    @property
    def backup_codes_are_passwordless(self) -> bool:
        """Whether `generate-backup-codes` needs no password of those who have none."""
        return _either(self.backup_code_options.allow_passwordless, self.allow_passwordless)


def _either(own: bool | None, general: bool) -> bool:
    return general if own is None else own


def check_options(options: TwoFactorOptions) -> None:
    """Refuse options that cannot work.

    Raises:
        ConfigurationError: it names the option.
    """
    totp, otp, codes = options.totp_options, options.otp_options, options.backup_code_options
    lockout = options.account_lockout
    limits: list[tuple[str, Any, int, int | None]] = [
        ("totp_options.digits", totp.digits, 1, 8),
        ("totp_options.period", totp.period, 1, None),
        ("otp_options.digits", otp.digits, 1, 32),
        ("otp_options.period", otp.period, 1, None),
        ("otp_options.allowed_attempts", otp.allowed_attempts, 1, None),
        ("backup_code_options.amount", codes.amount, 1, MAX_CODES),
        ("backup_code_options.length", codes.length, 1, MAX_CODE_LENGTH),
        ("account_lockout.max_failed_attempts", lockout.max_failed_attempts, 1, None),
        ("account_lockout.duration_seconds", lockout.duration_seconds, 1, None),
        ("two_factor_cookie_max_age", options.two_factor_cookie_max_age, 1, None),
        ("trust_device_max_age", options.trust_device_max_age, 1, None),
    ]
    for name, value, least, most in limits:
        if type(value) is not int or value < least or (most is not None and value > most):
            upper = "or more" if most is None else f"to {most}"
            raise ConfigurationError(f"two_factor: {name} is {least} {upper}, not {value!r}")
    _check_storage("otp_options.store_otp", otp.store_otp, ("plain", "encrypted", "hashed"))
    stored = codes.store_backup_codes
    _check_storage("backup_code_options.store_backup_codes", stored, ("plain", "encrypted"))
    if isinstance(stored, HashedBy):
        raise ConfigurationError("two_factor: backup codes cannot be hashed")
    if otp.send_otp is not None and not _may_be_async(otp.send_otp):
        raise ConfigurationError("two_factor: otp_options.send_otp is no async function")


def _check_storage(name: str, value: Any, known: Sequence[str]) -> None:
    if not (isinstance(value, HashedBy | EncryptedBy) or value in known):
        raise ConfigurationError(f"two_factor: {name} is one of {', '.join(known)}, not {value!r}")


def _may_be_async(function: Any) -> bool:
    is_plain = hasattr(function, "__code__") and not iscoroutinefunction(function)
    return callable(function) and not is_plain
