"""`email_otp`: codes by e-mail to sign in, verify an address, choose a password, change an address.

The original's plugin of that name.
"""

from dataclasses import replace
from functools import partial
from typing import Any

from authward.callbacks import PasswordReset
from authward.codes import Code
from authward.core.account_changes import set_password
from authward.core.password_auth import (
    IMAGE_MAX_LENGTH,
    NAME_MAX_LENGTH,
    PASSWORD,
    check_password_length,
)
from authward.core.proven_email import create_user, take_over
from authward.core.user_changes import change_email, update_user, verifying
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugin import Hook, Plugin
from authward.plugins import one_time_codes
from authward.plugins.email_otp_codes import Codes, identifier_of
from authward.plugins.email_otp_options import (
    ChangeEmailByOTPOptions,
    EmailOTP,
    EmailOTPCode,
    EmailOTPOptions,
    OTPRequest,
    OTPType,
    check_options,
)
from authward.plugins.one_time_codes import Guess
from authward.schema import responses as schemas
from authward.schema.input import parse_input
from authward.security.csrf import check_form_csrf
from authward.security.rate_limit import RateLimitRule
from authward.storage.rows import AuthSession, AuthUser
from authward.storage.users import NewUser
from authward.validation import Field, Schema, is_email
from authward.validation_kinds import Choice

__all__ = [
    "ChangeEmailByOTPOptions",
    "EmailOTP",
    "EmailOTPOptions",
    "OTPRequest",
    "email_otp",
]

_EMAIL = Field("string", description="E-mail address")
_OTP = Field("string", description="The code that was sent")
_TYPES: tuple[OTPType, ...] = ("email-verification", "sign-in", "forget-password", "change-email")
_TYPE = Choice("string", choices=_TYPES, description="What the code is for")
_SIGN_IN_FIELDS = {
    "email": _EMAIL,
    "otp": _OTP,
    "name": Field("string", required=False, description="Of a user who is new"),
    "image": Field("string", required=False, description="Of a user who is new"),
}
_ERRORS = (400, 403, 415, 429)


def email_otp(options: EmailOTPOptions) -> Plugin:
    """Let users prove with a code that they have an e-mail address."""
    check_options(options)
    codes = Codes(options)
    endpoints = _endpoints(codes)
    limit = RateLimitRule(
        options.rate_limit_window,
        options.rate_limit_max,
        paths=tuple(each.path for each in endpoints if not each.server_only),
    )
    after_sign_up = Hook(handler=codes.after_sign_up, matcher=lambda p: p.startswith("/sign-up"))
    wanted = options.send_verification_on_sign_up
    return Plugin(
        id="email-otp",
        endpoints=endpoints,
        after=[after_sign_up] if wanted and not codes.overrides else [],
        rate_limit=[limit],
        error_codes=EmailOTPCode,
        init=codes.override if codes.overrides else None,
    )


def _address(ctx: EndpointContext, name: str = "email") -> str:
    email = str(ctx.body[name]).lower()
    if not is_email(email):
        raise APIError(Code.INVALID_EMAIL)
    return email


async def _user(ctx: EndpointContext, email: str) -> AuthUser:
    """Whoever has a right code may learn whether there is a user."""
    user = await ctx.auth.users.find_by_email(ctx.auth.pool, email)
    if user is None:
        raise APIError(Code.USER_NOT_FOUND)
    return user


