"""`captcha`: some endpoints only for those who have solved one; the original's plugin.

Pages send what the widget gave them in the header `x-captcha-response`.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import structlog

from authward.codes import ErrorCode
from authward.context import AuthContext
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugin import Plugin
from authward.plugins.captcha.options import (
    DEFAULT_ENDPOINTS,
    BotIdRequest,
    CaptchaOptions,
    Fetch,
    SiteVerify,
    check,
)
from authward.plugins.captcha.verdicts import is_solved, question
from authward.security.client_ip import client_address
from authward.security.origins import glob

__all__ = ["BotIdRequest", "CaptchaCode", "CaptchaOptions", "Fetch", "SiteVerify", "captcha"]

_SECONDS: Final = 10.0
log = structlog.get_logger(__name__)


class CaptchaCode(ErrorCode):
    """The plugin's codes, in the original's words."""

    MISSING_RESPONSE = 400, "Missing CAPTCHA response"
    UNKNOWN_ERROR = 500, "Something went wrong"
    VERIFICATION_FAILED = 403, "Captcha verification failed"


def captcha(options: CaptchaOptions) -> Plugin:
    """Let only those pass who have solved a captcha; also to `/signup` and `/login`.

    Raises:
        ConfigurationError: an option is wrong, or does not belong to the provider.
    """
    check(options)
    guard = _Guard(options)

    def init(context: AuthContext) -> None:
        context.guards.append(guard.admit)

    return Plugin(id="captcha", error_codes=CaptchaCode, init=init)


class _Guard:
    def __init__(self, options: CaptchaOptions) -> None:
        self._options = options
        self._matchers = [_matcher(path) for path in options.endpoints or DEFAULT_ENDPOINTS]
        self._fetch = options.fetch or (None if options.check_bot_id else _loaded_fetch())

    async def admit(self, ctx: EndpointContext, path: str) -> None:
        """Refuse a request for one of the endpoints without a solved captcha.

        Raises:
            APIError: 400 without any, 403 with a wrong one, 500 where nobody can tell.
        """
        if not any(matches(path) for matches in self._matchers):
            return
        try:
            async with asyncio.timeout(_SECONDS):
                passed = await self._is_passed(ctx)
        except APIError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, nobody can tell
            log.error("captcha: nobody can tell", error=type(error).__name__)  # noqa: TRY400
            raise APIError(CaptchaCode.UNKNOWN_ERROR) from None
        if not passed:
            raise APIError(CaptchaCode.VERIFICATION_FAILED)

    async def _is_passed(self, ctx: EndpointContext) -> bool:
        if self._fetch is None:
            return await self._is_no_bot(ctx)
        response = ctx.request.headers.get("x-captcha-response")
        if not response:
            raise APIError(CaptchaCode.MISSING_RESPONSE)
        address = client_address(ctx.request, ctx.auth.options.advanced.trusted_proxy_hops)
        answer = await self._fetch(question(self._options, response, address))
        if not answer and answer != {}:
            raise ValueError("the provider has said nothing")
        return is_solved(self._options, answer)

    async def _is_no_bot(self, ctx: EndpointContext) -> bool:
        options = self._options
        verification = await options.check_bot_id() if options.check_bot_id else {}
        if options.validate_request is not None:
            return await options.validate_request(BotIdRequest(ctx.request, verification))
        return verification.get("isBot") is False


def _matcher(pattern: str) -> Callable[[str], Any]:
    return glob(pattern).fullmatch if "*" in pattern else pattern.__eq__


def _loaded_fetch() -> Fetch:
    """Load the HTTP client now, so that nobody waits for it, and its absence is told at start."""
    from authward.plugins.captcha.fetching import fetch  # noqa: PLC0415 - of the extra `oauth`

    return fetch
