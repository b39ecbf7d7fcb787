"""Errors of OAuth 2: `{"error", "error_description"}` (RFC 6749, section 5.2)."""

from typing import Any

from authward.errors import APIError

NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
DESCRIPTION_MAX_LENGTH = 8_192
"""Of what was sent no more is repeated: escaped, it may be six times as long as it was."""


class OAuthError(APIError):
    """An error whose body is OAuth's and not Better Auth's."""

    def __init__(
        self,
        error: str,
        description: str | None = None,
        *,
        status: int = 400,
        headers: dict[str, str] | None = None,
    ) -> None:
        described = description and description[:DESCRIPTION_MAX_LENGTH]
        super().__init__(status, message=described, headers=headers)
        self.error = error
        self.description = described

    @property
    def body(self) -> dict[str, Any] | None:
        """The JSON body, in the original's order."""
        described = {} if self.description is None else {"error_description": self.description}
        return {**described, "error": self.error}


def unauthorized() -> APIError:
    """Return the bare 401 of the original."""
    return APIError(401)


def not_found(description: str) -> OAuthError:
    """Return a 404."""
    return OAuthError("not_found", description, status=404)
