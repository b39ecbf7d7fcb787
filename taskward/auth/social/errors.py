"""What goes wrong with a provider."""

import structlog

log = structlog.get_logger(__name__)


class ProviderError(Exception):
    """The provider could not be asked, refused, or answered what it should not."""

    def log(self, provider: str, event: str) -> None:
        """Tell the operator, who alone can do something about it; no secret is in the reason."""
        log.warning(event, provider=provider, reason=str(self))
