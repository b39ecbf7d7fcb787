"""The parameters of an authorization request (RFC 6749, RFC 7636, RFC 8707, OpenID Connect)."""

import json
import re
from collections.abc import Mapping
from typing import Any

from ada_url import URLSearchParams

from authward.plugins.oauth_provider.urls import form
from authward.plugins.oauth_provider.validation import (
    CheckedField,
    ChoiceField,
    OAuthSchema,
    ResourceField,
    TextOrListField,
    URLField,
    first_problem,
)
from authward.validation import Field

MAX_PARAMETERS = 64
MAX_LENGTH = 8_192
_PROMPTS = ("none", "consent", "login", "create", "select_account")
_WHOLE = re.compile(r"\s*\+?\d{1,12}(?:\.0*)?\s*", re.ASCII)
_TEXT = Field("string", required=False)


def _wrong_prompt(value: str) -> str | None:
    tokens = [token for token in value.split(" ") if token.strip()]
    if not tokens:
        return "prompt must include at least one value"
    for token in tokens:
        if token not in _PROMPTS:
            return f"unsupported prompt value: {token}"
    if "none" in tokens and len(set(tokens)) > 1:
        return "prompt=none cannot be combined with other prompt values"
    return None


def _wrong_max_age(value: str) -> str | None:
    return None if _WHOLE.fullmatch(value) else "max_age must be a non-negative integer"


def _no_client(value: str) -> str | None:
    return None if value else "client_id is required"


AUTHORIZATION = OAuthSchema(
    {
        "response_type": ChoiceField(required=False, choices=("code",)),
        "request": _TEXT,
        "request_uri": _TEXT,
        "redirect_uri": URLField(required=False),
        "scope": _TEXT,
        "state": _TEXT,
        "client_id": CheckedField(check=_no_client),
        "prompt": CheckedField(required=False, check=_wrong_prompt),
        "display": _TEXT,
        "ui_locales": _TEXT,
        "max_age": CheckedField(required=False, check=_wrong_max_age),
        "acr_values": _TEXT,
        "login_hint": _TEXT,
        "id_token_hint": _TEXT,
        "code_challenge": _TEXT,
        "code_challenge_method": ChoiceField(required=False, choices=("S256",)),
        "nonce": _TEXT,
        "claims": _TEXT,
        "dpop_jkt": _TEXT,
        "resource": TextOrListField(required=False, of=ResourceField(required=False)),
    },
    additional_properties=True,
    error_codes={"response_type": ("unsupported_response_type",)},
)
Problem = tuple[str, str]


def parsed_query(given: Mapping[str, Any]) -> tuple[dict[str, Any], Problem | None]:
    """Return the parameters in the original's order, and what is wrong with them, if anything."""
    raw = dict(given)
    problem = _unsupported(raw) or first_problem(AUTHORIZATION, raw)
    if problem is not None:
        return raw, problem
    known = {name: raw[name] for name in AUTHORIZATION.fields if name in raw}
    query = known | {name: value for name, value in raw.items() if name not in known}
    if "max_age" in query:
        query["max_age"] = int(float(query["max_age"]))
    if "response_type" not in query:
        return query, ("invalid_request", "response_type is required")
    return query, None


def _unsupported(raw: dict[str, Any]) -> Problem | None:
    has_request, has_uri = (isinstance(raw.get(name), str) for name in ("request", "request_uri"))
    if has_request and has_uri:
        return "invalid_request", "request and request_uri cannot be used together"
    if has_request:
        return "request_not_supported", "request object not supported"
    if has_uri:
        if not isinstance(raw.get("client_id"), str) or not raw["client_id"]:
            return "invalid_request", "client_id is required"
        return "request_uri_not_supported", "request_uri not supported"
    too_long = any(isinstance(v, str) and len(v) > MAX_LENGTH for v in raw.values())
    if len(raw) > MAX_PARAMETERS or too_long:
        return "invalid_request", "too many or too long parameters"
    return None


def parse_prompt(prompt: Any) -> set[str]:
    """Return the prompts that are known."""
    return set(str(prompt or "").split(" ")) & {*_PROMPTS}


def serialized(query: Mapping[str, Any]) -> URLSearchParams:
    """Return the parameters as a query."""
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        if isinstance(value, list):
            pairs += [(name, str(entry)) for entry in value]
        elif isinstance(value, dict):
            pairs.append((name, json.dumps(value, separators=(",", ":"), ensure_ascii=False)))
        elif value is not None:
            pairs.append((name, str(value)))
    return form(pairs)


def as_parameters(query: URLSearchParams) -> dict[str, Any]:
    """Return a query's parameters by name; one that is there several times is a list."""
    found: dict[str, Any] = {}
    for name in dict.fromkeys(query.keys()):
        values = query.get_all(name)
        found[name] = values if len(values) > 1 else values[0]
    return found


def without_prompt(query: URLSearchParams, prompt: str) -> URLSearchParams:
    """Return the query without a prompt that was obeyed."""
    prompts = (query.get("prompt") or "").split(" ")
    if prompt in prompts:
        prompts.remove(prompt)
        if prompts:
            query.set("prompt", " ".join(prompts))
        else:
            query.delete("prompt")
    return query
