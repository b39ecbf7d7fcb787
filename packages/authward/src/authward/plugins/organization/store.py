"""The rows of organizations, members, invitations, teams and roles."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from authward.codes import Code
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.organization.codes import OrganizationCode
from authward.schema.values import as_in_javascript
from authward.storage.adapter import MAX_ROWS, Page, Row
from authward.storage.where import Conditions, Where
from authward.text import is_storable, to_well_formed
from authward.timestamps import now

_USER_FIELDS = ("id", "name", "email", "image")


def known(value: str) -> str:
    """Return a text to look for; what PostgreSQL cannot hold is nothing that anybody has."""
    return value if is_storable(value) else ""


def _where(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: known(v) if isinstance(v, str) else v for name, v in given.items()}


async def find_one(
    ctx: EndpointContext, model: str, *, lock: bool = False, **where: Any
) -> Row | None:
    """Return a row; with `lock` nobody else changes it before the transaction ends."""
    adapter, database = ctx.auth.adapter, ctx.database
    return await adapter.find_one(database, model, _where(where), lock=lock)


async def find_many(
    ctx: EndpointContext, model: str, *, limit: int | None = MAX_ROWS, **where: Any
) -> list[Row]:
    """Return rows in the order in which they were made."""
    page = Page(limit=limit, sort_by="createdAt")
    return await ctx.auth.adapter.find_many(ctx.database, model, _where(where), page)


async def count(ctx: EndpointContext, model: str, **where: Any) -> int:
    """Return how many rows there are."""
    return await ctx.auth.adapter.count(ctx.database, model, _where(where))


async def create(ctx: EndpointContext, model: str, values: Mapping[str, Any]) -> Row:
    """Make a row; what is no field of the table is left out.

    Raises:
        APIError: 400 for what the database cannot hold.
    """
    try:
        return await ctx.auth.adapter.create(ctx.database, model, _fields(ctx, model, values))
    except ValueError as error:
        raise APIError(Code.VALIDATION_ERROR, message=str(error)) from None


async def update(
    ctx: EndpointContext, model: str, where: Conditions, values: Mapping[str, Any]
) -> Row | None:
    """Change a row, and return it as it is now; None if it is not there, or not as it should be.

    Raises:
        APIError: 400 for what the database cannot hold.
    """
    fields = _fields(ctx, model, values)
    try:
        rows = await ctx.auth.adapter.update(ctx.database, model, where, fields)
    except ValueError as error:
        raise APIError(Code.VALIDATION_ERROR, message=str(error)) from None
    return rows[0] if rows else None


async def delete(ctx: EndpointContext, model: str, **where: Any) -> list[Row]:
    """Delete rows, and return them."""
    return await ctx.auth.adapter.delete(ctx.database, model, _where(where))


def shown(ctx: EndpointContext, model: str, row: Row) -> Row:
    """Return a row as clients see it."""
    return ctx.auth.adapter.to_json(model, row)


async def find_member(ctx: EndpointContext, organization_id: str, user_id: str) -> Row | None:
    """Return somebody's membership."""
    return await find_one(ctx, "member", organizationId=organization_id, userId=user_id)


async def find_member_by_email(
    ctx: EndpointContext, organization_id: str, email: str
) -> Row | None:
    """Return the membership of whoever has an address."""
    user = await ctx.auth.users.find_by_email(ctx.database, known(email.lower()))
    return None if user is None else await find_member(ctx, organization_id, user.id)


async def with_user(ctx: EndpointContext, member: Row) -> Row:
    """Return a membership as clients see it, with the user."""
    return (await with_users(ctx, [member]))[0]


async def with_users(ctx: EndpointContext, members: list[Row]) -> list[Row]:
    """Return memberships as clients see them, with the users; without users that have gone."""
    ids = [member["userId"] for member in members]
    where = [Where("id", ids, "in")]
    users = await ctx.auth.adapter.find_many(ctx.database, "user", where, Page(limit=None))
    by_id = {user["id"]: {name: user[name] for name in _USER_FIELDS} for user in users}
    return [
        {**shown(ctx, "member", member), "user": by_id[member["userId"]]}
        for member in members
        if member["userId"] in by_id
    ]


async def lock_organization(ctx: EndpointContext, organization_id: str) -> Row:
    """Return an organization, whose members change one after another until the transaction ends.

    Raises:
        APIError: 400, there is none.
    """
    found = await find_one(ctx, "organization", id=organization_id, lock=True)
    if found is None:
        raise APIError(OrganizationCode.ORGANIZATION_NOT_FOUND)
    return found


async def set_active(ctx: EndpointContext, name: str, value: str | None) -> None:
    """Make an organization or a team the active one of the session, or none."""
    await ctx.update_session(ctx.session.session, {name: value})


def metadata_text(value: Any) -> str | None:
    """Return metadata as the column has it: JSON."""
    if value is None or isinstance(value, str):
        return value
    text = json.dumps(as_in_javascript(value), ensure_ascii=False, separators=(",", ":"))
    return to_well_formed(text)


def with_metadata(row: Row) -> Row:
    """Return an organization's JSON with its metadata read, and without any that it has not."""
    text = row["metadata"]
    if not text:
        return {name: value for name, value in row.items() if name != "metadata"}
    try:
        return {**row, "metadata": json.loads(text)}
    except ValueError:
        return row


def membership_key(team_id: str, user_id: str) -> str:
    """Return what keeps somebody from being in a team twice, as the original computes it."""
    text = json.dumps([team_id, user_id], ensure_ascii=False, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


async def add_to_team(ctx: EndpointContext, team_id: str, user_id: str, maximum: int | None) -> Row:
    """Return the membership of a team, made if there is none yet.

    Raises:
        APIError: 403, the team is full.
    """
    await find_one(ctx, "team", id=team_id, lock=True)
    found = await find_one(ctx, "teamMember", teamId=team_id, userId=user_id)
    if found is not None:
        return found
    members = await count(ctx, "teamMember", teamId=team_id)
    if maximum is not None and members >= maximum:
        raise APIError(OrganizationCode.TEAM_MEMBER_LIMIT_REACHED)
    values = {"teamId": team_id, "userId": user_id, "createdAt": now()}
    key = {"membershipKey": membership_key(team_id, user_id)}
    made = await create(ctx, "teamMember", values | key)
    await _count_members(ctx, team_id, members + 1)
    return made


async def remove_from_teams(ctx: EndpointContext, user_id: str, team_ids: list[str]) -> None:
    """Take somebody out of teams."""
    for team_id in sorted(team_ids):
        await find_one(ctx, "team", id=team_id, lock=True)
        if await delete(ctx, "teamMember", teamId=team_id, userId=user_id):
            await _count_members(ctx, team_id, await count(ctx, "teamMember", teamId=team_id))


async def _count_members(ctx: EndpointContext, team_id: str, members: int) -> None:
    # Without the time of the last change, which the original does not touch either.
    team = await find_one(ctx, "team", id=team_id)
    values = {"memberCount": members, "updatedAt": team["updatedAt"] if team else None}
    await update(ctx, "team", {"id": team_id}, values)


def _fields(ctx: EndpointContext, model: str, values: Mapping[str, Any]) -> Row:
    fields = ctx.auth.schema.tables[model].fields
    return {name: value for name, value in values.items() if name in fields}
