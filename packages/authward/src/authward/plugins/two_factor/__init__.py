"""`two_factor`: a second factor after the password, the original's plugin of that name.

Codes of an authenticator app (TOTP), codes that are sent (OTP), backup codes, trusted devices.
"""

from authward.context import AuthContext
from authward.endpoint import Endpoint, Handler
from authward.hashing import HashedBy
from authward.plugin import Hook, Plugin, match_paths
from authward.plugins.kept_secrets import EncryptedBy
from authward.plugins.schema_options import TableOptions, with_options
from authward.plugins.two_factor import responses
from authward.plugins.two_factor.backup_codes import BackupCodes
from authward.plugins.two_factor.challenge import PLUGIN_ID, SIGN_IN_PATHS, Challenges
from authward.plugins.two_factor.codes import TwoFactorCode
from authward.plugins.two_factor.devices import TrustedDevices
from authward.plugins.two_factor.enabling import ENABLED, Enabling
from authward.plugins.two_factor.options import (
    AccountLockoutOptions,
    BackupCodeOptions,
    OTPOptions,
    TOTPOptions,
    TwoFactorOptions,
    TwoFactorOTP,
    check_options,
)
from authward.plugins.two_factor.otp import OTP
from authward.plugins.two_factor.store import MODEL, Lockout
from authward.plugins.two_factor.totp import TOTP
from authward.schema.fields import DBField, DBTable, Reference
from authward.schema.responses import Status
from authward.security.rate_limit import RateLimitRule
from authward.validation import Field, Schema
from authward.validation_kinds import AnyAsText, Choice

__all__ = [
    "AccountLockoutOptions",
    "BackupCodeOptions",
    "EncryptedBy",
    "HashedBy",
    "OTPOptions",
    "TOTPOptions",
    "TwoFactorCode",
    "TwoFactorOTP",
    "TwoFactorOptions",
    "two_factor",
]

_HIDDEN_TEXT = DBField(type="string", returned=False)
_TABLES = {
    "user": DBTable(
        fields={ENABLED: DBField(type="boolean", required=False, default_value=False, input=False)}
    ),
    MODEL: DBTable(
        fields={
            "secret": DBField(type="string", returned=False, index=True),
            "backupCodes": _HIDDEN_TEXT,
            "userId": DBField(
                type="string", returned=False, references=Reference("user"), index=True
            ),
            "verified": DBField(type="boolean", required=False, default_value=True, input=False),
            "failedVerificationCount": DBField(
                type="number", required=False, default_value=0, input=False, returned=False
            ),
            "lockedUntil": DBField(type="date", required=False, input=False, returned=False),
        }
    ),
}
_CODE = Field("string", description="The code")
_TRUST = Field("boolean", required=False, description="This device needs none from now on")
_ERRORS = (400, 401, 403, 415, 429)


def two_factor(options: TwoFactorOptions | None = None) -> Plugin:
    """Ask for a second factor after the password of those who have enabled one."""
    chosen = options or TwoFactorOptions()
    check_options(chosen)
    devices = TrustedDevices(chosen.trust_device_max_age)
    challenges = Challenges(chosen, devices)

    def init(context: AuthContext) -> None:
        context.second_factor = challenges.is_passed

    return Plugin(
        id=PLUGIN_ID,
        schema=_tables(chosen),
        endpoints=_endpoints(chosen, challenges, devices),
        after=[Hook(matcher=match_paths(*SIGN_IN_PATHS), handler=challenges.after_sign_in)],
        rate_limit=[RateLimitRule(10, 3, prefixes=("/two-factor/",))],
        error_codes=TwoFactorCode,
        init=init,
        examples={"method": "totp", "issuer": "Taskward", "code": "012345", "trustDevice": True},
    )


def _tables(options: TwoFactorOptions) -> dict[str, DBTable]:
    tables = with_options("two_factor", _TABLES, options.schema)
    if options.two_factor_table is None:
        return tables
    named = {MODEL: TableOptions(model_name=options.two_factor_table)}
    return with_options("two_factor", tables, named)


