"""Every social provider of the original does the same as ours: what is sent, what is read.

The original runs once, in Node.js, with the answers of the providers in a table. Ours asks a server
on the loopback interface that gives the same answers.
"""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc import jws

from authward.errors import ConfigurationError
from authward.oauth import social_provider
from authward.oauth.catalog import CATALOG
from authward.oauth.errors import ProviderError
from authward.oauth.known_provider import KnownProvider
from authward.oauth.provider import AuthorizationRequest, Tokens
from tests.support.fake_provider import keys
from tests.support.servers import JS, node

from .social_profiles import CASES

CLIENT = {"client_id": "the-client", "client_secret": "s~ecret*, with: %"}
VERIFIER = "v" * 64
REDIRECT = "https://app.example/api/auth/callback/x"
CAMEL = {
    "user_pool_id": "userPoolId",
    "client_id": "clientId",
    "client_secret": "clientSecret",
    "redirect_uri": "redirectURI",
    "disable_default_scope": "disableDefaultScope",
    "identity_provider": "identityProvider",
    "access_type": "accessType",
    "config_id": "configId",
    "tenant_id": "tenantId",
    "login_url": "loginUrl",
}
OWN_OPTIONS: dict[str, dict[str, Any]] = {
    "cognito": {"identity_provider": "Okta"},
    "discord": {"permissions": 8, "scope": ("bot",)},
    "dropbox": {"access_type": "offline"},
    "facebook": {"config_id": "c-1"},
    "google": {"hd": "example.com", "access_type": "offline", "display": "popup"},
    "gitlab": {"issuer": "https://git.example/"},
    "microsoft": {"tenant_id": "t-1"},
    "paybin": {"issuer": "https://pay.example"},
    "paypal": {"environment": "production"},
    "reddit": {"duration": "permanent"},
    "salesforce": {"login_url": "mine.example"},
    "wechat": {"lang": "en"},
}


