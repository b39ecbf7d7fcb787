"""Access tokens of the provider, checked as a resource server does (RFC 9068, RFC 8707)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt

from authward.context import AuthContext

_COMPACT = re.compile(r"[\w-]{1,1024}\.[\w-]{1,8192}\.[\w-]{16,1366}", re.ASCII)
_KINDS = {"at+jwt", "application/at+jwt"}


class InvalidAccessTokenError(Exception):
    """Not an access token for this audience; the message is for `error_description`."""


@dataclass(frozen=True, slots=True)
class AccessTokenClaims:
    """What a valid access token says.

    Args:
        user_id: the user (`sub`); None where a client acts for itself (client_credentials).
        client_id: whom the user, or the operator, allowed it.
        scopes: what it allows.
        session_id: the session it was granted in, if it still says so.
        expires_at: in UTC.
        claims: all claims.
    """

    user_id: str | None
    client_id: str
    scopes: frozenset[str]
    session_id: str | None
    expires_at: datetime
    claims: Mapping[str, Any]


async def verify_access_token(context: AuthContext, token: str, audience: str) -> AccessTokenClaims:
    """Check an access token that this server's `oauth_provider` or `mcp` has issued.

    Mostly without I/O: the table of keys is read at most once in a minute, and for new keys.

    Args:
        context: of the server, `auth.context`.
        token: as it stands after `Bearer`.
        audience: the resource that it must be for, such as `https://api.example.com/mcp`.

    Raises:
        InvalidAccessTokenError: anything else than a token of ours, in time, for this audience.
    """
    claims = await verified_claims(context, token)
    if audience not in audiences(claims):
        raise InvalidAccessTokenError("The access token is for another resource")
    subject, client_id = claims.get("sub"), claims.get("client_id")
    if not isinstance(subject, str) or not isinstance(client_id, str):
        raise InvalidAccessTokenError("Invalid access token")
    user_id = None if subject == client_id else subject
    if user_id is not None and context.tokens.is_denied(user_id):
        raise InvalidAccessTokenError("The user of the access token is gone")
    return AccessTokenClaims(
        user_id=user_id,
        client_id=client_id,
        scopes=frozenset(str(claims.get("scope") or "").split()),
        session_id=claims.get("sid"),
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        claims=claims,
    )


async def verified_claims(context: AuthContext, token: str) -> dict[str, Any]:
    """Return the claims of an access token of ours for whatever audience.

    Raises:
        InvalidAccessTokenError: it is none, or over.
    """
    if context.key_set is None or not _COMPACT.fullmatch(token):
        raise InvalidAccessTokenError("Invalid access token")
    try:
        header, claims = await context.key_set.verify(token, issuer=context.options.url)
    except jwt.ExpiredSignatureError:
        raise InvalidAccessTokenError("The access token has expired") from None
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise InvalidAccessTokenError("Invalid access token") from None
    if str(header.get("typ")).lower() not in _KINDS:
        raise InvalidAccessTokenError("Not an access token")
    return claims


def audiences(claims: Mapping[str, Any]) -> list[str]:
    """Return the audiences of a token as a list."""
    audience = claims.get("aud")
    values = audience if isinstance(audience, list) else [audience]
    return [value for value in values if isinstance(value, str)]