def _password(*, optional: bool) -> Field:
    return Field("string", required=not optional, description="The user's password")


def _endpoints(
    options: TwoFactorOptions, challenges: Challenges, devices: TrustedDevices
) -> list[Endpoint]:
    lockout = Lockout(options.account_lockout)
    enabling = Enabling(options, devices)
    totp, otp = TOTP(options, challenges, lockout), OTP(options, challenges, lockout)
    codes = BackupCodes(options, challenges, lockout)
    password = {"password": _password(optional=options.allow_passwordless)}
    return [
        *_totp_endpoints(options, totp),
        *_otp_endpoints(otp),
        *_backup_code_endpoints(options, codes),
        Endpoint(
            path="/two-factor/enable",
            name="enable_two_factor",
            handler=enabling.enable,
            session="required",
            body=Schema(
                password
                | {
                    "method": Choice(
                        required=False,
                        choices=("otp", "totp"),
                        description="totp: an authenticator app; otp: codes that are sent",
                    ),
                    "issuer": Field("string", required=False, description="The app's name"),
                }
            ),
            response_model=responses.TwoFactorEnabled,
            errors=(*_ERRORS, 503),
        ),
        Endpoint(
            path="/two-factor/disable",
            name="disable_two_factor",
            handler=enabling.disable,
            session="required",
            body=Schema(password),
            response_model=Status,
            errors=(*_ERRORS, 503),
        ),
    ]


def _totp_endpoints(options: TwoFactorOptions, totp: TOTP) -> list[Endpoint]:
    return [
        Endpoint(
            path="/two-factor/generate-totp",
            name="generate_totp",
            server_only=True,
            handler=totp.generate,
            body=Schema({"secret": Field("string", description="The secret")}),
            response_model=responses.TOTPCode,
        ),
        Endpoint(
            path="/two-factor/get-totp-uri",
            name="get_totp_uri",
            handler=totp.uri,
            session="required",
            body=Schema({"password": _password(optional=options.totp_is_passwordless)}),
            response_model=responses.TOTPURI,
            errors=(*_ERRORS, 503),
        ),
        _verification("verify-totp", "verify_totp", totp.verify, _ERRORS),
    ]


def _otp_endpoints(otp: OTP) -> list[Endpoint]:
    return [
        Endpoint(
            path="/two-factor/send-otp",
            name="send_two_factor_otp",
            handler=otp.send,
            body=Schema({"trustDevice": _TRUST}, optional=True),
            response_model=Status,
            errors=_ERRORS,
        ),
        _verification("verify-otp", "verify_two_factor_otp", otp.verify, _ERRORS),
    ]


def _backup_code_endpoints(options: TwoFactorOptions, codes: BackupCodes) -> list[Endpoint]:
    passwordless = options.backup_codes_are_passwordless
    return [
        Endpoint(
            path="/two-factor/verify-backup-code",
            name="verify_backup_code",
            handler=codes.verify,
            body=Schema(
                {
                    "code": _CODE,
                    "disableSession": Field(
                        "boolean", required=False, description="Begin no session"
                    ),
                    "trustDevice": _TRUST,
                }
            ),
            response_model=responses.Verified,
            errors=(*_ERRORS, 409),
        ),
        Endpoint(
            path="/two-factor/generate-backup-codes",
            name="generate_backup_codes",
            handler=codes.generate,
            session="required",
            body=Schema({"password": _password(optional=passwordless)}),
            response_model=responses.NewBackupCodes,
            errors=(*_ERRORS, 503),
        ),
        Endpoint(
            path="/two-factor/view-backup-codes",
            name="view_backup_codes",
            server_only=True,
            handler=codes.view,
            body=Schema({"userId": AnyAsText(description="Whose codes")}),
            response_model=responses.NewBackupCodes,
        ),
    ]


def _verification(path: str, name: str, handler: Handler, errors: tuple[int, ...]) -> Endpoint:
    return Endpoint(
        path=f"/two-factor/{path}",
        name=name,
        handler=handler,
        body=Schema({"code": _CODE, "trustDevice": _TRUST}),
        response_model=responses.Verified,
        errors=errors,
    )
