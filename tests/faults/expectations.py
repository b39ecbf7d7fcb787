"""What writers were told, and whether the database agrees."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import asyncpg

WATCH = """
    CREATE TABLE changes (task_id bigint NOT NULL, toggled boolean NOT NULL);
    CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO changes VALUES (NEW.id, NEW.completed <> OLD.completed);
        RETURN NEW;
    END $$;
    CREATE TRIGGER note_change AFTER UPDATE ON tasks
    FOR EACH ROW EXECUTE FUNCTION note_change();
"""
"""The database counts what it did: a toggle done twice would else look like none."""

_ROWS = "SELECT id, user_id, title, description, completed FROM tasks"
_TOGGLES = "SELECT task_id, count(*) FROM changes WHERE toggled GROUP BY task_id"


@dataclass(slots=True)
class Expectation:
    """All that one writer knows of the task with one title, which nobody else ever uses."""

    title: str
    owner: str
    id: int | None = None
    """None until its creation was acknowledged."""
    refused: bool = False
    """Its creation got a 4xx, or no answer from a server that was told to end politely."""
    toggles: int = 0
    unclear_toggles: int = 0
    description: str | None = None
    unclear_descriptions: set[str | None] = field(default_factory=set)
    deleted: bool | None = False
    """None if that is unclear."""


def differences(expectations: Iterable[Expectation], database: "Contents") -> Iterator[str]:
    """Yield a sentence about everything that was promised and is not so, or the reverse."""
    known = set()
    for expected in expectations:
        known.add(expected.title)
        yield from _difference(expected, database)
    for title in database.rows.keys() - known:
        yield f"{title}: nobody ever tried to create it"


def _difference(expected: Expectation, database: "Contents") -> Iterator[str]:
    rows = database.rows.get(expected.title, [])
    if expected.refused and rows:
        yield f"{expected.title}: refused, but it is there"
    if expected.deleted is True and rows:
        yield f"{expected.title}: its deletion was acknowledged, but it is there"
    if expected.deleted is False and expected.id is not None and not rows:
        yield f"{expected.title}: its creation was acknowledged, but it is gone"
    if len(rows) > 1:
        yield f"{expected.title}: created {len(rows)} times"
    for row in rows[:1]:
        yield from _difference_of_row(expected, row, database.toggles[row["id"]])


def _difference_of_row(expected: Expectation, row: asyncpg.Record, toggled: int) -> Iterator[str]:
    if row["user_id"] != expected.owner:
        yield f"{expected.title}: belongs to somebody else"
    if expected.id not in {None, row["id"]}:
        yield f"{expected.title}: is not the row that was acknowledged"
    most = expected.toggles + expected.unclear_toggles
    if not expected.toggles <= toggled <= most:
        yield f"{expected.title}: toggled {toggled} times, not {expected.toggles} to {most}"
    if row["completed"] is not (toggled % 2 == 1):
        yield f"{expected.title}: completed does not fit its {toggled} toggles"
    if row["description"] not in {expected.description, *expected.unclear_descriptions}:
        yield f"{expected.title}: has the content {row['description']!r}, which was replaced"


@dataclass(frozen=True)
class Contents:
    """What is in the database."""

    rows: dict[str, list[asyncpg.Record]]
    toggles: Counter[int]

    @classmethod
    async def read(cls, connection: asyncpg.Connection) -> "Contents":
        rows: dict[str, list[asyncpg.Record]] = {}
        for row in await connection.fetch(_ROWS):
            rows.setdefault(row["title"], []).append(row)
        toggles = {row["task_id"]: row["count"] for row in await connection.fetch(_TOGGLES)}
        return cls(rows, Counter(toggles))
