"""Better Auth's errors: a status and `{"code", "message"}`."""

from collections.abc import Mapping
from typing import Any

from authward.codes import ErrorCode


class APIError(Exception):
    """An answer that is not a success.

    Better Auth has three forms: a code with its message (`APIError(Code.INVALID_TOKEN)`), a message
    alone (`APIError(400, message="…")`), and no body at all (`APIError(302)`).
    """

    def __init__(  # noqa: PLR0913 - all but the first by name
        self,
        error: ErrorCode | int,
        *,
        status: int | None = None,
        message: str | None = None,
        headers: dict[str, str] | None = None,
        details: Mapping[str, Any] | None = None,
        code: str | None = None,
    ) -> None:
        """Take what is not given from the code.

        `details` are further properties of the body, `code` is one that the application made up.
        """
        if isinstance(error, ErrorCode):
            code, usual, known = error.name, error.status, error.message
        else:
            usual, known = error, ""
        self._is_own = not isinstance(error, ErrorCode)
        self.code = code
        self.status = status or usual
        self.message = message or known
        self.headers = headers or {}
        self.details = details or {}
        super().__init__(": ".join(filter(None, (code, self.message))))

    @property
    def body(self) -> dict[str, Any] | None:
        """The JSON body, None for an empty one."""
        body = {"message": self.message, "code": self.code}
        if self._is_own:  # the order in which the original writes an application's
            body = {"code": self.code, "message": self.message}
        return {key: value for key, value in body.items() if value} | dict(self.details) or None


class ConfigurationError(ValueError):
    """Options or a plugin with which no server can be created; the message names what is wrong."""
