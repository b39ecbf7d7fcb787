"""`token_login`: `/signup` and `/login` with plain JSON, for front ends without the client.

They do what `/sign-up/email` and `/sign-in/email` do, but respond with a JSON Web Token, and with
errors like those of the rest of the API: `{"detail": "…"}`.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException
from fastapi.routing import APIRoute
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from starlette.requests import Request
from starlette.responses import Response

from authward.bodies import MAX_BODY_BYTES, JSONRequest, limit_body, too_large_message
from authward.codes import Code
from authward.core import password_auth
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.fastapi.openapi import EXAMPLES
from authward.pipeline import BUSY, admit
from authward.plugin import Plugin
from authward.schema import responses as schemas
from authward.security.csrf import check_json_csrf
from authward.security.passwords import HashingQueueFullError
from authward.storage.users import NewUser
from authward.text import utf16_length
from authward.validation import EMAIL, WITHOUT_NUL, is_email


class TokenLoginRoute(APIRoute):
    """A route that responds to every kind of broken JSON with the same 422."""

    def get_route_handler(self) -> Any:
        """Return the handler that FastAPI calls."""
        handle = super().get_route_handler()

        async def handle_readable(request: Request) -> Response:
            receive = limit_body(MAX_BODY_BYTES, request, _too_much)
            return await handle(JSONRequest(request.scope, receive))

        return handle_readable


def _too_much() -> HTTPException:
    return HTTPException(413, too_large_message(MAX_BODY_BYTES))


router = APIRouter(route_class=TokenLoginRoute)


def _email(value: str) -> str:
    if not is_email(value):
        raise ValueError("not a valid e-mail address")
    return value


def _storable(value: str) -> str:
    if "\0" in value:
        raise ValueError("NUL characters are not allowed")
    return value


def _not_too_short(value: str) -> str:
    if utf16_length(value) < password_auth.PASSWORD_MIN_LENGTH:
        msg = f"at least {password_auth.PASSWORD_MIN_LENGTH} characters"
        raise ValueError(msg)
    return value


def _not_too_long(value: str) -> str:
    if utf16_length(value) > password_auth.PASSWORD_MAX_LENGTH:
        msg = f"at most {password_auth.PASSWORD_MAX_LENGTH} characters"
        raise ValueError(msg)
    return value


_PASSWORD_SCHEMA = {
    "type": "string",
    "maxLength": password_auth.PASSWORD_MAX_LENGTH,
    "examples": [EXAMPLES["password"]],
}
_EMAIL_SCHEMA = {"type": "string", **EMAIL, "examples": [EXAMPLES["email"]]}
Email = Annotated[str, AfterValidator(_email), WithJsonSchema(_EMAIL_SCHEMA, mode="validation")]
Name = Annotated[
    str,
    StringConstraints(max_length=password_auth.NAME_MAX_LENGTH),
    AfterValidator(_storable),
    Field(json_schema_extra={**WITHOUT_NUL, "examples": [EXAMPLES["name"]]}),
]


class Credentials(BaseModel):
    """Who signs in."""

    model_config = ConfigDict(
        hide_input_in_errors=True,
        json_schema_extra={"examples": [{n: EXAMPLES[n] for n in ("email", "password")}]},
    )
    email: Email
    password: Annotated[str, AfterValidator(_not_too_long), WithJsonSchema(_PASSWORD_SCHEMA)]


def _allow_added_fields(schema: dict[str, Any]) -> None:
    """Other properties are for fields that a server adds, whose document names them."""
    del schema["additionalProperties"]
    schema["examples"] = [{name: EXAMPLES[name] for name in ("email", "password", "name")}]


class Registration(Credentials):
    """Who signs up; without a name, the e-mail address up to its @ becomes the name."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_allow_added_fields)
    password: Annotated[
        str,
        AfterValidator(_not_too_short),
        AfterValidator(_not_too_long),
        WithJsonSchema(_PASSWORD_SCHEMA | {"minLength": password_auth.PASSWORD_MIN_LENGTH}),
    ]
    name: Name | None = None


