"""Several base URLs: each request's own, as Host or a trusted proxy names it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from authward import (
    AdvancedOptions,
    BetterAuthOptions,
    CrossSubDomainCookies,
    DynamicBaseURL,
    EmailAndPasswordOptions,
)
from authward.oauth import social_provider
from tests.conformance.model import Scenario, Step, get, mails, post, scenario, sign_up
from tests.conformance.setup import Collect, MakeOptions, Setup

FALLBACK, PROXIED, LOCAL = "hosts with a fallback", "hosts behind a proxy", "hosts by http"
_DISCORD: Final = social_provider("discord", client_id="its-id", client_secret="its-secret")
_URLS: Final = {
    FALLBACK: DynamicBaseURL(
        allowed_hosts=("One.example", "*.previews.example", "app-?.example:8443", "[::1]:4000"),
        fallback="https://main.example",
        protocol="https",
    ),
    PROXIED: DynamicBaseURL(
        allowed_hosts=("app.example", "*.app.example", "localhost:*", "127.0.0.1:*"),
        protocol="auto",
    ),
    LOCAL: DynamicBaseURL(
        allowed_hosts=("localhost:3000", "site.example"),
        fallback="http://fallback.example",
        protocol="http",
    ),
}
_ADVANCED: Final = {
    FALLBACK: AdvancedOptions(use_secure_cookies=True),
    PROXIED: AdvancedOptions(
        trusted_proxy_headers=True,
        cross_sub_domain_cookies=CrossSubDomainCookies(enabled=True),
    ),
    LOCAL: AdvancedOptions(),
}


def _with(name: str) -> MakeOptions:
    def options(base: BetterAuthOptions, collect: Collect) -> BetterAuthOptions:
        reset = EmailAndPasswordOptions(send_reset_password=collect("reset"))
        return replace(
            base,
            base_url="",
            dynamic_base_url=_URLS[name],
            advanced=_ADVANCED[name],
            email_and_password=reset,
            social_providers=(_DISCORD,),
        )

    return options


SETUPS: Final = {name: Setup("base_urls", _with(name)) for name in _URLS}


def _by(step: Any, host: str, *more: tuple[str, str]) -> Any:
    """The same request, to a host."""
    label = f"{step.name} at {host} {dict(more)}"
    return replace(step, name=label, headers=(*step.headers, ("host", host), *more))


def _where(host: str, *more: tuple[str, str]) -> Step:
    """The callback URL tells which base URL it is."""
    asked = post("/sign-in/social", "the callback", json={"provider": "discord"})
    step: Step = _by(asked, host, *more)
    return step


def _round(host: str, origin: str, *more: tuple[str, str]) -> Iterator[Step]:
    """A link in a mail, cookies, and pages of the origin that come with cookies."""
    asked = {"email": "ada.<<here>>@example.com"}
    yield _by(sign_up(), host, *more)
    yield _by(get("/get-session", cookie="<<ada.cookie>>"), host, *more)
    yield _by(post("/request-password-reset", json=asked), host, *more)
    yield mails(f"the mail of {host}")
    body = {"name": "Ada L."}
    for page in (origin, "https://elsewhere.example", "null"):
        step = post("/update-user", f"from {page}", json=body, cookie="<<ada.cookie>>", origin=page)
        yield _by(step, host, *more)
    to_page = {"provider": "discord", "callbackURL": f"{origin}/done"}
    yield _by(post("/sign-in/social", "to a page of the origin", json=to_page), host, *more)


def _scenarios() -> Iterator[Scenario]:
    def case(setting: str, name: str, *steps: Any) -> Scenario:
        return scenario(f"{setting}: {name}", *steps, setting=setting)

    yield case(
        FALLBACK,
        "a request says where it was sent",
        *map(
            _where,
            (
                *("one.example", "a.previews.example", "a.b.previews.example", "previews.example"),
                *("app-1.example:8443", "app-12.example:8443", "app-1.example", "[::1]:4000"),
                *("elsewhere.example", "one.example:444", "one.example.evil.example"),
                *("one.example.", "-one.example", "one..example"),
            ),
        ),
    )
    forwarded = ("x-forwarded-host", "one.example")
    yield case(
        FALLBACK,
        "nobody trusts a proxy that is not trusted",
        _where("elsewhere.example", forwarded),
        _where("a.previews.example", forwarded),
        _where("one.example", ("x-forwarded-host", "a.previews.example")),
    )
    yield case(FALLBACK, "a round", _round("one.example", "https://a.previews.example"))
    yield case(FALLBACK, "a round elsewhere", _round("elsewhere.example", "https://main.example"))
    yield case(LOCAL, "a round by http", _round("site.example", "http://localhost:3000"))
    yield case(LOCAL, "https is another origin", _round("localhost:3000", "https://site.example"))
    here, secure = ("x-forwarded-host", "app.example"), ("x-forwarded-proto", "https")
    yield case(
        PROXIED,
        "a trusted proxy says where it was sent",
        _where("inner", here, secure),
        _where("inner", here),
        _where("inner", ("x-forwarded-host", "a.app.example"), ("x-forwarded-proto", "http")),
        _where("app.example", secure),
        _where("app.example", ("x-forwarded-host", "app.example evil.example"), secure),
        _where("app.example", ("x-forwarded-host", "<app.example>"), secure),
        _where("app.example", ("x-forwarded-host", ""), secure),
        _where("localhost:5000"),
    )
    yield case(PROXIED, "a round of https", _round("inner", "https://a.app.example", here, secure))
    yield case(PROXIED, "a round of http", _round("app.example", "http://a.app.example"))
    # The original ends there with an error that no framework takes for an answer.
    yield case(
        PROXIED,
        "other hosts are refused",
        _where("elsewhere.example"),
        _where("app.example", ("x-forwarded-host", "elsewhere.example"), secure),
        _where("inner", ("x-forwarded-host", "evil app.example"), secure),
    )


SCENARIOS: Final = tuple(_scenarios())
