"""Mutants that may survive, and why: none of them changes who sees what."""

import re

from tests.mutation.mutants import Mutant

JUDGED: dict[str, list[tuple[str, str]]] = {
    "taskward/tasks.py": [
        (
            r"^_provide_user: user_id or NotImplemented  →  NotImplemented$",
            "the fast path steps aside, and FastAPI asks who it is",
        ),
    ],
    "taskward/auth/tokens.py": [
        (
            r"^: if TYPE_CHECKING: ",
            "only for type checkers",
        ),
    ],
    "taskward/auth/store.py": [
        (
            r"^LIST_SESSIONS: > bindparam\(\"now\"\)  →  >= bindparam",
            "lists one's own session for one more millisecond, the one in which it ends",
        ),
    ],
}
"""File → (regular expression for part and change, reason)."""


def judgement(mutant: Mutant) -> str | None:
    """Return why a mutant may survive; None if it may not."""
    text = f"{mutant.part}: {mutant.change}"
    for pattern, reason in JUDGED.get(mutant.file, []):
        if re.search(pattern, text):
            return reason
    return None
