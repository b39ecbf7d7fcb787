"""Captchas of every provider, before a provider that answers what the captcha itself says."""

import json
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final
from urllib.parse import parse_qsl

from authward import BetterAuthOptions
from authward.plugins import CaptchaOptions, captcha
from authward.plugins.captcha import BotIdRequest
from tests.conformance.model import (
    Call,
    Scenario,
    call,
    email,
    get,
    post,
    scenario,
    signed_up,
)
from tests.conformance.setup import Collect, Setup
from tests.conftest import PASSWORD

SECRET: Final = "the secret"


class _Provider(BaseHTTPRequestHandler):
    """`token|status|JSON` in place of a solved captcha is what it answers."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        is_json = self.headers["content-type"] == "application/json"
        form = json.loads(body) if is_json else dict(parse_qsl(body.decode()))
        token, status, answer = [*form.get("response", "").split("|"), "", ""][:3]
        if token == "hang up":
            self.close_connection = True
            return
        known = form["secret"] == SECRET and form.get("sitekey") in {None, "the site"}
        self.send_response(int(status or 200))
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(answer.encode() if known else b"{}")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


def _provider() -> str:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Provider)
    Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/siteverify"


async def _verified_bot() -> dict[str, Any]:
    return {"isBot": True, "isVerifiedBot": True}


async def _no_bot() -> dict[str, Any]:
    return {"isBot": False}


async def _is_good(event: BotIdRequest) -> bool:
    good = event.request.headers.get("x-robot") == "good"
    return bool(event.verification["isVerifiedBot"]) and good


_OPTIONS: Final = {
    "turnstile": CaptchaOptions(
        provider="cloudflare-turnstile",
        secret_key=SECRET,
        expected_action="login",
        allowed_hostnames=("tasks.example", "a.example"),
    ),
    "any turnstile": CaptchaOptions(provider="cloudflare-turnstile", secret_key=SECRET),
    "recaptcha": CaptchaOptions(
        provider="google-recaptcha",
        secret_key=SECRET,
        endpoints=("/sign-in/*", "/reset-password/**"),
    ),
    "strict recaptcha": CaptchaOptions(
        provider="google-recaptcha",
        secret_key=SECRET,
        min_score=0.8,
        expected_action="login",
        allowed_hostnames=("tasks.example",),
    ),
    "hcaptcha": CaptchaOptions(provider="hcaptcha", secret_key=SECRET, site_key="the site"),
    "captchafox": CaptchaOptions(
        provider="captchafox",
        secret_key=SECRET,
        site_key="another site",
        endpoints=("/sign-in/email",),
    ),
    "botid": CaptchaOptions(
        provider="vercel-botid", check_bot_id=_verified_bot, validate_request=_is_good
    ),
    "any botid": CaptchaOptions(provider="vercel-botid", check_bot_id=_no_bot),
}


def _setup(name: str) -> Setup:
    def options(base: BetterAuthOptions, _: Collect) -> BetterAuthOptions:
        chosen = _OPTIONS[name]
        if chosen.check_bot_id is None:
            chosen = replace(chosen, site_verify_url_override=_provider())
        return replace(base, plugins=(*(base.plugins or ()), captcha(chosen)))

    return Setup("captcha", options)


SETUPS: Final = {name: _setup(name) for name in _OPTIONS}


def enter(name: str, token: str | None = None, **more: Any) -> Call:
    """Somebody signs in with a solved captcha."""
    body = {"email": email(), "password": PASSWORD}
    headers = () if token is None else (("x-captcha-response", token),)
    return post("/sign-in/email", name, json=body, headers=headers, **more)


def told(**answer: Any) -> str:
    return f"x||{json.dumps(answer)}"


SOLVED: Final = {"success": True, "action": "login", "hostname": "tasks.example"}
ANSWERS: Final = {
    "it is solved": told(**SOLVED),
    "it is not solved": told(**(SOLVED | {"success": False})),
    "it is nonsense": told(**{"error-codes": ["invalid-input-response"]}),
    "for something else": told(**(SOLVED | {"action": "pay"})),
    "for nothing in particular": told(success=True, hostname="tasks.example"),
    "elsewhere": told(**(SOLVED | {"hostname": "evil.example"})),
    "nowhere": told(success=True, action="login"),
    "at 0.4": told(**SOLVED, score=0.4),
    "at 0.5": told(**SOLVED, score=0.5),
    "at 0.8": told(**SOLVED, score=0.8),
    "at a text": told(**SOLVED, score="0.1"),
    "the provider says null": "x||null",
    "the provider says a list": "x||[1]",
    "the provider says nothing": "x||",
    "the provider says no JSON": "x||<html>",
    "the provider has an error": "x|500|" + json.dumps(SOLVED),
    "the provider knows no such path": "x|404|{}",
    "the provider hangs up": "hang up",
}


def _answers(setting: str) -> Scenario:
    return scenario(
        f"{setting}: what a provider says lets people pass or not",
        signed_up(),
        enter("no captcha"),
        enter("an empty captcha", ""),
        [enter(name, token) for name, token in ANSWERS.items()],
        setting=setting,
    )


def _order(setting: str) -> Iterator[Scenario]:
    yield scenario(
        f"{setting}: a captcha is asked for before anything else",
        signed_up(),
        [
            post(path, f"{path}: {name}", json=body)
            for path in ("/sign-up/email", "/sign-in/email", "/request-password-reset")
            for name, body in (("no body", {}), ("a list", []), ("a text", "x"))
        ],
        call("POST", "/sign-in/email", "broken JSON", body=b"{"),
        call("POST", "/sign-in/email", "another media type", body=b"x", content_type="text/plain"),
        enter("another site", origin="https://evil.example"),
        enter("another site, solved", told(**SOLVED), origin="https://evil.example"),
        post(
            "/sign-in/email",
            "no body, solved",
            json={},
            headers=(("x-captcha-response", told(**SOLVED)),),
        ),
        get("/ok"),
        get("/get-session"),
        post("/sign-out"),
        setting=setting,
    )


def _endpoints() -> Iterator[Scenario]:
    yield scenario(
        "captchas for the endpoints that are named, by globs too",
        signed_up(),
        enter("no captcha"),
        post("/sign-in/social", "another of the glob", json={"provider": "x"}),
        get("/reset-password/some-token?callbackURL=%2F", "a path with a parameter"),
        get(
            "/reset-password/some-token?callbackURL=%2F",
            "the same, solved",
            headers=(("x-captcha-response", told(**SOLVED)),),
        ),
        post("/reset-password", "the glob's own beginning", json={"token": "x"}),
        post("/sign-up/email", "not named", json={}),
        post("/request-password-reset", "not named", json={}),
        setting="recaptcha",
    )
    yield scenario(
        "another site's key",
        signed_up(),
        enter("no captcha"),
        enter("it is solved", told(**SOLVED)),
        post("/sign-up/email", "not named", json={}),
        setting="captchafox",
    )
    yield scenario(
        "the application decides on bots",
        signed_up(),
        enter("a bad one"),
        enter("a bad one with a captcha", told(**SOLVED)),
        post(
            "/sign-in/email",
            "a good one",
            json={"email": email(), "password": PASSWORD},
            headers=(("x-robot", "good"),),
        ),
        setting="botid",
    )
    yield scenario("who is no bot may pass", signed_up(), enter("no captcha"), setting="any botid")


SCENARIOS: Final = [
    *_order("turnstile"),
    *map(_answers, ("turnstile", "any turnstile", "recaptcha", "strict recaptcha", "hcaptcha")),
    *_order("hcaptcha"),
    *_endpoints(),
]
