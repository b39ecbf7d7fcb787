"""`admin`: roles, bans, impersonation and the users themselves, the original's plugin of that name.

Nobody is an admin at first: give somebody the role in the database, or name them in
`admin_user_ids`.
"""

from collections.abc import Mapping
from typing import Any

from authward.codes import Code
from authward.database_hooks import DatabaseHook, RowChange
from authward.errors import APIError
from authward.plugin import Hook, Plugin, match_paths
from authward.plugins.admin.codes import AdminCode
from authward.plugins.admin.guard import Guard
from authward.plugins.admin.impersonation import Impersonation, hide_impersonations
from authward.plugins.admin.options import (
    DEFAULT_STATEMENTS,
    ID,
    AdminOptions,
    BannedUserMessage,
    admin_role,
    check_options,
    default_ac,
    user_role,
)
from authward.plugins.admin.permission import Permissions
from authward.plugins.admin.sessions import BansAndSessions
from authward.plugins.admin.user_list import UserList
from authward.plugins.admin.users import Users
from authward.plugins.schema_options import with_options
from authward.schema.fields import DBField, DBTable
from authward.timestamps import now

__all__ = [
    "DEFAULT_STATEMENTS",
    "AdminCode",
    "AdminOptions",
    "admin",
    "admin_role",
    "default_ac",
    "user_role",
]

_TABLES = {
    "user": DBTable(
        fields={
            "role": DBField(type="string", required=False, input=False),
            "banned": DBField(type="boolean", required=False, input=False, default_value=False),
            "banReason": DBField(type="string", required=False, input=False),
            "banExpires": DBField(type="date", required=False, input=False),
        }
    ),
    "session": DBTable(
        fields={"impersonatedBy": DBField(type="string", required=False, input=False)}
    ),
}


def admin(options: AdminOptions | None = None) -> Plugin:
    """Let users with a role manage the others; whoever is banned gets no session."""
    options = options or AdminOptions()
    check_options(options)
    guard = Guard(options)
    parts = (
        Users(guard),
        UserList(guard),
        BansAndSessions(guard),
        Impersonation(guard),
        Permissions(guard),
    )
    return Plugin(
        id=ID,
        schema=with_options(ID, _TABLES, options.schema),
        endpoints=[endpoint for part in parts for endpoint in part.endpoints()],
        after=[Hook(matcher=match_paths("/list-sessions"), handler=hide_impersonations)],
        database_hooks=_database_hooks(options),
        error_codes=AdminCode,
        longest_session=options.impersonation_session_duration,
        examples={
            "userId": "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF",
            "role": "user",
            "banReason": "Spamming",
            "permissions": {"user": ["list"]},
            "data": {"name": "Ada Lovelace"},
        },
    )


def _database_hooks(options: AdminOptions) -> list[DatabaseHook]:
    async def give_role(change: RowChange) -> Mapping[str, Any] | None:
        return None if "role" in change.values else {"role": options.default_role}

    hooks = [DatabaseHook(model="user", action="create", before=give_role)]
    message = options.banned_user_message
    if message is None:
        return hooks

    async def tell_banned(change: RowChange) -> None:
        """Say it in the application's words; the statement that makes a session checks again."""
        await _refuse_banned(change, message)

    return [*hooks, DatabaseHook(model="session", action="create", before=tell_banned)]


async def _refuse_banned(change: RowChange, message: BannedUserMessage) -> None:
    user = await change.users.find(change.database, str(change.user_id))
    if user is None or not user.fields["banned"]:
        return
    ends = user.fields["banExpires"]
    if ends is None or ends >= now():
        text = message if isinstance(message, str) else await message(user)
        raise APIError(Code.BANNED_USER, message=text)
