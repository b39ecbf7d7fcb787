"""A provider that answers what a test wants: the authorization code says it.

It speaks the endpoints of an OpenID Connect provider, of Google and of GitHub over loopback HTTP.
A code is the JSON of a `Script`, so a test needs no second channel and servers in other processes
can use the provider as well. What well-behaved providers do is tested with a real one elsewhere.
"""

import base64
import hashlib
import hmac
import json
import threading
import time
from dataclasses import asdict, dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, quote, quote_plus

from joserfc import jwk, jws

CLIENT_ID = "the-client"
CLIENT_SECRET = "the-secret, with: characters%"
HUGE = 300_000


@dataclass(frozen=True)
class Script:
    """What happens after the browser is back.

    `claims` change those of the ID token (null leaves one out), `token` the token endpoint's
    answer, `sign` is how the ID token is signed, `answer` and `info` how the token endpoint and the
    one for user information misbehave. `challenge` is the one that the verifier has to fit.
    """

    claims: dict[str, Any] = field(default_factory=dict)
    token: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    emails: list[Any] | None = None
    sign: str = "RS256"
    answer: str = ""
    info: str = ""
    challenge: str = ""
    one_of_a_kind: str = ""
    without_pkce: bool = False

    def code(self) -> str:
        return json.dumps({name: value for name, value in asdict(self).items() if value})

    def quoted(self) -> str:
        """The code for a URL; variables of a flow stay readable."""
        return quote(self.code(), safe="<>.")


@cache
def keys() -> tuple[jwk.RSAKey, jwk.RSAKey]:
    """A provider's, and a stranger's of the same name; it takes a tenth of a second to make one."""
    names: jwk.KeyParameters = {"kid": "first"}
    own = jwk.RSAKey.generate_key(2048, {**names, "use": "sig"})
    return own, jwk.RSAKey.generate_key(2048, names)


