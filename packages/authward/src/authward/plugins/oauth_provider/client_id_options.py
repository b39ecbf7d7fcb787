"""The option that takes URLs as client ids, and what fetches the documents there."""

from dataclasses import dataclass
from typing import Any, Protocol

from ada_url import URL


class DocumentError(Exception):
    """There is no such document, or none that may be used; the message says why, for the log."""


@dataclass(frozen=True, slots=True)
class Document:
    """A metadata document, and for how many seconds it may be used."""

    metadata: dict[str, Any]
    max_age: int


class Fetcher(Protocol):
    """Fetches documents."""

    async def fetch(self, url: URL) -> Document:
        """Fetch a document.

        Raises:
            DocumentError: whatever goes wrong.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientIdMetadata:
    """Takes URLs as client ids.

    Args:
        fetcher: gets their documents, by default `documents.DocumentFetcher()`.
    """

    fetcher: Fetcher | None = None
