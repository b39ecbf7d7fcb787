"""Mutants that may survive, and why: none of them changes who sees what."""

import re

from tests.mutation.mutants import Mutant

ACCEPTED_SURVIVORS: dict[str, list[tuple[str, str]]] = {
    "packages/taskward/src/taskward/tasks/endpoints.py": [
        (
            r"^_provide_user: user_id or NotImplemented  →  NotImplemented$",
            "the fast path steps aside, and FastAPI asks who it is",
        ),
    ],
    "packages/taskward/src/taskward/database/batch_pairs.py": [
        (
            r"^_border: < expected  →  <= expected$",
            "of no calls nothing is sent",
        ),
    ],
    "packages/taskward/src/taskward/database/batch_scheduler.py": [
        (
            r"^BatchScheduler: self\._number \+= 1  →  self\._number -= 1$",
            "only whether it is another one",
        ),
    ],
    "packages/taskward/src/taskward/database/batcher.py": [
        (
            r"^Batcher: owners != requested_by and not _differ.*  →  not _differ_by_gaps\(",
            "only faster: what is equal differs by no gap",
        ),
    ],
    "packages/taskward/src/taskward/http/known_heads.py": [
        (
            r"<= MAX_HEAD_BYTES  →  < MAX_HEAD_BYTES",
            "the head is found all the same, by its end",
        ),
        (
            r"> KEPT_SECONDS  →  >= KEPT_SECONDS",
            "the very moment",
        ),
    ],
    "packages/authward/src/authward/plugins/oauth_provider/access_token.py": [
        (
            r"^verify_access_token: user_id is not None and .*  →  context\.tokens\.is_denied",
            "of nobody nothing is denied",
        ),
    ],
    "packages/authward/src/authward/plugins/oauth_provider/consents.py": [
        (
            r"^DELETE_ACCESS_TOKENS: .*  →  delete\(_ACCESS\)\.where\(None\)$",
            "they go with their refresh token, by the foreign key",
        ),
    ],
    "packages/authward/src/authward/plugins/oauth_provider/consent.py": [
        (
            r"^_(accepted_scopes|denied): .*query\.get\(.*\) or \"\".*  →  query\.get",
            "only for type checkers: a query that we signed has a scope and a redirect URI",
        ),
        (
            r"^_is_fresh: request\.issued_at is not None and .*  →  began >= request\.issued_at$",
            "only for type checkers: a query that we signed says when",
        ),
        (
            r"^_is_fresh: >= request\.issued_at  →  > request\.issued_at$",
            "the very millisecond",
        ),
    ],
    "packages/authward/src/authward/plugins/oauth_provider/logout.py": [
        (
            r"^_registered: not uri or uri not in .*  →  uri not in",
            "only for type checkers: no address is not registered either",
        ),
        (
            r"^_state: > time\.time\(\) \* 1000  →  >= time",
            "the very moment",
        ),
    ],
    "packages/authward/src/authward/plugins/oauth_provider/redirects.py": [
        (
            r"> LOCATION_MAX_LENGTH  →  >= LOCATION_MAX_LENGTH",
            "one character less",
        ),
        (
            r"^_wants_fragment: isinstance\(kind, str\) and .*  →  re\.search",
            "only for type checkers: a parameter of a query is text, and this one is required",
        ),
    ],
    "packages/authward/src/authward/plugins/oauth_provider/refresh.py": [
        (
            r"^_grant: < now\(\)  →  <= now|^_may_replay: >= now\(\)  →  > now",
            "the very moment",
        ),
        (
            r"^_grant: row\[\"requestedUserInfoClaims\"\] or \(\)  →  row",
            "only for type checkers: no claims are none",
        ),
        (
            r"^_answer: grant\.refresh_token or \{\}  →  grant",
            "only for type checkers: the grant is of a refresh token",
        ),
        (
            r"^_replayed: opened or \"\"  →  opened$",
            "only for type checkers: None is no JSON either",
        ),
    ],
    "packages/authward/src/authward/plugins/oauth_provider/signed_query.py": [
        (
            r"> QUERY_MAX_LENGTH  →  >= QUERY_MAX_LENGTH",
            "one character less",
        ),
        (
            r"^issued_at: parameters\.get\(ISSUED_AT\) or \"\"  →  parameters\.get",
            "only for type checkers: a parameter that is not there is empty",
        ),
        (
            r"^_is_ahead: text or \"\"  →  text$",
            "what the server has signed has an end",
        ),
        (
            r"^_is_ahead: >= time\.time\(\)  →  > time\.time",
            "the very moment",
        ),
    ],
    "packages/authward/src/authward/plugins/oauth_provider/unused_clients.py": [
        (
            r"< bindparam\(\"before\"\)  →  <= bindparam|< EVERY  →  <= EVERY",
            "the very microsecond",
        ),
        (
            r"self\._lifetime or 0  →  self\._lifetime$",
            "only for type checkers: it is never due without a lifetime",
        ),
    ],
    "packages/authward/src/authward/security/jwt.py": [
        (
            r"^: if TYPE_CHECKING: ",
            "only for type checkers",
        ),
    ],
    "packages/authward/src/authward/security/key_set.py": [
        (
            r"< _TRUSTED_SECONDS  →  <=|> _TRUSTED_SECONDS  →  >=|> _REFETCH_SECONDS  →  >=",
            "the very moment",
        ),
        (
            r"^_lives_until: > moment  →  >= moment$",
            "the very microsecond",
        ),
        (
            r">= _REMEMBERED  →  > _REMEMBERED",
            "one token more; the test that counts to ten thousand takes too long for mutants",
        ),
        (
            r"^_opened: symmetric_decrypt\(secrets, sealed\) or \"\"  →  symmetric_decrypt",
            "only for type checkers: None is no JSON either",
        ),
    ],
    "packages/authward/src/authward/storage/sessions.py": [
        (
            r"^Sessions: > bindparam\(\"now\"\)  →  >= bindparam",
            "lists one's own session for one more millisecond, the one in which it ends",
        ),
    ],
}
"""File → (regular expression for part and change, reason)."""


def reason_to_accept(mutant: Mutant) -> str | None:
    """Return why a mutant may survive; None if it may not."""
    text = f"{mutant.part}: {mutant.change}"
    for pattern, reason in ACCEPTED_SURVIVORS.get(mutant.file, []):
        if re.search(pattern, text):
            return reason
    return None
