"""Errors of OAuth sign-in."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

log = structlog.get_logger(__name__)


class OAuthFlowError(Exception):
    """Sign-in or linking is refused; the message is Better Auth's, or one of its codes."""

    @property
    def code(self) -> str:
        """The reason as the `error` parameter of the error page."""
        return str(self).replace(" ", "_")


class ProviderError(Exception):
    """The provider is unreachable, refused, or sent an invalid response."""

    def log(self, provider: str, event: str) -> None:
        """Log it for the operator; the reason holds no secret."""
        log.warning(event, provider=provider, reason=str(self))


@contextmanager
def reading() -> Iterator[None]:
    """Whatever in a provider's answer is not of the kind that it should be, is its error."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ProviderError(type(error).__name__) from None
