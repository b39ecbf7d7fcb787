"""`/sign-up/email`, `/sign-in/email`, `/sign-out`."""

from typing import Any

from taskward.auth import registration, schemas, store
from taskward.auth.endpoint import Endpoint
from taskward.auth.exchange import Exchange, user_json
from taskward.auth.validation import EMAIL, WITHOUT_NUL, Field, Schema

_CALLBACK = Field("string", required=False, description="Where the client goes afterwards")
_REMEMBER = Field("boolean", required=False, description="false: only until the browser is closed")
_EMAIL_PASSWORD = {
    "email": Field("string", description="E-mail address", documented=EMAIL),
    "password": Field("string", documented=registration.ANY_PASSWORD),
    "callbackURL": _CALLBACK,
    "rememberMe": _REMEMBER,
}
_SIGN_UP = {
    "name": Field("string", max_length=registration.NAME_MAX_LENGTH, documented=WITHOUT_NUL),
    "email": Field("email", description="E-mail address"),
    "password": Field("string", nonempty=True, documented=registration.PASSWORD),
    "image": Field(
        "string",
        required=False,
        max_length=registration.IMAGE_MAX_LENGTH,
        documented=WITHOUT_NUL,
    ),
    "callbackURL": _CALLBACK,
    "rememberMe": _REMEMBER,
}
_SIGN_OUT = {
    "callbackURL": _CALLBACK,
    "disableRedirect": Field("boolean", required=False),
    "state": Field("string", required=False),
}


async def sign_up_email(exchange: Exchange) -> dict[str, Any]:
    """Sign up with e-mail and password."""
    body = exchange.body
    session, user = await registration.sign_up(
        exchange,
        store.NewUser.normalized(body["name"], body["email"], body.get("image")),
        body["password"],
        remember=body.get("rememberMe", True),
    )
    return {"token": session["token"] if session else None, "user": user}


async def sign_in_email(exchange: Exchange) -> dict[str, Any]:
    """Sign in with e-mail and password."""
    body = exchange.body
    session, user = await registration.sign_in(
        exchange,
        email=body["email"],
        password=body["password"],
        remember=body.get("rememberMe", True),
    )
    callback_url = body.get("callbackURL")
    if callback_url:
        exchange.set_location(callback_url)
    return {
        "redirect": bool(callback_url),
        "token": session["token"],
        **({} if callback_url is None else {"url": callback_url}),
        "user": user_json(user),
    }


async def sign_out(exchange: Exchange) -> dict[str, Any]:
    """End the session, if there is one."""
    token = exchange.session_token
    if token is not None:
        await store.DELETE_SESSION.fetch(exchange.auth.pool, token=token)
    exchange.delete_session_cookies()
    return {"success": True}


ENDPOINTS = (
    Endpoint(
        path="/sign-up/email",
        handler=sign_up_email,
        body=Schema(_SIGN_UP, extra=True),
        signs_in=True,
        answer=schemas.SignUp,
        errors=(400, 403, 415, 422, 429, 503),
    ),
    Endpoint(
        path="/sign-in/email",
        handler=sign_in_email,
        body=Schema(_EMAIL_PASSWORD),
        signs_in=True,
        answer=schemas.SignIn,
        errors=(400, 401, 403, 415, 429, 503),
    ),
    Endpoint(
        path="/sign-out",
        handler=sign_out,
        body=Schema(_SIGN_OUT, optional=True),
        answer=schemas.Success,
        errors=(400, 403, 415, 429),
    ),
)
