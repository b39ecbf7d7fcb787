"""What every conversation with the authorization server has."""

import base64
import hashlib
from typing import Any, Final
from urllib.parse import urlencode

from tests.conformance.model import (
    Call,
    Step,
    get,
    post,
    signed_up,
)

RESOURCE: Final = "https://resource.example/mcp"


BACK: Final = "https://client.example/callback"


VERIFIER: Final = "v" * 64


CHALLENGE: Final = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)


FORM: Final = "application/x-www-form-urlencoded"


ADA: Final = "<<ada.cookie>>"


_NOTHING: Final[dict[str, Any]] = {}


def register(name: str = "", *, save: str = "", **metadata: Any) -> Call:
    body = {"redirect_uris": [BACK], "client_name": "A client", **metadata}
    sent = {key: value for key, value in body.items() if value is not None}
    more = {"cookie": sent.pop("cookie")} if "cookie" in sent else _NOTHING
    return post("/oauth2/register", name or f"register {metadata}", json=sent, save=save, **more)


def client(save: str = "client", **metadata: Any) -> Call:
    """A public client that uses codes."""
    return register(
        f"{save} registers", save=save, **{"token_endpoint_auth_method": "none", **metadata}
    )


def secret_client(save: str = "client", **metadata: Any) -> Call:
    return register(f"{save} registers", save=save, **metadata)


def request(who: str = "client", **more: Any) -> dict[str, Any]:
    known = {
        "response_type": "code",
        "client_id": f"<<{who}.client_id>>",
        "redirect_uri": BACK,
        "scope": "offline_access tasks:read",
        "state": "a state",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "resource": RESOURCE,
        **more,
    }
    return {name: value for name, value in known.items() if value is not None}


def _query(parameters: dict[str, Any]) -> str:
    return urlencode(parameters, doseq=True).replace("%3C%3C", "<<").replace("%3E%3E", ">>")


def authorize(
    name: str = "", *, save: str = "", cookie: str | None = ADA, headers: Any = (), **more: Any
) -> Call:
    path = f"/oauth2/authorize?{_query(request(**more))}"
    return get(path, name or f"authorize {more}", save=save, cookie=cookie, headers=headers)


def consent(
    page: str = "page", name: str = "", *, save: str = "", cookie: str | None = ADA, **more: Any
) -> Call:
    body = {"accept": True, "oauth_query": f"<<{page}.query>>", **more}
    return post("/oauth2/consent", name or f"consent {more}", json=body, cookie=cookie, save=save)


def token(name: str = "", *, save: str = "", headers: Any = (), **given: Any) -> Call:
    body = _query({key: value for key, value in given.items() if value is not None})
    label = name or f"token {given}"
    return post(
        "/oauth2/token",
        label,
        body=body.encode(),
        content_type=FORM,
        save=save,
        headers=tuple(headers),
    )


def redeem(page: str = "back", name: str = "", *, save: str = "", **more: Any) -> Call:
    given = {
        "grant_type": "authorization_code",
        "client_id": "<<client.client_id>>",
        "code": f"<<{page}.code>>",
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
        **more,
    }
    return token(name or f"redeem {more}", save=save, **given)


def refresh(tokens: str = "tokens", name: str = "", *, save: str = "", **more: Any) -> Call:
    given = {
        "grant_type": "refresh_token",
        "client_id": "<<client.client_id>>",
        "refresh_token": f"<<{tokens}.refresh_token>>",
        **more,
    }
    return token(name or f"refresh {more}", save=save, **given)


def about(path: str, name: str = "", **given: Any) -> Call:
    headers = given.pop("headers", ())
    body = _query({key: value for key, value in given.items() if value is not None}).encode()
    return post(path, name or f"{path} {given}", body=body, content_type=FORM, headers=headers)


def userinfo(token: str, name: str = "") -> Call:
    headers = (("authorization", f"Bearer {token}"),)
    return get("/oauth2/userinfo", name or "userinfo", headers=headers)


def to_tokens(**more: Any) -> list[Step]:
    """Somebody has allowed a client what it asks for, and it has its tokens."""
    return [
        signed_up("ada"),
        client(),
        authorize("asks", save="page", **more),
        consent(save="back", name="allows"),
        redeem(save="tokens"),
    ]


def _basic(user: str, secret: str) -> tuple[tuple[str, str], ...]:
    """Only what does not vary can be encoded here."""
    return (("authorization", "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()),)


ID: Final = "<<client.client_id>>"


def by_ada(path: str, name: str, body: Any, **more: Any) -> Call:
    return post(f"/oauth2/{path}", name, json=body, cookie=ADA, **more)
