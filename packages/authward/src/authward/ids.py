"""Random ids and session tokens."""

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits


def generate_id(length: int = 32) -> str:
    """Return random letters and digits; 32 of them are an id or a session token."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
