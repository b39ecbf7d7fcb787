"""`magic_link`: users sign in with a link by e-mail, the original's plugin of that name."""

import secrets
import string
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, NoReturn

import orjson
from ada_url import URL, URLSearchParams

from authward.codes import Code
from authward.core.account_changes import consume, keep
from authward.core.password_auth import NAME_MAX_LENGTH
from authward.core.proven_email import create_user, take_over
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError, ConfigurationError
from authward.plugin import Plugin
from authward.plugins.kept_secrets import StoreToken, check_store, kept
from authward.redirects import with_parameter
from authward.schema import responses as schemas
from authward.security.csrf import check_form_csrf
from authward.security.rate_limit import RateLimitRule
from authward.storage.rows import AuthUser
from authward.storage.users import NewUser
from authward.text import to_well_formed
from authward.validation import Field, Schema, is_email
from authward.validation_kinds import Record

_LETTERS = string.ascii_letters
_LENGTH = 32
_PAGES = {
    "callbackURL": "Where the link leads in the end",
    "newUserCallbackURL": "Where it leads a user who is new",
    "errorCallbackURL": "Where it leads if it is no longer good",
}
_OPTIONAL_PAGES = {
    name: Field("string", required=False, description=text) for name, text in _PAGES.items()
}
_SEND = {
    "email": Field("email", description="E-mail address"),
    "name": Field("string", required=False, description="Of a user who is new"),
    **_OPTIONAL_PAGES,
    "metadata": Record("object", required=False, description="For the application that sends"),
}
_VERIFY = {"token": Field("string", description="From the link"), **_OPTIONAL_PAGES}


@dataclass(frozen=True, slots=True)
class MagicLink:
    """A link to be sent to `email`; whoever has `url` or `token` is the user."""

    email: str
    url: str = field(repr=False)
    token: str = field(repr=False)
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MagicLinkOptions:
    """The original's options.

    Args:
        send_magic_link: sends the link; it runs after the response was sent.
        expires_in: how long a link is good, in seconds.
        disable_sign_up: only users who are there already can sign in.
        generate_token: makes the token for an e-mail address.
        store_token: how the database keeps tokens: "plain", "hashed" or `HashedBy(…)`.
        rate_limit_window, rate_limit_max: at most so many requests without so many seconds' pause.
    """

    send_magic_link: Callable[[MagicLink], Awaitable[None]]
    expires_in: int = 300
    disable_sign_up: bool = False
    generate_token: Callable[[str], Awaitable[str]] | None = None
    store_token: StoreToken = "plain"  # noqa: S105 - a way to keep it
    rate_limit_window: int = 60
    rate_limit_max: int = 5


def magic_link(options: MagicLinkOptions) -> Plugin:
    """Let users sign in, and up, with a link that works once."""
    check_store("magic_link", "store_token", options.store_token)
    if not callable(options.send_magic_link):
        raise ConfigurationError("magic_link: send_magic_link is a function that sends the link")
    links = _Links(options)
    limit = RateLimitRule(
        options.rate_limit_window,
        options.rate_limit_max,
        prefixes=("/sign-in/magic-link", "/magic-link/verify"),
    )
    return Plugin(id="magic-link", endpoints=links.endpoints(), rate_limit=[limit])


