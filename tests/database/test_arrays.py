"""Arrays as text: PostgreSQL reads the elements that were written, and never one more."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authward.storage.arrays import array_text
from tests.fuzz.sizes import size

WORDS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    st.text('",{}\\ \nNUL', max_size=8),
)


class Special(str):
    """A text that shows itself in another way."""

    __slots__ = ()

    def __str__(self) -> str:
        return "other"


async def read(app: FastAPI, values: Sequence[Any], kind: str) -> list[Any]:
    async with app.state.database.acquire() as connection:
        sql = f"SELECT CAST($1::text AS {kind}[])"
        return await connection.fetchval(sql, array_text(values))  # type: ignore[no-any-return]


@settings(
    max_examples=size(200, 5_000),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(values=st.lists(st.one_of(WORDS, st.none()), max_size=5))
async def test_any_texts_are_read_as_they_were(app: FastAPI, values: list[str | None]) -> None:
    assert await read(app, values, "text") == values


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("bigint", [1, -2, 2**63 - 1]),
        ("bigint", [None, 2]),
        ("boolean", [True, False, None]),
        ("text", ["NULL", "null", "", " a ", None]),
        ("text", ['","', "\\", '\\"', "}", "a,b"]),
        ("text", ['""""']),
        ("text", [Special("a"), "b"]),
        ("bytea", [b"\0\\\xff", b""]),
        ("double precision", [1e300, -0.1, float("inf")]),
        ("numeric", [Decimal("1.10"), None]),
        ("date", [date(1, 2, 3)]),
        ("timestamptz", [datetime(2026, 1, 8, 10, 30, 0, 123_456, UTC)]),
        ("uuid", [UUID(int=1)]),
        ("text", []),
    ],
)
async def test_elements_of_each_kind_are_read_as_they_were(
    app: FastAPI, kind: str, values: list[Any]
) -> None:
    assert await read(app, values, kind) == values


@pytest.mark.parametrize("value", [{}, [1], object()])
def test_what_has_no_form_in_an_array_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="has no form in an array"):
        array_text(["a", value])
