"""What any provider is asked for tokens with, and what is made of its answers."""

from collections.abc import Mapping
from typing import Any

from authward.extras import needs
from authward.oauth.errors import ProviderError
from authward.oauth.http_client import read_json, send
from authward.oauth.provider import Profile, Tokens, to_bool
from authward.text import storable_text

with needs("oauth"):
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

_CORE = frozenset({"name", "email", "image", "emailVerified"})


def to_profile(subject: Any, user: Mapping[str, Any], data: Mapping[str, Any]) -> Profile:
    """Return the profile of an account: a user's fields in the API's spelling, and the provider's.

    Raises:
        ProviderError: the account has no id.
    """
    is_id = isinstance(subject, str | int) and not isinstance(subject, bool)
    account_id = storable_text(str(subject)) if is_id else None
    if account_id is None:
        raise ProviderError("no account id")
    return Profile(
        account_id=account_id,
        email=storable_text(user.get("email")),
        email_verified=to_bool(user.get("emailVerified")),
        name=storable_text(user.get("name")) or "",
        image=storable_text(user.get("image")),
        fields={name: value for name, value in user.items() if name not in _CORE},
        data=data,
    )


def code_challenge(verifier: str) -> dict[str, str]:
    """Return the parameters that bind a code to a verifier (RFC 7636)."""
    challenge = create_s256_code_challenge(verifier)
    return {"code_challenge_method": "S256", "code_challenge": challenge}


async def request_tokens(
    endpoint: str, form: Mapping[str, str], headers: Mapping[str, str]
) -> Tokens:
    """Return the answer of a token endpoint.

    Raises:
        ProviderError: it has no access token.
    """
    return to_tokens(read_json(await send("POST", endpoint, data=form, headers=headers)))


def to_tokens(data: Any) -> Tokens:
    """Parse the response of a token endpoint.

    Raises:
        ProviderError: it has no access token.
    """
    try:
        return Tokens.from_response(data)
    except (AttributeError, ValueError):
        raise ProviderError("no access token") from None
