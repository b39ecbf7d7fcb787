"""`phone_number`: users verify a phone number and sign in with it, the original's plugin."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from asyncpg import IntegrityConstraintViolationError

from authward.callbacks import PasswordReset
from authward.codes import Code
from authward.core import password_auth
from authward.core.account_changes import set_password
from authward.core.user_changes import before_create, update_user, with_defaults
from authward.database_hooks import DatabaseHook, RowChange
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError, ConfigurationError
from authward.plugin import Hook, Plugin, match_paths
from authward.plugins import one_time_codes
from authward.plugins.kept_secrets import same
from authward.plugins.one_time_codes import Guess, digits
from authward.plugins.phone_number_options import (
    PhoneNumberCode,
    PhoneNumberOptions,
    PhoneNumberOTP,
    PhoneNumberVerified,
    SignUpOnVerification,
)
from authward.plugins.schema_options import with_options
from authward.schema import responses as schemas
from authward.schema.fields import DBField, DBTable
from authward.schema.input import parse_input
from authward.security.rate_limit import RateLimitRule
from authward.storage.rows import AuthUser, values_of
from authward.storage.users import ConstraintError, NewUser
from authward.text import is_storable
from authward.validation import Field, Schema, is_email

__all__ = ["PhoneNumberOTP", "PhoneNumberOptions", "SignUpOnVerification", "phone_number"]

_NUMBER = Field("string", description="Phone number, such as +1234567890")
_CODE = Field("string", description="The code that was sent")
_FLAG = Field("boolean", required=False)
_TABLES = {
    "user": DBTable(
        fields={
            "phoneNumber": DBField(type="string", required=False, unique=True),
            "phoneNumberVerified": DBField(type="boolean", required=False, input=False),
        }
    )
}
_VERIFY = {
    "phoneNumber": _NUMBER,
    "code": _CODE,
    "disableSession": replace(_FLAG, description="Begin no session"),
    "updatePhoneNumber": replace(_FLAG, description="Give the number to who is signed in"),
}
_ERRORS = (400, 403, 415, 429)


def phone_number(options: PhoneNumberOptions | None = None) -> Plugin:
    """Let users have a phone number that is verified by a code, and sign in with it."""
    phones = _Phones(options or PhoneNumberOptions())
    return Plugin(
        id="phone-number",
        schema=with_options("phone_number", _TABLES, phones.options.schema),
        endpoints=phones.endpoints(),
        before=[Hook(handler=_refuse_update, matcher=match_paths("/update-user"))],
        database_hooks=[
            DatabaseHook(model="user", action="create", before=_before_create),
            DatabaseHook(model="user", action="update", before=_before_update),
        ],
        rate_limit=[RateLimitRule(60, 10, prefixes=("/phone-number",))],
        error_codes=PhoneNumberCode,
    )


async def _refuse_update(ctx: EndpointContext) -> None:
    if isinstance(ctx.body, dict) and ctx.body.get("phoneNumber") is not None:
        raise APIError(PhoneNumberCode.PHONE_NUMBER_CANNOT_BE_UPDATED)


async def _before_create(change: RowChange) -> Mapping[str, Any]:
    """Nobody gets a number without a code."""
    values = change.values
    if values.get("phoneNumber") is None or values.get("phoneNumberVerified") is True:
        return {}
    raise APIError(PhoneNumberCode.PHONE_NUMBER_CANNOT_BE_SET)


async def _before_update(change: RowChange) -> Mapping[str, Any]:
    values = change.values
    if "phoneNumber" in values and values["phoneNumber"] is None:
        return {"phoneNumberVerified": False}
    is_set = values.get("phoneNumber") is not None and values.get("phoneNumberVerified") is not True
    if is_set and change.path and change.path != "/admin/update-user":
        raise APIError(PhoneNumberCode.PHONE_NUMBER_CANNOT_BE_UPDATED)
    return {}


class _Phones:
    def __init__(self, options: PhoneNumberOptions) -> None:
        for name in ("otp_length", "expires_in"):
            if getattr(options, name) < 1:
                raise ConfigurationError(f"phone_number: {name} is at least 1")
        self.options = options

    def endpoints(self) -> list[Endpoint]:
        password = Field("string", json_schema_extra=password_auth.ANY_PASSWORD)
        new = Field("string", json_schema_extra=password_auth.PASSWORD)
        sign_in = {"phoneNumber": _NUMBER, "password": password, "rememberMe": _FLAG}
        reset = {"otp": _CODE, "phoneNumber": _NUMBER, "newPassword": new}
        return [
            Endpoint(
                path="/sign-in/phone-number",
                handler=self.sign_in,
                body=Schema(sign_in),
                response_model=schemas.SignedIn,
                errors=(*_ERRORS, 401, 503),
            ),
            Endpoint(
                path="/phone-number/send-otp",
                handler=self.send_otp,
                body=Schema({"phoneNumber": _NUMBER}),
                response_model=schemas.Message,
                errors=(*_ERRORS, 501),
            ),
            Endpoint(
                path="/phone-number/consume-otp",
                name="consume_phone_number_otp",
                handler=self.consume_otp,
                body=Schema({"phoneNumber": _NUMBER, "code": _CODE}),
                server_only=True,
            ),
            Endpoint(
                path="/phone-number/verify",
                handler=self.verify,
                body=Schema(_VERIFY, additional_properties=True),
                additional_fields_of="user",
                response_model=schemas.VerifiedAddress,
                errors=(*_ERRORS, 401, 422, 500),
            ),
            Endpoint(
                path="/phone-number/request-password-reset",
                handler=self.request_password_reset,
                body=Schema({"phoneNumber": Field("string")}),
                response_model=schemas.Status,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/phone-number/reset-password",
                handler=self.reset_password,
                body=Schema(reset),
                response_model=schemas.Status,
                errors=(*_ERRORS, 503),
            ),
        ]

    async def sign_in(self, ctx: EndpointContext) -> dict[str, Any]:
        """Sign in with a phone number and a password."""
        number, password = ctx.body["phoneNumber"], ctx.body["password"]
        await self._require_valid(number)
        password_auth.check_password_not_too_long(password)
        if self.options.require_verification:
            user = await _owner(ctx, number)
            if user is not None and not user.fields.get("phoneNumberVerified"):
                await self._send_for_sign_in(ctx, number)
                raise APIError(PhoneNumberCode.PHONE_NUMBER_NOT_VERIFIED)
        credentials = password_auth.Credentials(
            "phoneNumber",
            number if is_storable(number) else "",
            password,
            PhoneNumberCode.INVALID_PHONE_NUMBER_OR_PASSWORD,
        )
        remember = ctx.body.get("rememberMe", True)
        session, user = await password_auth.sign_in_with(ctx, credentials, remember=remember)
        return {"token": session.token, "user": ctx.auth.output.user(user)}

    async def send_otp(self, ctx: EndpointContext) -> dict[str, str]:
        """Send a code to a phone number."""
        number, send = ctx.body["phoneNumber"], self.options.send_otp
        if send is None:
            raise APIError(PhoneNumberCode.SEND_OTP_NOT_IMPLEMENTED)
        await self._require_valid(number)
        code = await self._keep(ctx, _identifier(number), number)
        ctx.run_in_background(partial(send, PhoneNumberOTP(number, code)))
        return {"message": "code sent"}

    async def consume_otp(self, ctx: EndpointContext) -> dict[str, bool]:
        """Use up a code, for the application's own flows."""
        await self._check(ctx, ctx.body["phoneNumber"], ctx.body["code"])
        return {"status": True}

    async def verify(self, ctx: EndpointContext) -> dict[str, Any]:
        """Verify a number with a code: of the current user, or to sign in, or up."""
        number = ctx.body["phoneNumber"]
        await self._check(ctx, number, ctx.body["code"])
        if ctx.body.get("updatePhoneNumber"):
            return await self._give_number(ctx, number)
        user = await _owner(ctx, number)
        if user is not None:
            user = await update_user(ctx, user.id, {"phoneNumberVerified": True})
        elif self.options.sign_up_on_verification is not None:
            user = await self._sign_up(ctx, number, self.options.sign_up_on_verification)
        if user is None:
            raise APIError(Code.FAILED_TO_UPDATE_USER, status=500)
        await self._tell(number, user)
        token = None if ctx.body.get("disableSession") else await _begin_session(ctx, user)
        return {"status": True, "token": token, "user": ctx.auth.output.user(user)}

    async def request_password_reset(self, ctx: EndpointContext) -> dict[str, bool]:
        """Send a code to choose a password with, if somebody has this number."""
        number = ctx.body["phoneNumber"]
        if not is_storable(number):
            raise APIError(PhoneNumberCode.INVALID_PHONE_NUMBER)
        ctx.run_in_background(partial(self._send_reset, ctx, number))
        return {"status": True}

    async def reset_password(self, ctx: EndpointContext) -> dict[str, bool]:
        """Set a new password with a code."""
        number, otp, password = (ctx.body[n] for n in ("phoneNumber", "otp", "newPassword"))
        password_auth.check_password_length(password)
        guess = self._guess(_of_reset(number), otp, use_up=False)
        await self._judge(ctx, number, guess)
        user = await _owner(ctx, number)
        if user is None:
            raise APIError(PhoneNumberCode.UNEXPECTED_ERROR)
        if self.options.require_verification and not user.fields.get("phoneNumberVerified"):
            raise APIError(PhoneNumberCode.PHONE_NUMBER_PENDING_VERIFICATION)
        hashed = await ctx.auth.passwords.hash(password)
        await self._replace_password(ctx, user, hashed, replace(guess, use_up=True))
        if hook := ctx.auth.options.email_and_password.on_password_reset:
            ctx.run_in_background(partial(hook, PasswordReset(user)))
        return {"status": True}

    async def _replace_password(
        self, ctx: EndpointContext, user: AuthUser, hashed: str, guess: Guess
    ) -> None:
        """Use up the code, write, revoke: all of it or nothing."""
        async with ctx.transaction() as connection:
            if await ctx.auth.users.lock(connection, user.id) is None:
                raise APIError(PhoneNumberCode.UNEXPECTED_ERROR)
            if self.options.verify_otp is None:
                problem = await one_time_codes.judged(ctx, guess, _is_same)
                if problem is not None:
                    raise APIError(problem)
            await set_password(ctx, user.id, hashed)
            if ctx.auth.options.email_and_password.revoke_sessions_on_password_reset:
                await ctx.delete_sessions(user.id)

    async def _send_reset(self, ctx: EndpointContext, number: str) -> None:
        """Runs after the answer, whose time would else tell whether somebody has the number."""
        send, user = self.options.send_password_reset_otp, await _owner(ctx, number)
        pending = self.options.require_verification and not (
            user and user.fields.get("phoneNumberVerified")
        )
        code = await self._keep(ctx, _of_reset(number), number)  # for nobody's number too
        if send is not None and user is not None and not pending:
            await send(PhoneNumberOTP(number, code))

    async def _send_for_sign_in(self, ctx: EndpointContext, number: str) -> None:
        code = await self._keep(ctx, _identifier(number), number)
        if self.options.send_otp is not None:
            sent = PhoneNumberOTP(number, code)
            ctx.run_in_background(partial(self.options.send_otp, sent))

    async def _give_number(self, ctx: EndpointContext, number: str) -> dict[str, Any]:
        found = await ctx.load_session()
        if found is None:
            raise APIError(Code.USER_NOT_FOUND, status=401)
        if await _owner(ctx, number) is not None:
            raise APIError(PhoneNumberCode.PHONE_NUMBER_EXIST)
        values = {"phoneNumber": number, "phoneNumberVerified": True}
        try:
            user = await update_user(ctx, found.user.id, values)
        except ConstraintError:
            raise APIError(PhoneNumberCode.PHONE_NUMBER_EXIST) from None
        if user is None:
            raise APIError(Code.FAILED_TO_UPDATE_USER, status=500)
        await self._tell(number, user)
        token = found.session.token
        return {"status": True, "token": token, "user": ctx.auth.output.user(user)}

    async def _sign_up(
        self, ctx: EndpointContext, number: str, how: SignUpOnVerification
    ) -> AuthUser:
        given = {key: value for key, value in ctx.body.items() if key not in _VERIFY}
        fields = parse_input(ctx.auth.schema.input_fields("user"), given, "create")
        fields |= {"phoneNumber": number, "phoneNumberVerified": True}
        name = how.get_temp_name(number) if how.get_temp_name else number
        email = how.get_temp_email(number)
        if not is_email(email):
            raise APIError(Code.INVALID_EMAIL)
        user = replace(NewUser.normalized(name, email), fields=fields)
        new = await before_create(ctx, with_defaults(ctx, user), method="phone-number")
        try:
            created = await ctx.auth.users.create_without_password(ctx.database, new)
        except IntegrityConstraintViolationError:
            raise APIError(Code.FAILED_TO_CREATE_USER) from None
        ctx.after_write("user", "create", values_of(created), created.id)
        return created

    async def _tell(self, number: str, user: AuthUser) -> None:
        if self.options.callback_on_verification is not None:
            await self.options.callback_on_verification(PhoneNumberVerified(number, user))

    async def _require_valid(self, number: str) -> None:
        validator = self.options.phone_number_validator
        if validator is not None and not await validator(number):
            raise APIError(PhoneNumberCode.INVALID_PHONE_NUMBER)

    async def _keep(self, ctx: EndpointContext, identifier: str, number: str) -> str:
        if not is_storable(number):
            raise APIError(PhoneNumberCode.INVALID_PHONE_NUMBER)
        code = digits(self.options.otp_length)
        await one_time_codes.send(ctx, identifier, code, self.options.expires_in)
        return code

    async def _check(self, ctx: EndpointContext, number: str, code: str) -> None:
        await self._judge(ctx, number, self._guess(_identifier(number), code))

    async def _judge(self, ctx: EndpointContext, number: str, guess: Guess) -> None:
        ask = self.options.verify_otp
        if ask is None:
            return await one_time_codes.check(ctx, guess, _is_same)
        if not await ask(PhoneNumberOTP(number, guess.code)):
            raise APIError(PhoneNumberCode.INVALID_OTP)
        return await one_time_codes.forget(ctx, guess.identifier)

    def _guess(self, identifier: str, code: str, *, use_up: bool = True) -> Guess:
        return Guess(
            identifier=identifier,
            code=code,
            allowed=self.options.allowed_attempts,
            unknown=PhoneNumberCode.OTP_NOT_FOUND,
            expired=PhoneNumberCode.OTP_EXPIRED,
            wrong=PhoneNumberCode.INVALID_OTP,
            too_many=PhoneNumberCode.TOO_MANY_ATTEMPTS,
            use_up=use_up,
        )


async def _is_same(stored: str, given: str) -> bool:
    return same(stored, given)


def _identifier(number: str) -> str:
    return f"phone-number-otp-{number}"


def _of_reset(number: str) -> str:
    return f"phone-number-reset-{number}"


async def _owner(ctx: EndpointContext, number: str) -> AuthUser | None:
    if not is_storable(number):
        return None
    return await ctx.auth.users.find_by(ctx.auth.pool, "phoneNumber", number)


async def _begin_session(ctx: EndpointContext, user: AuthUser) -> str:
    session = await ctx.create_session(user.id)
    if session is None:
        raise APIError(Code.FAILED_TO_CREATE_SESSION, status=500)
    ctx.start_session(session, remember=None)
    return session.token