def _endpoints(codes: Codes) -> list[Endpoint]:
    routes = _Routes(codes)
    email, password = {"email": _EMAIL}, Field("string", json_schema_extra=PASSWORD)
    by_type = Schema({**email, "type": _TYPE})
    success: dict[str, Any] = {"response_model": schemas.Success, "errors": _ERRORS}
    reset: dict[str, Any] = {
        "body": Schema(email),
        "handler": routes.request_password_reset,
        **success,
    }
    own: dict[str, Any] = {**success, "session": "required", "errors": (401, *_ERRORS)}
    change = {"newEmail": _EMAIL, "otp": _OTP}
    request_change = {"newEmail": _EMAIL, "otp": replace(_OTP, required=False)}
    return [
        Endpoint(
            path="/email-otp/send-verification-otp",
            handler=routes.send_verification_otp,
            body=by_type,
            **success,
        ),
        Endpoint(
            path="/email-otp/create-verification-otp",
            name="create_verification_otp",
            handler=routes.create_verification_otp,
            body=by_type,
            server_only=True,
        ),
        Endpoint(
            path="/email-otp/get-verification-otp",
            name="get_verification_otp",
            handler=routes.get_verification_otp,
            methods=("GET",),
            query=by_type,
            server_only=True,
        ),
        Endpoint(
            path="/email-otp/check-verification-otp",
            handler=routes.check_verification_otp,
            body=Schema({**email, "type": _TYPE, "otp": _OTP}),
            **success,
        ),
        Endpoint(
            path="/email-otp/verify-email",
            handler=routes.verify_email,
            body=Schema({**email, "otp": _OTP}),
            response_model=schemas.VerifiedAddress,
            errors=_ERRORS,
        ),
        Endpoint(
            path="/sign-in/email-otp",
            handler=routes.sign_in,
            body=Schema(_SIGN_IN_FIELDS, additional_properties=True),
            additional_fields_of="user",
            response_model=schemas.SignedIn,
            errors=(*_ERRORS, 422),
        ),
        Endpoint(path="/email-otp/request-password-reset", **reset),
        Endpoint(path="/forget-password/email-otp", **reset),
        Endpoint(
            path="/email-otp/reset-password",
            handler=routes.reset_password,
            body=Schema({**email, "otp": _OTP, "password": password}),
            **{**success, "errors": (*_ERRORS, 503)},
        ),
        Endpoint(
            path="/email-otp/request-email-change",
            handler=routes.request_email_change,
            body=Schema(request_change),
            **own,
        ),
        Endpoint(
            path="/email-otp/change-email",
            handler=routes.change_email,
            body=Schema(change),
            **own,
        ),
    ]


