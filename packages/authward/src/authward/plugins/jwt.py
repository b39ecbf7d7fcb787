"""`jwt`: JSON Web Tokens for the API beside the server."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from authward.context import AuthContext
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError, ConfigurationError
from authward.plugin import Hook, Plugin
from authward.plugins.schema_options import SchemaOptions, renamed
from authward.schema import responses as schemas
from authward.security.key_set import JWKS, KINDS, JwksOptions, KeySet
from authward.storage.rows import AuthSession, AuthUser

_ID: Final = "jwt"
_RSA_BITS: Final = range(2048, 8193)

__all__ = ["JwksOptions", "JwtOptions", "jwt"]


@dataclass(frozen=True, slots=True)
class JwtSession:
    """The session and the user for whom a token is."""

    session: AuthSession
    user: AuthUser


Claims: TypeAlias = Mapping[str, Any]
DefinePayload: TypeAlias = Callable[[JwtSession], Awaitable[Claims]]
GetSubject: TypeAlias = Callable[[JwtSession], Awaitable[str]]
Sign: TypeAlias = Callable[[Claims], Awaitable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtOptions:
    """Options of `jwt`; all but the first two are for tokens that the table's keys sign.

    Args:
        jwks: keys of the server's own, in the table `jwks`, which plugins sign with and `/jwks`
            shows: `JwtOptions(jwks=JwksOptions())`.
        shared_secret: the tokens of `/token` are HS256 under the server's secret, and verified
            without the database; with False the table's keys sign them, as the original's.
        define_payload: returns more claims; `sub`, `iat`, `exp`, `iss`, `aud` alone are there
            without. The original's default would be the whole user.
        get_subject: returns `sub`; by default the user's id.
        issuer, audience: by default the server's origin.
        expiration_time: in seconds; by default `jwt_expires_in`.
        sign: signs the claims elsewhere, where the keys are that `jwks.remote_url` shows.
        disable_setting_jwt_header: no token in `set-auth-jwt`.
        schema: other names for the table `jwks` and its columns.
    """

    jwks: JwksOptions | None = None
    shared_secret: bool = True
    define_payload: DefinePayload | None = None
    get_subject: GetSubject | None = None
    issuer: str | None = None
    audience: str | tuple[str, ...] | None = None
    expiration_time: int | None = None
    sign: Sign | None = None
    disable_setting_jwt_header: bool = False
    schema: SchemaOptions = field(default_factory=dict)


def jwt(options: JwtOptions | None = None) -> Plugin:
    """Give tokens at `/token`, and in `set-auth-jwt` wherever a session begins or is asked for.

    Raises:
        ConfigurationError: the options contradict each other.
    """
    chosen = options or JwtOptions()
    _check(chosen)

    def init(context: AuthContext) -> None:
        if chosen.jwks is not None or not chosen.shared_secret:
            secrets = (context.options.secret, *context.options.old_secrets)
            context.key_set = KeySet(context.pool, secrets, chosen.jwks)
        if not chosen.shared_secret:
            _accept_own_tokens(context, chosen)
            context.extensions[_ID] = chosen

    return Plugin(
        id=_ID,
        schema=renamed(_ID, {"jwks": JWKS}, chosen.schema),
        endpoints=_ENDPOINTS,
        after=[] if chosen.disable_setting_jwt_header else [Hook(handler=_expose_token)],
        init=init,
    )


def _check(options: JwtOptions) -> None:
    jwks = options.jwks
    if not isinstance(jwks, JwksOptions | None):
        raise ConfigurationError(f"the plugin 'jwt': jwks is JwksOptions(…), not {jwks!r}")
    if jwks is not None and jwks.algorithm not in KINDS:
        names = ", ".join(KINDS)
        raise ConfigurationError(f"the plugin 'jwt': jwks.algorithm is one of {names}")
    if jwks is not None and not _RSA_BITS[0] <= jwks.modulus_length <= _RSA_BITS[-1]:
        message = f"the plugin 'jwt': jwks.modulus_length is {_RSA_BITS[0]} to {_RSA_BITS[-1]} bits"
        raise ConfigurationError(message)
    if options.sign is not None and (jwks is None or jwks.remote_url is None):
        raise ConfigurationError("the plugin 'jwt': sign needs jwks.remote_url")
    asymmetric = {
        *("define_payload", "get_subject", "issuer", "audience", "expiration_time", "sign"),
    }
    given = sorted(name for name in asymmetric if getattr(options, name) is not None)
    if options.shared_secret and given:
        raise ConfigurationError(f"the plugin 'jwt': {given[0]} needs shared_secret=False")
    seconds = options.expiration_time
    if seconds is not None and (type(seconds) is not int or seconds < 1):
        raise ConfigurationError("the plugin 'jwt': expiration_time is a number of seconds")


def _accept_own_tokens(context: AuthContext, options: JwtOptions) -> None:
    """Let the application's own endpoints take what `/token` gives."""
    if context.options.jwks_url is not None:
        message = "the plugin 'jwt': shared_secret=False and jwks_url do not go together"
        raise ConfigurationError(message)
    context.tokens.accept(options.issuer or "", *_audiences(options))
    if context.key_set is not None and options.sign is None:
        from authward.security.own_keys import OwnKeys  # noqa: PLC0415

        context.tokens.remote_keys = OwnKeys(context.key_set)


