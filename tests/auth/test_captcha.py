"""`captcha`: what the provider is asked, what is refused at start, and that no way leads around."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import FastAPI

from authward import ConfigurationError, plugins
from authward.plugins.captcha import CaptchaOptions, SiteVerify
from taskward.settings import Settings
from tests.conftest import PASSWORD, new_email
from tests.support.mailing import Site, mailing_site


@dataclass
class Provider:
    """Answers what it is told to, and keeps what it was asked."""

    answer: Any = field(default_factory=lambda: {"success": True})
    asked: list[SiteVerify] = field(default_factory=list)

    async def __call__(self, question: SiteVerify) -> Any:
        self.asked.append(question)
        return self.answer


def _sites(fetch: Provider, /, **more: Any) -> tuple[Any, ...]:
    given = {"provider": "cloudflare-turnstile", "secret_key": "s", "fetch": fetch, **more}
    return (plugins.captcha(CaptchaOptions(**given)), plugins.token_login(), plugins.jwt())


async def _enter(site: Site, path: str, captcha: str | None = None) -> int:
    headers = {} if captcha is None else {"x-captcha-response": captcha}
    body = {"name": "Ada", "email": new_email(), "password": PASSWORD}
    answer = await site.browser.post(f"/api/auth{path}", json=body, headers=headers)
    return answer.status_code


@pytest.mark.parametrize("path", ["/signup", "/signup/", "/sign-up/email"])
async def test_no_way_to_sign_up_leads_around_the_captcha(
    app: FastAPI, settings: Settings, path: str
) -> None:
    provider = Provider()
    async with mailing_site(app, settings, plugins=_sites(provider)) as site:
        assert await _enter(site, path) == 400
        provider.answer = {"success": False}
        assert await _enter(site, path, "x") == 403
        provider.answer = {"success": True}
        assert await _enter(site, path, "x") in {200, 201}


@pytest.mark.parametrize("path", ["/login", "/login/", "/login/email", "/sign-in/email"])
async def test_no_way_to_sign_in_leads_around_the_captcha(
    app: FastAPI, settings: Settings, path: str
) -> None:
    async with mailing_site(app, settings, plugins=_sites(Provider())) as site:
        assert await _enter(site, path) == 400
        assert await _enter(site, path, "x") == 401


@pytest.mark.parametrize("spelling", ["//sign-in/email", "/sign-in//email", "/sign-in/email//"])
async def test_no_spelling_of_a_path_leads_around_the_captcha(
    app: FastAPI, settings: Settings, spelling: str
) -> None:
    async with mailing_site(app, settings, plugins=_sites(Provider())) as site:
        assert await _enter(site, spelling) in {400, 404}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"provider": "cloudflare-turnstile"}, {"remoteip": "127.0.0.1"}),
        ({"provider": "hcaptcha", "site_key": "k"}, {"sitekey": "k", "remoteip": "127.0.0.1"}),
        ({"provider": "captchafox", "site_key": "k"}, {"sitekey": "k", "remoteIp": "127.0.0.1"}),
    ],
)
async def test_a_provider_is_asked_as_it_wants_to_be(
    app: FastAPI, settings: Settings, options: dict[str, Any], expected: Mapping[str, str]
) -> None:
    provider = Provider()
    async with mailing_site(app, settings, plugins=_sites(provider, **options)) as site:
        await _enter(site, "/sign-in/email", "x")
    (question,) = provider.asked
    assert question.fields == {"secret": "s", "response": "x", **expected}
    assert question.as_json == (options["provider"] == "cloudflare-turnstile")
    assert "'s'" not in repr(question)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"provider": "recaptcha"}, "provider is one of"),
        ({"provider": "hcaptcha"}, "hcaptcha needs secret_key"),
        ({"provider": "hcaptcha", "secret_key": "s", "min_score": 0.5}, "has no min_score"),
        ({"provider": "captchafox", "secret_key": "s", "expected_action": "x"}, "expected_action"),
        ({"provider": "google-recaptcha", "secret_key": "s", "min_score": 5}, "from 0 to 1"),
        ({"provider": "google-recaptcha", "secret_key": "s", "endpoints": "/x"}, "list of texts"),
        ({"provider": "google-recaptcha", "secret_key": "s", "endpoints": ["x"]}, "are paths"),
        ({"provider": "google-recaptcha", "secret_key": "s", "site_key": "x"}, "has no site_key"),
        ({"provider": "vercel-botid"}, "vercel-botid needs check_bot_id"),
        ({"provider": "vercel-botid", "secret_key": "s"}, "vercel-botid has no secret_key"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        plugins.captcha(CaptchaOptions(**options))


@pytest.mark.parametrize("success", ["false", "true", 1, [], {}, None])
async def test_only_true_is_a_success(app: FastAPI, settings: Settings, success: Any) -> None:
    provider = Provider({"success": success})
    async with mailing_site(app, settings, plugins=_sites(provider)) as site:
        assert await _enter(site, "/sign-in/email", "x") == 403


async def test_what_a_provider_says_is_not_shown(app: FastAPI, settings: Settings) -> None:
    async def away(_: SiteVerify) -> Any:
        raise OSError("the secret address of the provider")

    chosen = (plugins.captcha(CaptchaOptions(provider="hcaptcha", secret_key="s", fetch=away)),)
    async with mailing_site(app, settings, plugins=chosen) as site:
        answer = await site.browser.post(
            "/api/auth/sign-in/email", json={}, headers={"x-captcha-response": "x"}
        )
    assert answer.status_code == 500
    assert answer.json() == {"message": "Something went wrong", "code": "UNKNOWN_ERROR"}
