"""Conditional requests: `If-Match` and `If-None-Match` (RFC 9110, section 13.1)."""

import re

_ENTITY_TAG = re.compile(r'"([\x21\x23-\x7e\x80-\xff]*)"')
_MARKS = ":;+-"
_SUFFIX = re.compile(f"[{_MARKS}][A-Za-z]")
"""What a compressing proxy appends to a tag; in our own tags no letter follows such a mark."""
_ANY = "*"


def parse_if_match(if_match: str | None) -> list[str] | None:
    """Return the versions that may be changed; None for any.

    A tag names the version of a row, not the bytes of a response, so weak tags count as well. An
    invalid header names no version.
    """
    if if_match is None or if_match.strip() == _ANY:
        return None
    return _parse_tags(if_match)


def etag_matches(if_none_match: str, etag: str) -> bool:
    """Whether `If-None-Match` names this ETag, or any (`*`)."""
    return if_none_match.strip() == _ANY or etag[1:-1] in _parse_tags(if_none_match)


def _parse_tags(tags: str) -> list[str]:
    """Return our own tags: without W/ (nginx), `-gzip` (Apache), `--gzip` (Jetty), `;gzip`."""
    return [_SUFFIX.split(tag, 1)[0].rstrip(_MARKS) for tag in _ENTITY_TAG.findall(tags)]
