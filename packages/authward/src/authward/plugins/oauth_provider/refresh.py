"""Refresh tokens: each is used once, and for a moment answers with the same tokens again.

Clients race their own refreshes, and lose answers. Rotation alone would sign their users out; so
the answer is kept, encrypted, with the token that was used up. After that moment a second use
means that somebody has stolen it: every refresh token of that client and user ends.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import bindparam, select, update

from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.oauth_provider.clients import (
    Credentials,
    authenticated_client,
    find_client,
    stored_client,
)
from authward.plugins.oauth_provider.consents import end_refresh_tokens
from authward.plugins.oauth_provider.errors import OAuthError
from authward.plugins.oauth_provider.holding import hold
from authward.plugins.oauth_provider.issue import Grant, issue_tokens, policy_of
from authward.plugins.oauth_provider.provider import provider_of
from authward.plugins.oauth_provider.rows import REFRESH_TOKENS, Row
from authward.plugins.oauth_provider.secrets import hashed, without_prefix
from authward.security.encryption import symmetric_decrypt, symmetric_encrypt
from authward.security.key_set import SigningKey
from authward.storage.statements import Executor, Statement
from authward.timestamps import now

_TABLE = REFRESH_TOKENS.table
LOCK_TOKEN = Statement(
    select(*_TABLE.c).where(_TABLE.c.token == bindparam("token")).with_for_update(key_share=True)
)
USE_UP = Statement(
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("row_id"))
    .values(
        {
            "revoked": bindparam("moment"),
            "rotatedAt": bindparam("moment"),
            "rotationReplayExpiresAt": bindparam("replay_until"),
            "rotationReplayResponse": bindparam("response"),
        }
    )
)


class _StolenError(Exception):
    """A refresh token was used again, too late for a client that lost an answer."""


async def refresh(
    ctx: EndpointContext, shown: Credentials, resources: list[str] | None
) -> dict[str, Any]:
    """Return new tokens for a refresh token, or the same again.

    Raises:
        OAuthError: invalid_grant, invalid_scope, invalid_target or invalid_client.
    """
    provider = provider_of(ctx)
    given = without_prefix(ctx.body["refresh_token"], provider.options.prefix.refresh_token)
    if given is None:
        raise OAuthError("invalid_token", "refresh token not found")
    await find_client(ctx, shown.client_id)  # asks another server, if at all, before the lock
    key = await provider.signing_key()
    try:
        async with ctx.transaction() as connection:
            row = await _locked(connection, hashed(given))
            grant = await _grant(ctx, shown, row, resources)
            return await _answer(ctx, grant, key)
    except _StolenError as error:
        user_id = error.args[0]
        async with ctx.transaction() as connection:
            await end_refresh_tokens(connection, shown.client_id, user_id)
    raise _invalid()


async def _locked(connection: Executor, token: str) -> Row | None:
    """Lock a refresh token, so that others who use it wait, and before it what it names."""
    found = await REFRESH_TOKENS.find(connection, token=token)
    if found is None:
        return None
    await hold(connection, found["userId"], found["sessionId"], found["clientId"])
    record = await LOCK_TOKEN.fetchrow(connection, token=token)
    return None if record is None else REFRESH_TOKENS.read(record)


def _invalid() -> APIError:
    return OAuthError("invalid_grant", "invalid refresh token")


async def _grant(
    ctx: EndpointContext, shown: Credentials, row: Row | None, resources: list[str] | None
) -> Grant:
    if row is None:
        raise OAuthError("invalid_grant", "session not found")
    if row["clientId"] != shown.client_id or row["expiresAt"] < now():
        raise _invalid()
    if resources and row["resources"] and not set(resources) <= set(row["resources"]):
        raise OAuthError("invalid_target", "requested resource invalid")
    scopes = _scopes(ctx.body.get("scope"), row["scopes"])
    stored = await stored_client(ctx, ctx.database, shown.client_id)
    client = await authenticated_client(
        ctx, shown, client=stored, scopes=scopes, grant="refresh_token"
    )
    user = await ctx.auth.users.find(ctx.database, row["userId"])
    if user is None:
        raise OAuthError("invalid_request", "user not found")
    auth_time = row["authTime"]
    return Grant(
        client=client,
        scopes=scopes,
        user=user,
        resources=resources or row["resources"],
        session_id=row["sessionId"],
        code_id=row["authorizationCodeId"],
        auth_time=None if auth_time is None else auth_time.timestamp(),
        reference_id=row["referenceId"],
        user_info=row["requestedUserInfoClaims"] or (),
        refresh_token=row,
    )


def _scopes(asked: str | None, granted: Sequence[str]) -> list[str]:
    scopes = list(granted) if asked is None else asked.split(" ")
    for scope in scopes:
        if scope not in granted:
            raise OAuthError("invalid_scope", f"unable to issue scope {scope}")
    return scopes


async def _answer(ctx: EndpointContext, grant: Grant, key: SigningKey) -> dict[str, Any]:
    row = grant.refresh_token or {}
    if row["revoked"] is not None and not _may_replay(row):
        raise _StolenError(row["userId"])
    policy = await policy_of(ctx, grant)
    asked = {"effectiveScopes": sorted(set(policy.scopes))}
    if grant.resources:
        asked["requestedResources"] = sorted(set(grant.resources))
    if row["revoked"] is not None:
        return _replayed(ctx, row, asked)
    answer = await issue_tokens(ctx, grant, key, policy)
    await _use_up(ctx, row, {"request": asked, "response": answer})
    return answer


def _may_replay(row: Row) -> bool:
    until = row["rotationReplayExpiresAt"]
    return until is not None and until >= now()


def _replayed(ctx: EndpointContext, row: Row, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer that was kept, if the same was asked for."""
    sealed = row["rotationReplayResponse"]
    opened = symmetric_decrypt(provider_of(ctx).secrets, sealed) if sealed else None
    try:
        kept = orjson.loads(opened or "")
    except ValueError:
        raise _invalid() from None
    if kept.get("request") != asked:
        raise _invalid()
    answer: dict[str, Any] = kept["response"]
    return {**answer, "expires_in": max(0, answer["expires_at"] - int(time.time()))}


async def _use_up(ctx: EndpointContext, row: Row, replay: Mapping[str, Any]) -> None:
    interval = provider_of(ctx).options.refresh_token_reuse_interval
    moment = int(time.time())
    sealed = None
    if interval:
        sealed = symmetric_encrypt(ctx.auth.options.secret, orjson.dumps(replay).decode())
    await USE_UP.fetch(
        ctx.database,
        row_id=row["id"],
        moment=datetime.fromtimestamp(moment, UTC),
        replay_until=datetime.fromtimestamp(moment + interval, UTC) if interval else None,
        response=sealed,
    )