class _Links:
    def __init__(self, options: MagicLinkOptions) -> None:
        self.options = options

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint(
                path="/sign-in/magic-link",
                handler=self.send,
                body=Schema(_SEND),
                response_model=schemas.Status,
                errors=(400, 403, 415, 429),
            ),
            Endpoint(
                path="/magic-link/verify",
                methods=("GET",),
                name="magic_link_verify",
                handler=self.verify,
                query=Schema(_VERIFY),
                response_model=schemas.SignedInWithSession,
                redirects=True,
                errors=(400, 403, 429),
            ),
        ]

    async def send(self, ctx: EndpointContext) -> dict[str, bool]:
        """Send a link to sign in with."""
        check_form_csrf(ctx)
        body, options = ctx.body, self.options
        token = await self._token(body["email"])
        value = {"type": "magic-link", "email": body["email"], "name": body.get("name")}
        given = {name: entry for name, entry in value.items() if entry is not None}
        identifier = await self._identifier(ctx, token)
        lifetime = timedelta(seconds=options.expires_in)
        text = to_well_formed(orjson.dumps(_storable(given)).decode())
        await keep(ctx, identifier, text, lifetime)
        link = MagicLink(body["email"], _url(ctx, token), token, body.get("metadata"))
        ctx.run_in_background(partial(options.send_magic_link, link))
        return {"status": True}

    async def verify(self, ctx: EndpointContext) -> dict[str, Any]:
        """Sign in with the token from the link."""
        _check_pages(ctx)
        found = await consume(ctx, await self._identifier(ctx, ctx.query["token"]))
        record = _read(found)
        if record is None:
            _refuse(ctx, "INVALID_TOKEN")
        user, is_new = await self._user(ctx, record)
        taken = await take_over(ctx, user)
        if taken is None:
            _refuse(ctx, "user_not_found")
        session = await ctx.create_session(taken.id)
        if session is None:
            _refuse(ctx, "failed_to_create_session")
        ctx.start_session(session, remember=None)
        page = ctx.query.get("callbackURL")
        if page:
            ctx.signed_in_user_id = None  # nobody reads a token in a redirect
            new_page = ctx.query.get("newUserCallbackURL") or page
            ctx.redirect(_absolute(ctx, new_page if is_new else page))
        output = ctx.auth.output
        return {
            "token": session.token,
            "user": output.user(taken),
            "session": output.session(session),
        }

    async def _user(self, ctx: EndpointContext, record: Mapping[str, str]) -> tuple[AuthUser, bool]:
        email = record["email"].lower()
        user = await ctx.auth.users.find_by_email(ctx.auth.pool, email)
        if user is not None:
            return user, False
        if self.options.disable_sign_up:
            _refuse(ctx, "new_user_signup_disabled")
        name = record.get("name", "")[:NAME_MAX_LENGTH]
        try:
            new = NewUser(name, email, email_verified=True)
            return await create_user(ctx, new, "magic-link"), True
        except APIError as error:
            if error.code is None:
                raise
            _refuse(ctx, error.code, error.message)

    async def _token(self, email: str) -> str:
        if self.options.generate_token is not None:
            return await self.options.generate_token(email)
        return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))

    async def _identifier(self, ctx: EndpointContext, token: str) -> str:
        return f"magic-link:{await kept(ctx.auth, self.options.store_token, token)}"


def _storable(values: Mapping[str, str]) -> dict[str, str]:
    return {name: to_well_formed(text).replace("\0", "") for name, text in values.items()}


def _read(text: str | None) -> dict[str, str] | None:
    try:
        record = orjson.loads(text or "")
    except ValueError:
        return None
    known = isinstance(record, dict) and record.keys() <= {"type", "email", "name"}
    if not known or record.get("type") != "magic-link":
        return None
    is_text = all(isinstance(value, str) for value in record.values())
    return record if is_text and is_email(record.get("email", "")) else None


def _url(ctx: EndpointContext, token: str) -> str:
    body = ctx.body
    query = {"token": token, "callbackURL": body.get("callbackURL") or "/"}
    for name in ("newUserCallbackURL", "errorCallbackURL"):
        if body.get(name):
            query[name] = body[name]
    parameters = URLSearchParams("")
    for name, value in query.items():
        parameters.set(name, to_well_formed(value))
    return f"{ctx.auth.options.url}/magic-link/verify?{parameters}"


def _check_pages(ctx: EndpointContext) -> None:
    for name in _PAGES:
        url = ctx.query.get(name)
        if url and not ctx.auth.origins.is_trusted_redirect(url):
            raise APIError(Code.INVALID_CALLBACK_URL)


def _absolute(ctx: EndpointContext, page: str) -> str:
    return str(URL(page, base=ctx.auth.options.url).href)


def _refuse(ctx: EndpointContext, error: str, description: str = "") -> NoReturn:
    query, base = ctx.query, ctx.auth.options.url
    page = query.get("errorCallbackURL") or query.get("callbackURL") or "/"
    url = with_parameter(page, base, "error", error)
    if description:
        url = with_parameter(url, base, "error_description", description)
    ctx.redirect(url)
