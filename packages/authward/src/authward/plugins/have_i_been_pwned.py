"""`have_i_been_pwned`: no new password that is known from a breach; the original's plugin.

Only the first five digits of a SHA-1 leave the server: k-anonymity.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from authward.codes import ErrorCode
from authward.context import AuthContext
from authward.endpoint_context import EndpointContext
from authward.errors import APIError, ConfigurationError
from authward.plugin import Hook, Plugin, match_paths

_URL = "https://api.pwnedpasswords.com/range/"
_HEADERS = {"Add-Padding": "true", "User-Agent": "BetterAuth Password Checker"}
_SECONDS = 5.0
_MAX_BYTES = 262_144
_PATHS = (
    *("/sign-up/email", "/change-password", "/reset-password", "/email-otp/reset-password"),
    *("/phone-number/reset-password", "/admin/create-user", "/admin/set-user-password"),
)
_path: ContextVar[str] = ContextVar("have_i_been_pwned", default="")
Fetch = Callable[[str], Awaitable[str]]
"""Returns the body at a URL; whatever it raises means that nobody can tell."""


class PwnedCode(ErrorCode):
    """The plugin's code, in the original's words."""

    PASSWORD_COMPROMISED = (
        400,
        "The password you entered has been compromised. Please choose a different password.",
    )


async def fetch_range(url: str) -> str:
    """Return the body at a URL, over HTTPS, in bounded time and size.

    Raises:
        Exception: whatever goes wrong.
    """
    import httpx2  # noqa: PLC0415 - of the extra `oauth`

    async with (
        asyncio.timeout(_SECONDS),
        httpx2.AsyncClient(follow_redirects=False, trust_env=False, headers=_HEADERS) as client,
        client.stream("GET", url) as response,
    ):
        response.raise_for_status()
        body = b""
        async for part in response.aiter_bytes():
            body += part
            if len(body) > _MAX_BYTES:
                raise ValueError("the answer is too long")
    return body.decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class HaveIBeenPwnedOptions:
    """The original's options.

    Args:
        paths: the endpoints whose new passwords are looked up.
        custom_password_compromised_message: what people read instead.
        enabled: whether anything is looked up.
        fetch: asks for a URL; by default over HTTPS, with httpx2 of the extra `oauth`.
    """

    paths: Sequence[str] = _PATHS
    custom_password_compromised_message: str | None = None
    enabled: bool = True
    fetch: Fetch = fetch_range


def have_i_been_pwned(options: HaveIBeenPwnedOptions | None = None) -> Plugin:
    """Refuse new passwords that are known from a breach."""
    chosen = options or HaveIBeenPwnedOptions()
    if isinstance(chosen.paths, str) or not all(path.startswith("/") for path in chosen.paths):
        raise ConfigurationError("have_i_been_pwned: paths are paths such as /sign-up/email")
    if not chosen.enabled:
        return Plugin(id="have-i-been-pwned", error_codes=PwnedCode)

    def init(context: AuthContext) -> None:
        original = context.passwords.hash

        async def checked(password: str) -> str:
            if _path.get() in chosen.paths:
                await _refuse_compromised(chosen, password)
            return await original(password)

        context.passwords.hash = checked  # type: ignore[method-assign]

    matcher = match_paths(*chosen.paths)
    return Plugin(
        id="have-i-been-pwned",
        before=[Hook(handler=_begin, matcher=matcher)],
        after=[Hook(handler=_end, matcher=matcher)],
        error_codes=PwnedCode,
        init=init,
    )


async def _begin(ctx: EndpointContext) -> None:
    _path.set(ctx.path)


async def _end(_: EndpointContext) -> None:
    _path.set("")


async def _refuse_compromised(options: HaveIBeenPwnedOptions, password: str) -> None:
    digest = hashlib.sha1(password.encode("utf-8", "replace"), usedforsecurity=False)
    name = digest.hexdigest().upper()
    try:
        count = count_of(await options.fetch(_URL + name[:5]), name[5:])
    except Exception:  # noqa: BLE001 - whatever it was, nobody can tell
        message = "Failed to check password. Please try again later."
        raise APIError(500, message=message) from None
    if count:
        message = options.custom_password_compromised_message or ""
        raise APIError(PwnedCode.PASSWORD_COMPROMISED, message=message or None)


def count_of(answer: str, suffix: str) -> int:
    """Return how often a password was seen; a line of padding says 0.

    Raises:
        ValueError: what stands there is no number.
    """
    for line in answer.splitlines():
        name, _, count = line.partition(":")
        if name.upper() == suffix:
            if not (count.isascii() and count.isdecimal()):
                raise ValueError("no number")
            return int(count)
    return 0
