"""Tokens end with the session in which they were granted, unless they are for offline access."""

from sqlalchemy import bindparam, func, literal_column, update
from sqlalchemy.types import Boolean

from authward.database_hooks import RowChange
from authward.plugins.oauth_provider.rows import ACCESS_TOKENS, REFRESH_TOKENS
from authward.schema.column_types import as_json
from authward.storage.statements import Statement
from authward.timestamps import now

_REFRESH, _ACCESS = REFRESH_TOKENS.table, ACCESS_TOKENS.table
_IS_OFFLINE = func.jsonb_exists(
    as_json(_REFRESH.c.scopes), literal_column("'offline_access'"), type_=Boolean()
)
END_REFRESH_TOKENS = Statement(
    update(_REFRESH)
    .where(
        _REFRESH.c.sessionId == bindparam("session_id"), _REFRESH.c.revoked.is_(None), ~_IS_OFFLINE
    )
    .values({"revoked": bindparam("now")})
)
END_ACCESS_TOKENS = Statement(
    update(_ACCESS)
    .where(_ACCESS.c.sessionId == bindparam("session_id"), _ACCESS.c.revoked.is_(None))
    .values({"revoked": bindparam("now")})
)


async def end_tokens_of_session(change: RowChange) -> None:
    """Revoke them before the session goes: afterwards nobody knows whose they were."""
    session_id, moment = change.values.get("id"), now()
    await END_REFRESH_TOKENS.fetch(change.database, session_id=session_id, now=moment)
    await END_ACCESS_TOKENS.fetch(change.database, session_id=session_id, now=moment)
