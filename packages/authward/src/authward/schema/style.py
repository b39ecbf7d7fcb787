"""What tables look like that another tool has made for Better Auth."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

GenerateId: TypeAlias = Callable[[str], str] | Literal["uuid", "serial", False] | None
"""Better Auth's `advanced.database.generateId`; a function is told the model."""
IdType: TypeAlias = Literal["text", "uuid", "integer"]
TimeType: TypeAlias = Literal["timestamptz", "timestamp", "timestamp(3)"]

_ACRONYM = re.compile("([A-Z]+)([A-Z][a-z])")
_WORD = re.compile(r"([a-z\d])([A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStyle:
    """How tables differ from those that Better Auth's own migration makes.

    Args:
        snake_case: tables and columns are `rate_limit` and `user_id`, not `rateLimit` and `userId`.
        use_plural: an s at the end of each table's name, Better Auth's `usePlural`.
        times: what times are; those without a zone are in UTC.
        arrays: lists are `text[]` and `integer[]`, not `jsonb`.
        ids: what ids are; by default what `generate_id` makes.
    """

    snake_case: bool = False
    use_plural: bool = False
    times: TimeType = "timestamptz"
    arrays: bool = False
    ids: IdType | None = None

    @property
    def time_zone(self) -> bool:
        """Whether times have a zone."""
        return self.times == "timestamptz"

    def table(self, name: str) -> str:
        """Return the name of a table whose own is `name`."""
        return self.column(name) + ("s" if self.use_plural else "")

    def column(self, name: str) -> str:
        """Return the name of a column whose own is `name`."""
        if not self.snake_case:
            return name
        return _WORD.sub(r"\1_\2", _ACRONYM.sub(r"\1_\2", name)).lower()

    def id_type(self, generate_id: GenerateId) -> IdType:
        """Return the type of ids."""
        implied: dict[object, IdType] = {"uuid": "uuid", "serial": "integer"}
        is_name = isinstance(generate_id, str)
        return self.ids or (implied[generate_id] if is_name else "text")


BETTER_AUTH = TableStyle()
PRISMA = TableStyle(times="timestamp(3)", arrays=True)
DRIZZLE = TableStyle(snake_case=True, times="timestamp", arrays=True)
STYLES = {"prisma": PRISMA, "drizzle": DRIZZLE}
"""By the tool for which Better Auth's generator wrote the schema."""
