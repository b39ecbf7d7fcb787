"""The part of a plugin that does not depend on requests; the options and the context need it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from authward.codes import ErrorCode
from authward.database_hooks import DatabaseHook
from authward.schema.fields import DBTable
from authward.security.rate_limit import RateLimitRule


@dataclass(frozen=True, kw_only=True)
class PluginBase:
    """The part of a `Plugin` that is data. Create a `Plugin` instead.

    Args:
        id: its name, which no other plugin of the server has.
        schema: fields that it adds to tables, and tables of its own, by model.
        database_hooks: what it does before and after rows are written.
        rate_limit: rules that come before the core's.
        error_codes: its own codes.
        longest_session: how many seconds a session that it begins lasts at most, if that may be
            longer than usual.
        examples: of its properties and parameters in the OpenAPI document, by name; for names
            that the core has as well, the core's example is shown.
    """

    id: str
    schema: Mapping[str, DBTable] = field(default_factory=dict)
    database_hooks: Sequence[DatabaseHook] = ()
    rate_limit: Sequence[RateLimitRule] = ()
    error_codes: type[ErrorCode] | None = None
    longest_session: int = 0
    examples: Mapping[str, Any] = field(default_factory=dict)