class FakeProvider:
    """Runs in threads of this process while the context lasts."""

    def __init__(self) -> None:
        self.key, self.stranger = keys()
        self.published: list[dict[str, Any]] = [{**self.key.as_dict(private=False), "alg": "RS256"}]
        self.algorithms = ["RS256", "ES256", "HS256", "none"]
        self.metadata: dict[str, Any] = {}
        self.requests: list[str] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.provider = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def discovery_url(self) -> str:
        return f"{self.url}/.well-known/openid-configuration"

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize?tenant=a%20b",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/jwks",
            "id_token_signing_alg_values_supported": self.algorithms,
            **self.metadata,
        }

    def payload(self, claims: dict[str, Any]) -> bytes:
        now = int(time.time())
        usual = {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 300}
        return json.dumps({k: v for k, v in (usual | claims).items() if v is not None}).encode()

    def id_token(self, claims: dict[str, Any], sign: str = "RS256") -> str:
        """An ID token with the usual claims changed by `claims`, where None takes one out."""
        payload = self.payload(claims)
        if sign == "none":
            return f"{_b64(json.dumps({'alg': 'none'}))}.{_b64(payload)}."
        if sign == "HS256":  # as who takes any key for a secret would verify it
            text = f"{_b64(json.dumps({'alg': 'HS256', 'kid': 'first'}))}.{_b64(payload)}"
            public = self.key.as_pem(private=False)
            return f"{text}.{_b64(hmac.digest(public, text.encode(), hashlib.sha256))}"
        key = self.stranger if sign == "stranger" else self.key
        header = {"alg": "PS256" if sign == "PS256" else "RS256", "kid": key.kid or ""}
        if sign == "unnamed":
            del header["kid"]
        return jws.serialize_compact(header, payload, key, algorithms=[header["alg"]])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    provider: "FakeProvider"


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing on the console."""

    def do_GET(self) -> None:
        self.server.provider.requests.append(self.path)
        if self.path == "/jwks":
            return self.answer(200, {"keys": self.server.provider.published})
        if self.path == "/.well-known/openid-configuration":
            return self.answer(200, self.server.provider.discovery())
        granted = self.headers.get("authorization", "").removeprefix("Bearer ")
        script = json.loads(base64.urlsafe_b64decode(granted + "=="))
        if script.get("info"):
            return self.misbehave(script["info"])
        if self.path.endswith("/emails"):
            emails = script.get("emails")
            return self.answer(404 if emails is None else 200, emails)
        return self.answer(200, script.get("userinfo"))

    def do_POST(self) -> None:
        self.server.provider.requests.append(self.path)
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        sent = {name: values[0] for name, values in parse_qs(body).items()}
        granted = sent.get("code") or sent.get("refresh_token", "")
        if not granted.startswith("{"):
            return self.answer(400, {"error": "invalid_grant"})
        script = json.loads(granted)
        if script.get("answer"):
            return self.misbehave(script["answer"])
        if problem := _problem(sent, self.headers.get("authorization", ""), script):
            return self.answer(400, {"error": problem})
        return self.answer(200, self.tokens(script))

    def tokens(self, script: dict[str, Any]) -> dict[str, Any]:
        granted = {name: script.get(name) for name in ("userinfo", "emails", "info")}
        usual = {
            "access_token": _b64(json.dumps(granted)),
            "token_type": "Bearer",
            "id_token": self.server.provider.id_token(
                script.get("claims", {}), script.get("sign", "RS256")
            ),
        }
        merged = usual | script.get("token", {})
        return {name: value for name, value in merged.items() if value is not None}

    def misbehave(self, how: str) -> None:
        if how == "silence":
            self.rfile.read(1)
        elif how == "redirect":
            self.answer(
                307, {"access_token": "x"}, location=f"{self.server.provider.url}/elsewhere"
            )
        elif how == "huge":
            self.answer(200, {"access_token": "x" * HUGE})
        elif how in {"endless", "drip"}:
            self.send_chunks(every=0.05 if how == "drip" else 0)
        elif how == "packed":
            self.answer(200, {"access_token": "x"}, **{"content-encoding": "gzip"})
        else:
            self.answer_raw(*_ANSWERS[how])

    def send_chunks(self, every: float) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(HUGE // 1000):
            try:
                self.wfile.write(b" " * 1000)
            except OSError:  # nobody listens any more
                return
            time.sleep(every)

    def answer(self, status: int, content: Any, **headers: str) -> None:
        self.answer_raw(status, json.dumps(content), **headers)

    def answer_raw(self, status: int, text: str, **headers: str) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


_ANSWERS = {
    "html": (200, "<html>welcome</html>"),
    "html error": (503, "<html>sorry</html>"),
    "list": (200, "[1]"),
    "null": (200, "null"),
    "deep": (200, "[" * 100_000),
    "number": (200, f'{{"access_token": {"9" * 5000}}}'),
    "no token": (200, '{"token_type": "Bearer"}'),
    "empty token": (200, '{"access_token": ""}'),
    "token is a number": (200, '{"access_token": 5}'),
    "denied": (400, '{"error": "invalid_grant", "error_description": "used"}'),
    "denied like GitHub": (200, '{"error": "bad_verification_code"}'),
    "nothing": (200, ""),
    "not UTF-8": (200, '"\ud7ff'),
}


def _problem(sent: dict[str, str], authorization: str, script: dict[str, Any]) -> str:
    """What a provider would object to, as an error code of RFC 6749; "" if nothing."""
    basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    posted = (sent.get("client_id"), sent.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
    encoded = f"{quote_plus(CLIENT_ID)}:{quote_plus(CLIENT_SECRET)}".encode()
    also = base64.b64encode(encoded).decode()
    if not posted and authorization not in {f"Basic {basic}", f"Basic {also}"}:
        return "invalid_client"
    if sent.get("grant_type") == "refresh_token":
        return ""
    if "/api/auth/callback/" not in sent.get("redirect_uri", ""):
        return "invalid_request"
    if script.get("without_pkce"):
        return "invalid_request" if "code_verifier" in sent else ""
    digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
    fits = _b64(digest) == script["challenge"] if script.get("challenge") else True
    return "" if fits and len(sent.get("code_verifier", "")) >= 43 else "invalid_grant"


def _b64(value: str | bytes) -> str:
    data = value.encode() if isinstance(value, str) else value
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
