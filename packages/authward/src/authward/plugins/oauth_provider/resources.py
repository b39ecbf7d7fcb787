"""Protected resources: which there are, and what a token for some of them may be (RFC 8707)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import bindparam, select
from sqlalchemy.types import ARRAY, Text

from authward.plugins.oauth_provider.errors import OAuthError
from authward.plugins.oauth_provider.options import OAuthProviderOptions, OAuthResource
from authward.plugins.oauth_provider.rows import CLIENT_RESOURCES, RESOURCES, Row, UniqueError
from authward.storage.statements import Executor, Statement
from authward.text import is_storable
from authward.timestamps import now

MAX_AUDIENCES = 64
_TABLE, _LINKS = RESOURCES.table, CLIENT_RESOURCES.table
_WANTED = bindparam("identifiers", type_=ARRAY(Text))
FIND_RESOURCES = Statement(select(*_TABLE.c).where(_TABLE.c.identifier == _WANTED.any_()))
LINKED = Statement(
    select(_LINKS.c.resourceId).where(
        _LINKS.c.clientId == bindparam("client_id"), _LINKS.c.resourceId == _WANTED.any_()
    )
)


class Policies(Protocol):
    """What a provider says about resources."""

    options: OAuthProviderOptions
    userinfo: str


@dataclass(frozen=True, slots=True)
class ResourcePolicy:
    """What a token for some resources may be; times are in seconds."""

    audience: list[str] | None
    scopes: list[str]
    access_token_ttl: int | None = None
    refresh_token_ttl: int | None = None
    custom_claims: dict[str, Any] = field(default_factory=dict)


async def seed_resources(database: Executor, inputs: Sequence[OAuthResource], mode: str) -> None:
    """Insert the rows of the configured resources; what is there is changed as `mode` says."""
    for given in inputs:
        values = _row(given)
        if await RESOURCES.find(database, identifier=given.identifier) is None:
            try:
                await RESOURCES.insert(database, values | {"createdAt": now()})
            except UniqueError:
                continue
        elif mode == "overwrite":
            await RESOURCES.update(database, values, identifier=given.identifier)
        elif mode == "merge":
            said = {name: value for name, value in values.items() if value is not None}
            await RESOURCES.update(database, said, identifier=given.identifier)


def _row(given: OAuthResource) -> Row:
    scopes, claims = given.allowed_scopes, given.custom_claims
    return {
        "identifier": given.identifier,
        "name": given.name or given.identifier,
        "accessTokenTtl": given.access_token_ttl,
        "refreshTokenTtl": given.refresh_token_ttl,
        "allowedScopes": None if scopes is None else list(scopes),
        "customClaims": None if claims is None else dict(claims),
        "disabled": given.disabled,
        "dpopBoundAccessTokensRequired": False,
        "policyVersion": 1,
        "updatedAt": now(),
    }


async def find_resources(database: Executor, identifiers: Sequence[str]) -> dict[str, Row]:
    """Return the rows of those that there are, by identifier."""
    wanted = [identifier for identifier in identifiers if is_storable(identifier)]
    records = await FIND_RESOURCES.fetch(database, identifiers=wanted) if wanted else []
    return {row["identifier"]: row for row in map(RESOURCES.read, records)}


async def resource_policy(
    provider: Policies,
    database: Executor,
    client_id: str,
    requested: Sequence[str] | None,
    scopes: Sequence[str],
) -> ResourcePolicy:
    """Return what a token of this client for these resources may be.

    Raises:
        OAuthError: invalid_target or invalid_scope.
    """
    if not requested:
        return ResourcePolicy(None, list(scopes))
    wanted = list(dict.fromkeys(requested))
    if len(wanted) > MAX_AUDIENCES:
        raise OAuthError("invalid_target", "too many resources")
    others = [identifier for identifier in wanted if identifier != provider.userinfo]
    rows = await _enabled(database, others)
    if provider.options.enforce_per_client_resources and rows:
        await _require_links(database, client_id, others)
    is_openid = "openid" in scopes
    audience = [*wanted, provider.userinfo] if is_openid else wanted
    return ResourcePolicy(
        audience=list(dict.fromkeys(audience)),
        scopes=_allowed_scopes(rows, scopes),
        access_token_ttl=_least(rows, "accessTokenTtl"),
        refresh_token_ttl=_least(rows, "refreshTokenTtl"),
        custom_claims={k: v for row in rows for k, v in (row["customClaims"] or {}).items()},
    )


async def _enabled(database: Executor, identifiers: Sequence[str]) -> list[Row]:
    found = await find_resources(database, identifiers)
    for identifier in identifiers:
        row = found.get(identifier)
        if row is None:
            raise OAuthError("invalid_target", f"requested resource {identifier} is not configured")
        if row["disabled"]:
            raise OAuthError("invalid_target", f"requested resource {identifier} is disabled")
    return [found[identifier] for identifier in identifiers]


async def _require_links(database: Executor, client_id: str, identifiers: Sequence[str]) -> None:
    linked = await linked_resources(database, client_id, identifiers)
    missing = [identifier for identifier in identifiers if identifier not in linked]
    if missing:
        description = f"client {client_id} is not linked to resource(s) {', '.join(missing)}"
        raise OAuthError("invalid_target", description)


async def linked_resources(
    database: Executor, client_id: str, identifiers: Sequence[str]
) -> set[str]:
    """Return to which of these resources a client is linked."""
    wanted = [identifier for identifier in identifiers if is_storable(identifier)]
    if not wanted:
        return set()
    rows = await LINKED.fetch(database, client_id=client_id, identifiers=wanted)
    return {row["resourceId"] for row in rows}


async def are_known(provider: Policies, database: Executor, audiences: Sequence[str]) -> bool:
    """Whether every audience of a token is a resource that there still is."""
    wanted = {audience for audience in audiences if audience != provider.userinfo}
    if len(wanted) > MAX_AUDIENCES:
        return False
    return len(await find_resources(database, sorted(wanted))) == len(wanted)


def _allowed_scopes(rows: Sequence[Row], scopes: Sequence[str]) -> list[str]:
    left = list(scopes)
    for row in rows:
        allowed = row["allowedScopes"]
        if allowed is None:
            continue
        left = [scope for scope in left if scope in allowed]
        if not left:
            description = "none of the requested scopes are allowed for resource "
            raise OAuthError("invalid_scope", description + row["identifier"])
    return left


def _least(rows: Sequence[Row], name: str) -> int | None:
    return min((row[name] for row in rows if row[name] is not None), default=None)
