"""Whose request it is and what it may do: its token, and what is said without one (RFC 6750)."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

import jwt
import orjson
from jwt.utils import base64url_decode

from authward import BetterAuth
from authward.plugins.oauth_provider import InvalidAccessTokenError, verify_access_token
from authward.security.jwt import ExpiredTokenError, InvalidTokenError, TokenSigner
from taskward.mcp import PATH
from taskward.mcp.tools import SCOPES

_METADATA = "/.well-known/oauth-protected-resource" + PATH
_SPACES = " \t"
_OAUTH_KINDS = frozenset(("at+jwt", "application/at+jwt"))


class Access(NamedTuple):
    """What a token allows, and to whom."""

    user_id: str
    scopes: frozenset[str]


class NoTokenError(Exception):
    """The request bears no token."""


class BadTokenError(Exception):
    """A token that is not accepted; the message is for `error_description`."""


class TokenVerifier(Protocol):
    """What knows which tokens are valid."""

    async def verify(self, token: str) -> Access:
        """Return what a token allows.

        Raises:
            BadTokenError: it is none of ours, for something else, or over.
        """


class AccessTokens:
    """The tokens of the OAuth server beside us, and our own JWTs."""

    def __init__(self, auth: BetterAuth, *, first_party: bool) -> None:
        """Accept access tokens for `/mcp`, and with `first_party` our own JWTs for this server."""
        options = auth.options
        self._context = auth.context
        self.resource = options.base_url + PATH
        self._audiences = {self.resource, *([options.base_url] if first_party else [])}
        self._denied = auth.tokens.is_denied
        self._own = TokenSigner(
            options.secret,
            issuer=options.base_url,
            lifetime=options.jwt_expires_in,
            old_secrets=options.old_secrets,
            audiences=[self.resource],
        )

    async def verify(self, token: str) -> Access:
        """Return what a token allows; see `TokenVerifier`."""
        if _kind(token) in _OAUTH_KINDS:
            return await self._verify_oauth(token)
        try:
            user_id = self._own.verify(token)
        except ExpiredTokenError:
            raise BadTokenError("Token expired") from None
        except InvalidTokenError:
            raise BadTokenError("Invalid token") from None
        if self._denied(user_id) or self._audiences.isdisjoint(_audiences(token)):
            raise BadTokenError("Invalid token")
        return Access(user_id, frozenset(SCOPES))

    async def _verify_oauth(self, token: str) -> Access:
        try:
            claims = await verify_access_token(self._context, token, self.resource)
        except InvalidAccessTokenError as error:
            raise BadTokenError(str(error)) from None
        if claims.user_id is None:
            raise BadTokenError("The access token is nobody's: these are a user's tasks")
        return Access(claims.user_id, claims.scopes)


def bearer_token(authorization: Iterable[str]) -> str:
    """Return the token of a request with these `Authorization` headers.

    Raises:
        NoTokenError: there is none.
        BadTokenError: there are several.
    """
    headers = [*authorization]
    scheme, _, token = headers[0].strip(_SPACES).partition(" ") if headers else ("", "", "")
    if scheme.lower() != "bearer":
        raise NoTokenError
    if len(headers) > 1:
        raise BadTokenError("Invalid token")
    return token.strip(_SPACES)


class Challenges:
    """The values of `WWW-Authenticate`, which begin a client's way to a token (RFC 9728)."""

    def __init__(self, base_url: str) -> None:
        """Name the resource's document of this server."""
        self._metadata = f'resource_metadata="{base_url}{_METADATA}"'
        self.without_token = f'Bearer {self._metadata}, scope="{" ".join(SCOPES)}"'

    def bad_token(self, why: str) -> str:
        """Say that a token is not accepted."""
        return f'{self.without_token}, error="invalid_token", error_description="{why}"'

    def missing_scopes(self, access: Access) -> str:
        """Name all of our scopes that a token lacks, so that a client asks only once."""
        missing = " ".join(scope for scope in SCOPES if scope not in access.scopes)
        return (
            f'Bearer error="insufficient_scope", scope="{missing}", {self._metadata}, '
            f'error_description="The access token lacks {missing}"'
        )


def _kind(token: str) -> str:
    """Return the header's `typ`, which decides who verifies it and nothing else."""
    try:
        return str(jwt.get_unverified_header(token).get("typ")).lower()
    except (jwt.PyJWTError, ValueError, RecursionError):
        return ""


def _audiences(verified: str) -> list[str]:
    """Return for whom a token is that has been verified; nobody, if it does not say."""
    audience = orjson.loads(base64url_decode(verified.split(".")[1])).get("aud", [])
    return audience if isinstance(audience, list) else [audience]