def _audiences(options: JwtOptions) -> tuple[str, ...]:
    given = options.audience or ()
    return (given,) if isinstance(given, str) else given


async def _expose_token(ctx: EndpointContext) -> None:
    if ctx.signed_in_user_id is None:
        return
    options: JwtOptions | None = ctx.auth.extensions.get(_ID)
    if options is None:
        ctx.expose("set-auth-jwt", ctx.auth.issue_token(ctx.signed_in_user_id))
    elif ctx.path == "/get-session":
        ctx.expose("set-auth-jwt", await _signed(ctx, options))


async def _signed(ctx: EndpointContext, options: JwtOptions) -> str:
    """Return a token of the current session by a key of the table, or by `sign`."""
    claims = await _claims(ctx, options)
    if options.sign is not None:
        return await options.sign(claims)
    keys = ctx.auth.key_set
    if keys is None:
        raise APIError(500)
    return await keys.sign(claims, kind=None, key=await keys.signing_key())


async def _claims(ctx: EndpointContext, options: JwtOptions) -> dict[str, Any]:
    found, origin = JwtSession(ctx.session.session, ctx.session.user), ctx.auth.options.base_url
    payload: Claims = {}
    if options.define_payload is not None:
        payload = await options.define_payload(found)
    subject = found.user.id
    if options.get_subject is not None:
        subject = await options.get_subject(found)
    claims: dict[str, Any] = {"iat": int(time.time()), **payload, "sub": subject}
    lifetime = options.expiration_time or ctx.auth.options.jwt_expires_in
    audience = options.audience or origin
    usual = {
        "exp": claims["iat"] + lifetime,
        "iss": options.issuer or origin,
        "aud": audience if isinstance(audience, str) else list(audience),
    }
    return usual | claims


async def _jwks(ctx: EndpointContext) -> dict[str, list[Any]]:
    """Return the public keys: those of the server's own; tokens of `/token` have none (HS256)."""
    keys = ctx.auth.key_set
    if keys is not None and keys.remote_url is not None:
        raise APIError(404)
    return {"keys": [] if keys is None else await keys.published()}


async def _token(ctx: EndpointContext) -> dict[str, str]:
    """Return a JSON Web Token for the current user: what `/api/tasks` takes as bearer token."""
    options: JwtOptions | None = ctx.auth.extensions.get(_ID)
    if options is not None:
        return {"token": await _signed(ctx, options)}
    return {"token": ctx.auth.issue_token(ctx.session.user.id)}


_ENDPOINTS = (
    Endpoint(
        path="/jwks",
        methods=("GET",),
        handler=_jwks,
        response_model=schemas.KeySet,
        errors=(429,),
    ),
    Endpoint(
        path="/token",
        methods=("GET",),
        handler=_token,
        session="required",
        response_model=schemas.Token,
        errors=(401, 429),
    ),
)
