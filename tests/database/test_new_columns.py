"""A new column of tasks needs a model and a migration; where it needs more, the start says so."""

import re
from typing import Any

import orjson
import pytest
from fastapi import FastAPI
from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    Integer,
    Interval,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    Uuid,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from authward.storage.statements import Statement
from taskward.migrations import table_check
from taskward.tasks import columns


@pytest.mark.parametrize("kind", [Uuid(), Date(), Numeric(10, 2), Interval()])
def test_a_column_of_any_other_type_is_read_as_text_and_not_only_when_it_is_stored(
    kind: TypeEngine[Any],
) -> None:
    column = Column("new", kind)
    read = columns.as_read(column)
    assert (read.name, isinstance(read.type, Text)) == ("new", True)


@pytest.mark.parametrize("kind", [JSON(), JSONB(), ARRAY(Text())])
def test_a_structure_is_refused_before_anything_is_served(kind: TypeEngine[Any]) -> None:
    with pytest.raises(TypeError, match="new: say here how"):
        columns.as_read(Column("new", kind))
    with pytest.raises(TypeError, match="new: say here how"):
        columns.as_json(Column("new", kind))


VALUES: dict[str, tuple[TypeEngine[Any], str]] = {
    "uuid": (Uuid(), "gen_random_uuid()"),
    "date": (Date(), "DATE '2026-01-08'"),
    "numeric": (Numeric(10, 2), "10.50"),
    "double precision": (Double(), "1e300"),
    "double precision ": (Double(), "'NaN'"),
    "bigint": (BigInteger(), "-1"),
    "boolean": (Boolean(), "true"),
    "text": (Text(), r"""E'a "quote", a \\ and \x01 \n ☃'"""),
    "text ": (Text(), "'a\x7f% :name {}'"),
    "timestamptz": (DateTime(timezone=True), "TIMESTAMPTZ '2026-01-08 12:30:00.1239+02'"),
}
AS_TEXT = {"uuid", "date", "numeric"}
"""What JSON has no type for, or no exact one."""


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("nothing", [True, False])
async def test_the_json_of_a_list_says_what_postgresqls_own_says(
    app: FastAPI, kind: str, *, nothing: bool
) -> None:
    column_type, value = VALUES[kind]
    table = Table("new_kinds", MetaData(), Column("new", column_type), Column("more", Integer))
    sql = Statement(select(columns.json_object(table.c).label("row"))).sql
    async with app.state.database.acquire() as connection, connection.transaction():
        row = f"SELECT {'NULL' if nothing else value}::{kind} AS new, 7 AS more"
        await connection.execute(f"CREATE TEMP TABLE new_kinds ON COMMIT DROP AS {row}")
        ours = await connection.fetchval(sql)
        theirs = await connection.fetchval("SELECT row_to_json(n)::text FROM new_kinds AS n")
    if kind == "timestamptz" and not nothing:
        theirs = '{"new":"2026-01-08T10:30:00.123Z","more":7}'
    if kind in AS_TEXT and not nothing:
        theirs = re.sub(r':"?([^",]+)"?,', r':"\1",', theirs, count=1)
    assert ours == theirs


KINDS: dict[str, TypeEngine[Any]] = {
    "uuid": Uuid(),
    "date": Date(),
    "numeric(10,2)": Numeric(10, 2),
    "json": JSON(),
    "text[]": ARRAY(Text()),
    "double precision": Double(),
    "smallint": SmallInteger(),
}


def problems(monkeypatch: pytest.MonkeyPatch, kind: TypeEngine[Any], shown: str) -> list[str]:
    """What is said of a table with one column of a type, which PostgreSQL shows as another."""
    table = Table("tasks", MetaData(), Column("new", kind))
    monkeypatch.setattr(table_check, "_TABLES", {"tasks": table})
    column = {"shown": shown, "type": "x", "modifier": -1, "required": False, "filled": False}
    found = {"kind": "r", "columns": {"new": {**column, "generated": False}}, "keys": [[]]}
    document = {"tasks": {**found, "references": [], "lacks": []}}
    return [problem.message for problem in table_check.problems(orjson.dumps(document).decode())]


@pytest.mark.parametrize("shown", list(KINDS))
def test_a_type_that_the_check_has_never_heard_of_is_compared_by_its_name(
    monkeypatch: pytest.MonkeyPatch, shown: str
) -> None:
    if shown != "smallint":
        assert problems(monkeypatch, KINDS[shown], shown) == []
    wrong = problems(monkeypatch, KINDS[shown], "box")
    assert len(wrong) == 1
    assert 'column "new" is box, not ' in wrong[0]