class AccessToken(BaseModel):
    """A JSON Web Token and whose it is, both twice, because front ends read either."""

    token: str
    access_token: str
    token_type: str
    expires_in: int
    user_id: str
    user: schemas.User


class PlainErrorDetail(BaseModel):
    """What went wrong."""

    detail: str


class PlainProblem(BaseModel):
    """One thing that is wrong with a request."""

    loc: list[str | int]
    msg: str
    type: str


class InvalidCredentialsDetail(PlainErrorDetail):
    """What is wrong with a request; no `errors` where the e-mail address is taken."""

    errors: list[PlainProblem] | None = None


def _endpoint_context(request: Request) -> EndpointContext:
    server = request.app.state.better_auth
    ctx = EndpointContext(server.context, request)
    ctx.path = request.url.path.removeprefix(server.options.base_path)
    return ctx


TokenLoginContext = Annotated[EndpointContext, Depends(_endpoint_context)]
_ERRORS: dict[int | str, dict[str, Any]] = {
    **{status: {"model": PlainErrorDetail} for status in (401, 403, 413, 415, 429, 503)},
    422: {"model": InvalidCredentialsDetail},
}


@router.post(
    "/signup",
    operation_id="signup",
    status_code=201,
    response_model=AccessToken,
    responses=_ERRORS,
)
@router.post("/signup/", status_code=201, include_in_schema=False)
async def signup(body: Registration, ctx: TokenLoginContext) -> Response:
    """Sign up and get a token."""
    new = NewUser.normalized(body.name or body.email.partition("@")[0], body.email)
    try:
        await _check_request(ctx, "/sign-up/email")
        session, user = await password_auth.sign_up(
            ctx, new, body.password, remember=True, given=body.model_extra or {}
        )
    except (APIError, HashingQueueFullError) as error:
        return await _error_response(ctx, error)
    if session is None:
        return await _error_response(ctx, APIError(Code.EMAIL_NOT_VERIFIED))
    return await _token_response(ctx, 201, user)


@router.post("/login", operation_id="login", response_model=AccessToken, responses=_ERRORS)
@router.post("/login/", include_in_schema=False)
@router.post(
    "/login/email", operation_id="loginEmail", response_model=AccessToken, responses=_ERRORS
)
@router.post("/login/email/", include_in_schema=False)
async def login(body: Credentials, ctx: TokenLoginContext) -> Response:
    """Sign in and get a token."""
    try:
        await _check_request(ctx, "/sign-in/email")
        _, user = await password_auth.sign_in(
            ctx, email=body.email, password=body.password, remember=True
        )
    except (APIError, HashingQueueFullError) as error:
        return await _error_response(ctx, error)
    return await _token_response(ctx, 200, ctx.auth.output.user(user))


async def _check_request(ctx: EndpointContext, path: str) -> None:
    """Apply what guards the protocol's endpoint, so that both share one budget of tries."""
    ctx.resolve_base_url()
    await admit(ctx, path)
    check_json_csrf(ctx)


async def _run_after(ctx: EndpointContext) -> None:
    server = ctx.request.app.state.better_auth
    await server.hooks_around(ctx.path).run_after(ctx)


async def _token_response(ctx: EndpointContext, status: int, user: dict[str, Any]) -> Response:
    tokens, token = ctx.auth.tokens, ctx.auth.issue_token(user["id"])
    await _run_after(ctx)
    return ctx.response(
        status,
        {
            "token": token,
            "access_token": token,
            "token_type": "bearer",
            "expires_in": tokens.lifetime,
            "user_id": user["id"],
            "user": user,
        },
    )


async def _error_response(
    ctx: EndpointContext, error: APIError | HashingQueueFullError
) -> Response:
    api_error = error if isinstance(error, APIError) else BUSY
    ctx.headers |= api_error.headers
    await _run_after(ctx)
    if api_error.status == 401:
        ctx.headers["www-authenticate"] = "Bearer"
    return ctx.response(api_error.status, {"detail": api_error.message})


def token_login() -> Plugin:
    """Respond with a JSON Web Token, and with `{"detail": "…"}` for errors."""
    return Plugin(id="token_login", routers=[router])
