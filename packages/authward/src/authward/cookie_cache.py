"""The cookie cache of a request: the session as a cookie says it, and the cookie that says so."""

import math
import re
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

import structlog

from authward.endpoint_response import EndpointResponse
from authward.schema.fields import DBField
from authward.security.cookies import encode_uri_component
from authward.security.session_cache import Payload
from authward.storage.rows import SessionAndUser
from authward.storage.session_json import session_and_user
from authward.timestamps import now

_MAX_COOKIE: Final = 4050
_MAX_CHUNKS: Final = 100
_NUMBER: Final = re.compile(r"[0-9]{1,5}")
_UNREMEMBERED_SECONDS: Final = 60
_UNREMEMBERED_TOKEN_SECONDS: Final = 300

log = structlog.get_logger(__name__)


async def read(ctx: EndpointResponse, token: str) -> SessionAndUser | None:
    """Return what the cookie says of the session with this token; expire a cookie that is wrong."""
    cache, name = ctx.auth.cookie_cache, ctx.auth.cookies.session_data
    if cache is None or not (value := _sent(ctx)) or ctx.is_asked("disableCookieCache"):
        return None
    found = cache.read(value)
    session = None if found is None else _session_of(ctx, found[0])
    if found is None or session is None or not await _holds(ctx, token, session, *found):
        ctx.expire_cookie(name)
        return None
    return session


def clear_foreign(ctx: EndpointResponse) -> None:
    """Expire the cookie cache of another server on this origin, where there is none here."""
    if ctx.auth.cookie_cache is None and any(ctx.cookies[name] for name in _names(ctx)):
        clear(ctx)


def clear(ctx: EndpointResponse) -> None:
    """Expire what the request has of a cookie cache."""
    cookies = ctx.auth.cookies
    for name in islice(_names(ctx), _MAX_CHUNKS):
        ctx.set_cookies.append(cookies.set_cookie(name, "", 0, like=cookies.session_data))


def _names(ctx: EndpointResponse) -> Iterator[str]:
    """Yield the names of the request's cookies that are the cookie cache, maybe in chunks."""
    name = ctx.auth.cookies.session_data
    for cookie in ctx.cookies:
        if cookie == name or (
            cookie.startswith(f"{name}.") and _NUMBER.fullmatch(cookie[len(name) + 1 :])
        ):
            yield cookie


async def _holds(
    ctx: EndpointResponse, token: str, found: SessionAndUser, payload: Payload, until: int
) -> bool:
    if found.session.token != token or until < time.time() * 1000:
        return False
    if (payload.get("version") or "1") != await _version(ctx, found):
        return False
    return found.session.expires_at >= now()


def _sent(ctx: EndpointResponse) -> str:
    """The cookie, or its chunks in their order."""
    name = ctx.auth.cookies.session_data
    if whole := ctx.cookies.get(name):
        return whole
    chunks = islice(_names(ctx), _MAX_CHUNKS)
    numbered = [(int(chunk[len(name) + 1 :]), chunk) for chunk in chunks if chunk != name]
    return "".join(ctx.cookies[chunk] for _, chunk in sorted(numbered))


async def _version(ctx: EndpointResponse, found: SessionAndUser) -> str:
    version = ctx.auth.options.session.cookie_cache.version
    return version if isinstance(version, str) else await version(found.session, found.user)


def _session_of(ctx: EndpointResponse, payload: Payload) -> SessionAndUser | None:
    """What is not returned to clients is not in the cookie either."""
    added = ctx.auth.schema.added
    return session_and_user(payload, *(_returned(added[model]) for model in ("session", "user")))


def _returned(fields: Mapping[str, DBField]) -> dict[str, DBField]:
    return {name: field for name, field in fields.items() if field.returned}


async def write_pending(ctx: EndpointResponse) -> None:
    """Cache the session whose cookies this request has set, as it now is."""
    pending, ctx.to_cache = ctx.to_cache, None
    if pending is None or ctx.auth.cookie_cache is None:
        return
    token, remember = pending
    found = await ctx.auth.sessions.find(ctx.auth.pool, token)
    if found is not None:
        await write(ctx, found, remember=remember)


async def write(ctx: EndpointResponse, found: SessionAndUser, *, remember: bool) -> None:
    """Set the cookie, in chunks where browsers would not keep it whole."""
    cache, cookies = ctx.auth.cookie_cache, ctx.auth.cookies
    if cache is None:
        return
    payload = {
        "session": ctx.auth.output.session(found.session),
        "user": ctx.auth.output.user(found.user),
        "updatedAt": int(time.time() * 1000),
        "version": await _version(ctx, found),
    }
    own = cookies.attributes(cookies.session_data).max_age
    age = (own or ctx.auth.options.session.cookie_cache.max_age) if remember else None
    value = cache.write(
        payload,
        seconds=age or _UNREMEMBERED_TOKEN_SECONDS,
        compact_seconds=age or _UNREMEMBERED_SECONDS,
    )
    _set(ctx, value, age)


def _set(ctx: EndpointResponse, value: str, age: int | None) -> None:
    """Cookies of chunks that are no more are expired with it."""
    cookies = ctx.auth.cookies
    name = cookies.session_data
    values = dict.fromkeys(islice(_names(ctx), _MAX_CHUNKS), "")
    values |= _chunks(name, value, len(cookies.set_cookie(f"{name}.99", "", age, like=name)))
    for each, part in values.items():
        line = cookies.set_cookie(each, part, age if part else 0, like=name)
        ctx.set_cookies.append(line)


def _chunks(name: str, value: str, overhead: int) -> dict[str, str]:
    size = _MAX_COOKIE - overhead
    count = math.ceil(len(encode_uri_component(value)) / size) if size > 0 else _MAX_CHUNKS + 1
    if count <= 1:
        return {name: value}
    if count > _MAX_CHUNKS:
        log.warning("the session is too large for the cookie cache", characters=len(value))
        return {}
    return {f"{name}.{i}": value[i * size : (i + 1) * size] for i in range(count)}
