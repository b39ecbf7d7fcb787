"""Plain JSON sign-up and sign-in, for front ends without the Better Auth client.

They do what the protocol's endpoints do, but answer with a JSON Web Token and report errors as the
rest of the API does: `{"detail": "…"}`.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
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

from taskward.auth import registration, schemas, store
from taskward.auth.bodies import JSONRequest
from taskward.auth.endpoint import BUSY
from taskward.auth.errors import APIError
from taskward.auth.exchange import Exchange, user_json
from taskward.auth.origin_check import check_form_csrf
from taskward.auth.passwords import HashingQueueFullError
from taskward.auth.validation import EMAIL, WITHOUT_NUL, is_email


class PlainRoute(APIRoute):
    """An endpoint to which every kind of broken JSON is the same 422."""

    def get_route_handler(self) -> Any:
        """Return the handler that FastAPI calls."""
        handle = super().get_route_handler()

        async def handle_readable(request: Request) -> Response:
            return await handle(JSONRequest(request.scope, request.receive))

        return handle_readable


router = APIRouter(route_class=PlainRoute)


def _email(value: str) -> str:
    if not is_email(value):
        raise ValueError("not a valid e-mail address")
    return value


def _storable(value: str) -> str:
    if "\0" in value:
        raise ValueError("NUL characters are not allowed")
    return value


def _not_too_short(value: str) -> str:
    if registration.utf16_length(value) < registration.PASSWORD_MIN_LENGTH:
        msg = f"at least {registration.PASSWORD_MIN_LENGTH} characters"
        raise ValueError(msg)
    return value


def _not_too_long(value: str) -> str:
    if registration.utf16_length(value) > registration.PASSWORD_MAX_LENGTH:
        msg = f"at most {registration.PASSWORD_MAX_LENGTH} characters"
        raise ValueError(msg)
    return value


_PASSWORD_SCHEMA = {"type": "string", "maxLength": registration.PASSWORD_MAX_LENGTH}
Email = Annotated[
    str, AfterValidator(_email), WithJsonSchema({"type": "string", **EMAIL}, mode="validation")
]
Name = Annotated[
    str,
    StringConstraints(max_length=registration.NAME_MAX_LENGTH),
    AfterValidator(_storable),
    Field(json_schema_extra=dict(WITHOUT_NUL)),
]


class Credentials(BaseModel):
    """Who signs in."""

    model_config = ConfigDict(hide_input_in_errors=True)
    email: Email
    password: Annotated[str, AfterValidator(_not_too_long), WithJsonSchema(_PASSWORD_SCHEMA)]


class Registration(Credentials):
    """Who signs up; without a name, the e-mail address up to its @ becomes the name."""

    password: Annotated[
        str,
        AfterValidator(_not_too_short),
        AfterValidator(_not_too_long),
        WithJsonSchema(_PASSWORD_SCHEMA | {"minLength": registration.PASSWORD_MIN_LENGTH}),
    ]
    name: Name | None = None


class AccessToken(BaseModel):
    """A JSON Web Token (twice, because front ends read either name) and whose it is."""

    token: str
    access_token: str
    token_type: str
    expires_in: int
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


def _exchange(request: Request) -> Exchange:
    return Exchange(request.app.state.better_auth, request)


PlainExchange = Annotated[Exchange, Depends(_exchange)]
_ERRORS: dict[int | str, dict[str, Any]] = {
    **{status: {"model": PlainErrorDetail} for status in (401, 403, 413, 429, 503)},
    422: {"model": InvalidCredentialsDetail},
}


@router.post("/signup", status_code=201, response_model=AccessToken, responses=_ERRORS)
async def signup(body: Registration, exchange: PlainExchange) -> Response:
    """Sign up and get a token."""
    new = store.NewUser.normalized(body.name or body.email.partition("@")[0], body.email)
    try:
        await _check(exchange, "/sign-up/email")
        session, user = await registration.sign_up(exchange, new, body.password, remember=True)
    except (APIError, HashingQueueFullError) as error:
        return _refusal(exchange, error)
    if session is None:
        return _refusal(exchange, APIError(403, "EMAIL_NOT_VERIFIED"))
    return _answer(exchange, 201, user)


@router.post("/login", response_model=AccessToken, responses=_ERRORS)
@router.post("/login/email", response_model=AccessToken, responses=_ERRORS)
async def login(body: Credentials, exchange: PlainExchange) -> Response:
    """Sign in and get a token."""
    try:
        await _check(exchange, "/sign-in/email")
        _, user = await registration.sign_in(
            exchange, email=body.email, password=body.password, remember=True
        )
    except (APIError, HashingQueueFullError) as error:
        return _refusal(exchange, error)
    return _answer(exchange, 200, user_json(user))


async def _check(exchange: Exchange, path: str) -> None:
    """The limits are those of the protocol's endpoint, so that no spelling gives more tries."""
    await exchange.auth.rate_limiter.check(exchange.request, path)
    check_form_csrf(exchange)


def _answer(exchange: Exchange, status: int, user: dict[str, Any]) -> Response:
    tokens = exchange.auth.tokens
    token = tokens.issue(user["id"])
    return exchange.response(
        status,
        {
            "token": token,
            "access_token": token,
            "token_type": "bearer",
            "expires_in": tokens.lifetime,
            "user": user,
        },
    )


def _refusal(exchange: Exchange, error: APIError | HashingQueueFullError) -> Response:
    api_error = error if isinstance(error, APIError) else BUSY
    exchange.headers |= api_error.headers
    if api_error.status == 401:
        exchange.headers["www-authenticate"] = "Bearer"
    return exchange.response(api_error.status, {"detail": api_error.message})