class Answers:
    """Gives each endpoint's answer and keeps the requests, in threads of this process."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.requests: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def url(self, endpoint: str, usual: str) -> str:
        query = urlsplit(usual).query
        return f"http://127.0.0.1:{self._server.server_port}/{endpoint}" + (query and f"?{query}")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                """Nothing on the console."""

            def do_GET(self) -> None:
                split = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
                sent = {
                    "endpoint": split.path[1:],
                    "method": self.command,
                    "query": split.query and f"?{split.query}",
                    "authorization": self.headers.get("authorization"),
                    "version": self.headers.get("notion-version"),
                    "body": body,
                }
                outer.requests.append(sent)
                found = outer.answers.get(split.path[1:])
                content = json.dumps(found or {}).encode()
                self.send_response(404 if found is None else 200)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET  # noqa: N815

        return Handler

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def provider(name: str, kind: str, endpoints: dict[str, str] | None = None) -> KnownProvider:
    more: dict[str, Any] = {}
    if kind == "rich":
        usual = {"scope": ("more",), "prompt": "consent", "redirect_uri": "https://r.example/cb"}
        more = {**usual, "disable_default_scope": True, **OWN_OPTIONS.get(name, {})}
    given = {**CLIENT, **CASES[name].get("options", {}), **more}
    return social_provider(name, endpoints=endpoints or {}, **given)


def original_options(name: str, kind: str) -> dict[str, Any]:
    ours = provider(name, kind)
    usual = {} if kind in {"plain", "sparse"} else OWN_OPTIONS.get(name, {})
    given = {**CLIENT, **CASES[name].get("options", {}), **usual, "scope": list(ours.scope)}
    given |= {"prompt": ours.prompt, "redirect_uri": ours.redirect_uri}
    given["disable_default_scope"] = ours.disable_default_scope
    given["scope"] = given["scope"] or None
    key = {"clientKey": "the-client"} if name == "tiktok" else {}
    return {CAMEL.get(n, n): value for n, value in given.items() if value is not None} | key


def request(kind: str) -> AuthorizationRequest:
    rich = kind == "rich"
    return AuthorizationRequest(
        state="the-state",
        code_verifier=VERIFIER,
        redirect_uri=REDIRECT,
        scopes=("asked for",) if rich else (),
        login_hint="ada@example.com" if rich else None,
        additional={"extra": "a b", "owner": "x", "audience": "y"} if rich else {},
    )


def answers(name: str, kind: str) -> dict[str, Any]:
    """The endpoints' answers; a token is signed for the provider's usual issuer."""
    case = CASES[name]
    chosen: dict[str, Any] = (
        case["sparse"] if kind == "sparse" else case.get("answers") or case["claims"]
    )
    has_claims = "claims" in case and "user" not in chosen
    token = {"access_token": "the-access-token", "token_type": "Bearer", "expires_in": 3600}
    token |= case.get("token", {})
    if has_claims:
        token |= {"id_token": signed(name, kind, chosen)}
        return {"token": token, "refresh": token}
    return {"token": token, "refresh": token, **chosen}


def signed(name: str, kind: str, claims: dict[str, Any]) -> str:
    key, _ = keys()
    ours, now = provider(name, kind), int(time.time())
    rules = CATALOG[name].id_token
    issuers = rules.issuers(ours.options) if rules else ("https://issuer.example",)
    issuer = issuers[0] if issuers else f"{ours.options['authority']}/t-1/v2.0"
    usual = {"iss": issuer, "aud": "the-client", "iat": now, "exp": now + 300, "hd": "example.com"}
    header = {"alg": "RS256", "kid": key.kid or ""}
    return jws.serialize_compact(header, json.dumps(usual | claims).encode(), key)


KINDS = ("plain", "sparse", "rich")
PAIRS = [(name, kind) for name in CASES for kind in KINDS]


@pytest.fixture(scope="module")
def cases() -> list[dict[str, Any]]:
    return [
        {
            "provider": name,
            "options": original_options(name, kind),
            "request": {
                "state": "the-state",
                "codeVerifier": VERIFIER,
                "redirectURI": REDIRECT,
                "scopes": list(request(kind).scopes) or None,
                "loginHint": request(kind).login_hint,
                "additionalParams": dict(request(kind).additional),
            },
            "endpoints": dict(provider(name, kind).urls),
            "answers": answers(name, kind),
            "tokens": {"user": CASES[name].get("user")} if kind == "plain" else {},
        }
        for name, kind in PAIRS
    ]


@pytest.fixture(scope="module")
def original(cases: list[dict[str, Any]]) -> dict[str, Any]:
    command = [node(), "social-providers.mjs"]
    run = subprocess.run(
        command, cwd=JS, input=json.dumps(cases), capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


@pytest.fixture(scope="module")
def server() -> Iterator[Answers]:
    with Answers() as server:
        yield server


def test_none_of_the_originals_providers_is_missing(original: dict[str, Any]) -> None:
    assert sorted(original["known"]) == sorted(CATALOG) == sorted(CASES)


@pytest.mark.parametrize(("name", "kind"), PAIRS)
async def test_a_provider_asks_and_reads_as_the_originals(
    name: str,
    kind: str,
    cases: list[dict[str, Any]],
    original: dict[str, Any],
    server: Answers,
) -> None:
    position = PAIRS.index((name, kind))
    theirs = original["results"][position]
    assert parts(provider(name, kind).authorization_url(request(kind))) == parts(theirs["url"])

    key, _ = keys()
    jwks = {"keys": [{**key.as_dict(private=False), "alg": "RS256", "use": "sig"}]}
    server.answers = {**cases[position]["answers"], "jwks": jwks}
    server.requests.clear()
    usual = provider(name, kind).urls
    elsewhere = {each: server.url(each, url) for each, url in usual.items()}
    profile = await signed_in(provider(name, kind, elsewhere), cases[position]["tokens"])
    sent = [each for each in server.requests if each["endpoint"] != "jwks"]
    assert [comparable(each) for each in sent] == [comparable(each) for each in theirs["requests"]]
    assert profile == expected(theirs)


async def signed_in(ours: KnownProvider, given: dict[str, Any]) -> dict[str, Any] | None:
    tokens = await ours.exchange_code(
        "the-code", code_verifier=VERIFIER, redirect_uri=REDIRECT, device_id="the-device"
    )
    try:
        found = await ours.profile(replace(tokens, user=given.get("user")), nonce=None)
    except ProviderError:
        return None
    return {
        "subject": found.account_id,
        "name": found.name,
        "email": found.email,
        "image": found.image,
        "emailVerified": found.email_verified,
        **found.fields,
    }


def expected(theirs: dict[str, Any]) -> dict[str, Any] | None:
    """The original leaves out what it does not know."""
    user = theirs["user"]
    if user is None:
        return None
    usual = {"name": user.get("name") or "", "email": user.get("email"), "image": user.get("image")}
    verified = user.get("emailVerified") in {True, "true"}
    return {**user, **usual, "emailVerified": verified, "subject": str(theirs["subject"])}


@pytest.mark.parametrize(("name", "kind"), PAIRS)
async def test_a_provider_refreshes_and_tells_of_accounts_as_the_originals(
    name: str,
    kind: str,
    cases: list[dict[str, Any]],
    original: dict[str, Any],
    server: Answers,
) -> None:
    position = PAIRS.index((name, kind))
    theirs = original["results"][position]
    server.answers = cases[position]["answers"]
    usual = provider(name, kind).urls
    ours = provider(name, kind, {each: server.url(each, url) for each, url in usual.items()})
    tokens = await ours.exchange_code(
        "the-code", code_verifier=VERIFIER, redirect_uri=REDIRECT, device_id="the-device"
    )
    assert await told(ours, replace(tokens, user=cases[position]["tokens"].get("user"))) == (
        theirs["user"] and {"user": known_of(theirs["user"]), "data": theirs["data"]}
    )
    server.requests.clear()
    assert (ours.refresh_endpoint is None) == (theirs["refreshed"] is None)
    if ours.refresh_endpoint is not None:
        renewed = await ours.refresh("the-refresh-token")
        scopes = theirs["refreshed"].get("scopes") or []
        assert (renewed.access_token, list(renewed.scopes or ())) == ("the-access-token", scopes)
    assert [comparable(each) for each in server.requests] == [
        comparable(each) for each in theirs["refreshes"]
    ]


OBJECTS = ("data", "user", "kakao_account", "name", "response")
ODD: dict[str, Any] = {
    "nothing": {},
    "a list": [1],
    "a text": "x",
    "an id that is a text": {"id": "x"},
    "lists for objects": {each: [1] for each in OBJECTS},
    "numbers for objects": dict.fromkeys(OBJECTS, 5),
}


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD)
async def test_odd_answers_of_a_provider_are_its_error(answer: Any, server: Answers) -> None:
    for name in CATALOG:
        usual = provider(name, "plain").urls
        server.answers = dict.fromkeys(usual, answer)
        ours = provider(name, "plain", {each: server.url(each, url) for each, url in usual.items()})
        tokens = Tokens(access_token="the-access-token")
        await told(ours, tokens)  # anything but a provider's error is raised
        for ask in (ours.profile, ours.profile_from_id_token):
            with suppress(ProviderError):
                await ask(replace(tokens, id_token="no JWT"), nonce=None)


async def told(ours: KnownProvider, tokens: Tokens) -> dict[str, Any] | None:
    try:
        info = await ours.account_info(tokens)
    except ProviderError:
        return None
    return {"user": known_of(info.user), "data": info.data}


def known_of(user: dict[str, Any]) -> dict[str, Any]:
    """The original leaves out an address's state that it does not know, or tells it as a text."""
    verified = user.get("emailVerified") in {True, "true"}
    known = {name: value for name, value in user.items() if value not in (None, "")}
    return {**known, "emailVerified": verified}


def parts(url: str) -> tuple[Any, ...]:
    split = urlsplit(url)
    return split.netloc, split.path, sorted(split.query.split("&")), split.fragment


def comparable(sent: dict[str, Any]) -> dict[str, Any]:
    body = sent["body"]
    form: Any = sorted(parse_qsl(body, keep_blank_values=True))
    if body.startswith("{"):
        form = " ".join(json.loads(body)["query"].split())
    query = sorted(parse_qsl(sent["query"].lstrip("?")))
    return {**sent, "body": form, "query": query}


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("nobody", {}, "no provider 'nobody'"),
        ("discord", {"tenant_id": "x"}, "discord has no option tenant_id"),
        ("discord", {"client_secret": ""}, "discord needs client_secret"),
        ("discord", {"client_id": ""}, "discord needs client_id"),
        ("cognito", {"domain": "x", "region": "y"}, "cognito needs user_pool_id"),
        ("gitlab", {"endpoints": {"tokens": "x"}}, "gitlab has no endpoint tokens"),
    ],
)
def test_wrong_options_are_refused_by_name(
    name: str, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        social_provider(name, **{**CLIENT, **options})
