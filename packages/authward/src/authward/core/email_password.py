"""`/sign-up/email`, `/sign-in/email`, `/sign-out`."""

from typing import Any

from authward.bodies import MAX_BODY_BYTES_WITH_IMAGE
from authward.core import password_auth
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.schema import responses as schemas
from authward.storage.users import NewUser
from authward.validation import EMAIL, WITHOUT_NUL, Field, Schema

_CALLBACK = Field("string", required=False, description="Where the client goes afterwards")
_REMEMBER = Field("boolean", required=False, description="false: only until the browser is closed")
_EMAIL_PASSWORD = {
    "email": Field("string", description="E-mail address", json_schema_extra=EMAIL),
    "password": Field("string", json_schema_extra=password_auth.ANY_PASSWORD),
    "callbackURL": _CALLBACK,
    "rememberMe": _REMEMBER,
}
_SIGN_UP = {
    "name": Field(
        "string", max_length=password_auth.NAME_MAX_LENGTH, json_schema_extra=WITHOUT_NUL
    ),
    "email": Field("email", description="E-mail address"),
    "password": Field("string", nonempty=True, json_schema_extra=password_auth.PASSWORD),
    "image": Field(
        "string",
        required=False,
        max_length=password_auth.IMAGE_MAX_LENGTH,
        json_schema_extra=WITHOUT_NUL,
    ),
    "callbackURL": _CALLBACK,
    "rememberMe": _REMEMBER,
}
_SIGN_OUT = {
    "callbackURL": _CALLBACK,
    "disableRedirect": Field("boolean", required=False),
    "state": Field("string", required=False),
}


async def sign_up_email(ctx: EndpointContext) -> dict[str, Any]:
    """Sign up with e-mail and password."""
    body = ctx.body
    session, user = await password_auth.sign_up(
        ctx,
        NewUser.normalized(body["name"], body["email"], body.get("image")),
        body["password"],
        remember=body.get("rememberMe", True),
        given={name: value for name, value in body.items() if name not in _SIGN_UP},
    )
    return {"token": session.token if session else None, "user": user}


async def sign_in_email(ctx: EndpointContext) -> dict[str, Any]:
    """Sign in with e-mail and password."""
    body = ctx.body
    session, user = await password_auth.sign_in(
        ctx,
        email=body["email"],
        password=body["password"],
        remember=body.get("rememberMe", True),
    )
    return password_auth.sign_in_response(ctx, session, user)


async def sign_out(ctx: EndpointContext) -> dict[str, Any]:
    """End the session, if there is one."""
    token = ctx.session_token
    if token is not None:
        await ctx.delete_session(token)
    ctx.delete_session_cookies()
    return {"success": True}


ENDPOINTS = (
    Endpoint(
        path="/sign-up/email",
        handler=sign_up_email,
        body=Schema(_SIGN_UP, additional_properties=True),
        additional_fields_of="user",
        max_body=MAX_BODY_BYTES_WITH_IMAGE,
        form_csrf=True,
        response_model=schemas.SignUp,
        errors=(400, 403, 415, 422, 429, 503),
    ),
    Endpoint(
        path="/sign-in/email",
        handler=sign_in_email,
        body=Schema(_EMAIL_PASSWORD),
        form_csrf=True,
        response_model=schemas.SignIn,
        errors=(400, 401, 403, 415, 429, 503),
    ),
    Endpoint(
        path="/sign-out",
        handler=sign_out,
        body=Schema(_SIGN_OUT, optional=True),
        response_model=schemas.Success,
        errors=(400, 403, 415, 429),
    ),
)
