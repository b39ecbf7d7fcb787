"""Conditional requests: `If-Match` and `If-None-Match` (RFC 9110, section 13.1)."""

import re

_ENTITY_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_ANY = "*"


def versions(if_match: str | None) -> list[str] | None:
    """Return the versions that may be changed; None for any.

    Only strong tags count. What is no list of tags names no version.
    """
    if if_match is None or if_match.strip() == _ANY:
        return None
    return [tag for weak, tag in _ENTITY_TAG.findall(if_match) if not weak]


def is_fresh(if_none_match: str, etag: str) -> bool:
    """Whether the client has what `etag` names; weak tags count as well."""
    if if_none_match.strip() == _ANY:
        return True
    return etag[1:-1] in [tag for _, tag in _ENTITY_TAG.findall(if_none_match)]