class _Routes:
    def __init__(self, codes: Codes) -> None:
        self.codes = codes
        self.options = codes.options

    async def send_verification_otp(self, ctx: EndpointContext) -> dict[str, bool]:
        """Send a code to sign in, verify the address or choose a password."""
        check_form_csrf(ctx)
        email, kind = _address(ctx), ctx.body["type"]
        if kind == "change-email":
            raise APIError(400, message="Invalid OTP type")
        ctx.run_in_background(partial(self.codes.send_if_known, ctx, email, kind))
        return {"success": True}

    async def create_verification_otp(self, ctx: EndpointContext) -> str:
        """Return a new code, for the application to send."""
        email, kind = ctx.body["email"].lower(), ctx.body["type"]
        return await self.codes.keep(ctx, email, kind, identifier_of(kind, email))

    async def get_verification_otp(self, ctx: EndpointContext) -> dict[str, str | None]:
        """Return the code that was sent last."""
        identifier = identifier_of(ctx.query["type"], ctx.query["email"].lower())
        return {"otp": await self.codes.read(ctx, identifier)}

    async def check_verification_otp(self, ctx: EndpointContext) -> dict[str, bool]:
        """Tell whether a code is right, and leave it good."""
        email = _address(ctx)
        identifier = identifier_of(ctx.body["type"], email)
        await self.codes.check(ctx, identifier, ctx.body["otp"], use_up=False)
        await _user(ctx, email)
        return {"success": True}

    async def verify_email(self, ctx: EndpointContext) -> dict[str, Any]:
        """Verify an address with a code."""
        email = _address(ctx)
        await self.codes.check(ctx, identifier_of("email-verification", email), ctx.body["otp"])
        user = await _user(ctx, email)
        async with verifying(ctx, user):
            updated = await update_user(ctx, user.id, {"emailVerified": True})
        if updated is None:
            raise APIError(Code.USER_NOT_FOUND)
        token = None
        if ctx.auth.options.email_verification.auto_sign_in_after_verification:
            token = (await _begin_session(ctx, updated)).token
        return {"status": True, "token": token, "user": ctx.auth.output.user(updated)}

    async def sign_in(self, ctx: EndpointContext) -> dict[str, Any]:
        """Sign in, or up, with a code."""
        email = ctx.body["email"].lower()
        await self.codes.check(ctx, identifier_of("sign-in", email), ctx.body["otp"])
        user = await ctx.auth.users.find_by_email(ctx.auth.pool, email)
        if user is None:
            user = await self._sign_up(ctx, email)
        taken = await take_over(ctx, user)
        if taken is None:
            raise APIError(EmailOTPCode.INVALID_OTP)
        session = await _begin_session(ctx, taken)
        return {"token": session.token, "user": ctx.auth.output.user(taken)}

    async def _sign_up(self, ctx: EndpointContext, email: str) -> AuthUser:
        if self.options.disable_sign_up or not is_email(email):
            raise APIError(EmailOTPCode.INVALID_OTP)
        name, image = (ctx.body.get("name") or "")[:NAME_MAX_LENGTH], ctx.body.get("image")
        if image is not None and len(image) > IMAGE_MAX_LENGTH:
            raise APIError(Code.VALIDATION_ERROR, message="[body.image] Too big")
        given = {key: value for key, value in ctx.body.items() if key not in _SIGN_IN_FIELDS}
        fields = parse_input(ctx.auth.schema.input_fields("user"), given, "create")
        new = replace(NewUser.normalized(name, email, image), email_verified=True, fields=fields)
        return await create_user(ctx, new, "email-otp")

    async def request_password_reset(self, ctx: EndpointContext) -> dict[str, bool]:
        """Send a code to choose a password with, if there is a user with this address."""
        email = _address(ctx)
        ctx.run_in_background(partial(self.codes.send_if_known, ctx, email, "forget-password"))
        return {"success": True}

    async def reset_password(self, ctx: EndpointContext) -> dict[str, bool]:
        """Set a new password with a code."""
        email, otp = _address(ctx), ctx.body["otp"]
        check_password_length(ctx.body["password"])
        identifier = identifier_of("forget-password", email)
        await self.codes.check(ctx, identifier, otp, use_up=False)
        user = await _user(ctx, email)
        hashed = await ctx.auth.passwords.hash(ctx.body["password"])
        await self._replace_password(ctx, user, hashed, self.codes.guess(identifier, otp))
        if hook := ctx.auth.options.email_and_password.on_password_reset:
            ctx.run_in_background(partial(hook, PasswordReset(user)))
        return {"success": True}

    async def _replace_password(
        self, ctx: EndpointContext, user: AuthUser, hashed: str, guess: Guess
    ) -> None:
        """Use up the code, write, revoke: all of it or nothing."""
        async with ctx.transaction() as connection:
            if await ctx.auth.users.lock(connection, user.id) is None:
                raise APIError(Code.USER_NOT_FOUND)
            if await one_time_codes.judged(ctx, guess, partial(self.codes.judge, ctx)):
                raise APIError(EmailOTPCode.INVALID_OTP)
            await set_password(ctx, user.id, hashed)
            if ctx.auth.options.email_and_password.revoke_sessions_on_password_reset:
                await ctx.delete_sessions(user.id)
            if not user.email_verified:
                await update_user(ctx, user.id, {"emailVerified": True})

    async def request_email_change(self, ctx: EndpointContext) -> dict[str, bool]:
        """Send a code to a new address, if nobody has it."""
        user, new_email = ctx.session.user, self._new_address(ctx)
        if self.options.change_email.verify_current_email:
            if not ctx.body.get("otp"):
                raise APIError(400, message="OTP is required to verify current email")
            identifier = identifier_of("email-verification", user.email.lower())
            await self.codes.check(ctx, identifier, ctx.body["otp"])
        ctx.run_in_background(partial(self._send_to_new, ctx, user, new_email))
        return {"success": True}

    async def _send_to_new(self, ctx: EndpointContext, user: AuthUser, new_email: str) -> None:
        """Runs after the answer, whose time would else tell whether the address is taken."""
        if await ctx.auth.users.find_by_email(ctx.auth.pool, new_email):
            return
        kind, identifier = _TYPES[3], _of_change(user, new_email)
        otp = await self.codes.keep(ctx, new_email, kind, identifier)
        await self.options.send_verification_otp(EmailOTP(new_email, otp, kind))

    async def change_email(self, ctx: EndpointContext) -> dict[str, bool]:
        """Change the address with the code that was sent to the new one."""
        user, new_email = ctx.session.user, self._new_address(ctx)
        await self.codes.check(ctx, _of_change(user, new_email), ctx.body["otp"])
        async with verifying(ctx, user):
            changed = await change_email(ctx, user, new_email, verified=True)
        if changed is None:
            raise APIError(400, message="Email already in use")
        ctx.set_session_cookies(ctx.session.session.token)
        return {"success": True}

    def _new_address(self, ctx: EndpointContext) -> str:
        if not self.options.change_email.enabled:
            raise APIError(400, message="Change email with OTP is disabled")
        new_email = _address(ctx, "newEmail")
        if new_email == ctx.session.user.email.lower():
            raise APIError(400, message="Email is the same")
        return new_email


def _of_change(user: AuthUser, new_email: str) -> str:
    return identifier_of("change-email", f"{user.id}:{new_email}")


async def _begin_session(ctx: EndpointContext, user: AuthUser) -> AuthSession:
    session = await ctx.create_session(user.id)
    if session is None:
        raise APIError(Code.FAILED_TO_CREATE_SESSION)
    ctx.start_session(session, remember=None)
    return session
