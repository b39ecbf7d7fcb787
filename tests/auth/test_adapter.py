"""The adapter: rows of any table by models and fields."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from authward.schema import DBField, DBTable
from authward.schema.registry import AuthSchema
from authward.storage.adapter import Adapter, Increment, Page
from authward.storage.where import Where
from taskward.database.url import DatabaseURL
from tests.conftest import CreateDatabase

PARCEL = DBTable(
    name="parcels",
    fields={
        "label": DBField(type="string", field_name="label_text"),
        "weight": DBField(type="number", required=False, default_value=1),
        "stops": DBField(type="string[]", required=False),
        "sentAt": DBField(type="date", required=False),
        "secretNote": DBField(type="string", required=False, returned=False),
    },
)
TABLE = """CREATE TABLE parcels (id text PRIMARY KEY, label_text text NOT NULL, weight integer,
    stops jsonb, "sentAt" timestamptz, "secretNote" text)"""
SENT = datetime(2026, 1, 8, 10, 30, 0, 123000, UTC)


@pytest.fixture(scope="module")
async def pool(create_database: CreateDatabase) -> AsyncIterator[Any]:
    arguments = DatabaseURL.parse(await create_database()).connect_arguments()
    async with asyncpg.create_pool(**arguments, min_size=1, max_size=4) as pool:
        await pool.execute(TABLE)
        yield pool


@pytest.fixture(scope="module")
def adapter() -> Adapter:
    return Adapter(AuthSchema({"post": {"parcel": PARCEL}}, {}))


@pytest.fixture
async def parcels(pool: Any, adapter: Adapter) -> list[str]:
    await pool.execute("DELETE FROM parcels")
    labels = ["50%_off", "Anna", "anton", "b\\c"]
    for number, label in enumerate(labels):
        await adapter.create(pool, "parcel", {"id": label, "label": label, "weight": number})
    return labels


async def test_a_row_comes_back_with_its_id_and_defaults_and_json(
    pool: Any, adapter: Adapter
) -> None:
    row = await adapter.create(
        pool, "parcel", {"label": "x", "stops": ["a", "b"], "sentAt": SENT, "secretNote": "s"}
    )
    assert len(row["id"]) == 32
    assert (row["weight"], row["stops"], row["sentAt"]) == (1, ["a", "b"], SENT)
    assert await adapter.find_one(pool, "parcel", {"id": row["id"]}) == row
    assert adapter.to_json("parcel", row) == {
        "label": "x",
        "weight": 1,
        "stops": ["a", "b"],
        "sentAt": "2026-01-08T10:30:00.123Z",
        "id": row["id"],
    }


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({"label": "Anna"}, [1]),
        ({"sentAt": None}, [0, 1, 2, 3]),
        ([Where("sentAt", None, "ne")], []),
        ([Where("label", "Anna", "ne")], [0, 2, 3]),
        ([Where("weight", 2, "lt")], [0, 1]),
        ([Where("weight", 2, "lte"), Where("weight", 1, "gte")], [1, 2]),
        ([Where("weight", 2, "gt")], [3]),
        ([Where("weight", [0, 3], "in")], [0, 3]),
        ([Where("weight", [0, 3], "not_in")], [1, 2]),
        ([Where("weight", [], "in")], []),
        ([Where("label", "%_", "contains")], [0]),
        ([Where("label", "\\", "contains")], [3]),
        ([Where("label", "an", "starts_with")], [2]),
        ([Where("label", "an", "starts_with", ignore_case=True)], [1, 2]),
        ([Where("label", "na", "ends_with")], [1]),
        ([Where("weight", 0, connector="OR"), Where("weight", 3, connector="OR")], [0, 3]),
        ([Where("weight", 1, "gte"), Where("weight", 0, connector="OR")], []),
    ],
)
async def test_conditions_mean_what_their_operators_say(
    pool: Any, adapter: Adapter, parcels: list[str], where: Any, found: list[int]
) -> None:
    rows = await adapter.find_many(pool, "parcel", where, Page(sort_by="weight"))
    assert [row["label"] for row in rows] == [parcels[index] for index in found]
    assert await adapter.count(pool, "parcel", where) == len(found)


async def test_pages_are_sorted_and_limited(
    pool: Any, adapter: Adapter, parcels: list[str]
) -> None:
    page = await adapter.find_many(
        pool, "parcel", (), Page(limit=2, offset=1, sort_by="weight", descending=True)
    )
    assert [row["id"] for row in page] == [parcels[2], parcels[1]]


async def test_an_update_returns_what_it_changed_and_counts_in_the_statement(
    pool: Any, adapter: Adapter, parcels: list[str]
) -> None:
    async def more() -> None:
        await adapter.update(pool, "parcel", {"id": "Anna"}, {"weight": Increment(2)})

    await asyncio.gather(*(more() for _ in range(10)))
    (row,) = await adapter.update(pool, "parcel", {"id": "Anna"}, {"label": "Hannah"})
    assert (row["label"], row["weight"]) == ("Hannah", 21)
    assert await adapter.update(pool, "parcel", {"id": "nobody"}, {"label": "x"}) == []


async def test_only_one_of_many_callers_gets_a_row_that_all_delete(
    pool: Any, adapter: Adapter, parcels: list[str]
) -> None:
    taken = await asyncio.gather(
        *(adapter.delete(pool, "parcel", {"id": "Anna"}) for _ in range(8))
    )
    assert sorted(map(len, taken)) == [0] * 7 + [1]
    assert await adapter.count(pool, "parcel") == len(parcels) - 1


async def test_a_deletion_of_everything_is_refused(pool: Any, adapter: Adapter) -> None:
    with pytest.raises(ValueError, match="all rows"):
        await adapter.delete(pool, "parcel", {})


async def test_a_value_that_the_column_cannot_hold_is_a_value_error(
    pool: Any, adapter: Adapter
) -> None:
    with pytest.raises(ValueError, match="whole number"):
        await adapter.create(pool, "parcel", {"label": "x", "weight": "heavy"})
