"""The options of `captcha`, as the original's, and what is refused of them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, get_args

from starlette.requests import Request

from authward.errors import ConfigurationError

Provider: TypeAlias = Literal[
    "cloudflare-turnstile", "google-recaptcha", "hcaptcha", "captchafox", "vercel-botid"
]
SITE_VERIFY: Final[Mapping[str, str]] = {
    "cloudflare-turnstile": "https://challenges.cloudflare.com/turnstile/v0/siteverify",
    "google-recaptcha": "https://www.google.com/recaptcha/api/siteverify",
    "hcaptcha": "https://api.hcaptcha.com/siteverify",
    "captchafox": "https://api.captchafox.com/siteverify",
}
DEFAULT_ENDPOINTS: Final = ("/sign-up/email", "/sign-in/email", "/request-password-reset")
_ONLY_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "secret_key": tuple(SITE_VERIFY),
    "site_verify_url_override": tuple(SITE_VERIFY),
    "fetch": tuple(SITE_VERIFY),
    "min_score": ("google-recaptcha",),
    "expected_action": ("google-recaptcha", "cloudflare-turnstile"),
    "allowed_hostnames": ("google-recaptcha", "cloudflare-turnstile"),
    "site_key": ("hcaptcha", "captchafox"),
    "check_bot_id": ("vercel-botid",),
    "validate_request": ("vercel-botid",),
}


@dataclass(frozen=True, slots=True)
class SiteVerify:
    """A question to the provider: `fields` are sent by POST, as JSON or as a form."""

    url: str
    fields: Mapping[str, str] = field(repr=False)
    as_json: bool


Fetch: TypeAlias = Callable[[SiteVerify], Awaitable[Any]]
"""Returns the JSON of the answer; whatever it raises means that the provider is away."""


@dataclass(frozen=True, slots=True)
class BotIdRequest:
    """A request, and what `check_bot_id` says of it, such as `{"isBot": False}`."""

    request: Request
    verification: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptchaOptions:
    """The original's options; each provider takes some of them.

    Args:
        provider: whose widget is on the page.
        secret_key: the site's secret at the provider.
        endpoints: the paths that need a solved captcha; `*` and `**` as in globs.
        site_verify_url_override: another URL to ask.
        min_score: of reCAPTCHA v3, from 0 to 1.
        expected_action: what the widget was for (reCAPTCHA v3, Turnstile).
        allowed_hostnames: where it may have been solved (reCAPTCHA, Turnstile).
        site_key: what it must have been solved for (hCaptcha, CaptchaFox).
        check_bot_id: of `vercel-botid`: says what Vercel thinks of the request that is under way.
        validate_request: decides on that otherwise than by `isBot`.
        fetch: asks the provider; by default over HTTPS, with the extra `oauth`.
    """

    provider: Provider
    secret_key: str | None = field(default=None, repr=False)
    endpoints: Sequence[str] = ()
    site_verify_url_override: str | None = None
    min_score: float | None = None
    expected_action: str | None = None
    allowed_hostnames: Sequence[str] | None = None
    site_key: str | None = None
    check_bot_id: Callable[[], Awaitable[Mapping[str, Any]]] | None = None
    validate_request: Callable[[BotIdRequest], Awaitable[bool]] | None = None
    fetch: Fetch | None = None

    @property
    def url(self) -> str:
        """Where the provider is asked."""
        return self.site_verify_url_override or SITE_VERIFY[self.provider]


def check(options: CaptchaOptions) -> None:
    """Refuse options that cannot work.

    Raises:
        ConfigurationError: names the option.
    """
    if options.provider not in get_args(Provider):
        raise _wrong(f"provider is one of {', '.join(get_args(Provider))}")
    for name, providers in _ONLY_OF.items():
        if getattr(options, name) is not None and options.provider not in providers:
            raise _wrong(f"{options.provider} has no {name}")
    needed = "check_bot_id" if options.provider == "vercel-botid" else "secret_key"
    if not getattr(options, needed):
        raise _wrong(f"{options.provider} needs {needed}")
    _check_lists(options)


def _check_lists(options: CaptchaOptions) -> None:
    for name in ("endpoints", "allowed_hostnames"):
        given: Any = getattr(options, name)
        if isinstance(given, str) or not all(isinstance(each, str) for each in given or ()):
            raise _wrong(f"{name} is a list of texts")
    if not all(path.startswith("/") for path in options.endpoints):
        raise _wrong("endpoints are paths such as /sign-in/email or /sign-in/*")
    if options.min_score is not None and not 0 <= options.min_score <= 1:
        raise _wrong("min_score is from 0 to 1")


def _wrong(what: str) -> ConfigurationError:
    return ConfigurationError(f"captcha: {what}")
