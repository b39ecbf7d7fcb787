"""Libraries that only parts of the server need: the extras of the distribution."""

from collections.abc import Iterator
from contextlib import contextmanager


class MissingExtraError(ImportError):
    """A part is used whose libraries are not installed; the message names the extra."""


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Say which extra to install if an import fails within.

    Raises:
        MissingExtraError: one of its libraries is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == __package__:
            raise
        msg = f"{missing} is not installed, and this needs it: pip install 'authward[{extra}]'"
        raise MissingExtraError(msg, name=error.name) from None
