"""Times of rows, from PostgreSQL's binary form to the text that clients read."""

from datetime import UTC, datetime

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from taskward.tasks.times import time_of, time_text

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MOMENTS = st.datetimes(timezones=st.just(UTC))


def sent(moment: datetime) -> bytes:
    passed = moment - EPOCH
    microseconds = (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds
    return microseconds.to_bytes(8, "big", signed=True)


@given(moment=MOMENTS)
def test_any_time_is_written_with_three_digits_and_the_rest_cut_off(moment: datetime) -> None:
    expected = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert time_text(sent(moment)) == expected


@given(moment=MOMENTS)
def test_what_is_written_is_read_again(moment: datetime) -> None:
    cut_off = moment.microsecond // 1000 * 1000
    assert time_of(time_text(sent(moment))) == moment.replace(microsecond=cut_off, tzinfo=None)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        ("2026-01-08 12:30:00.123999+02", "2026-01-08T10:30:00.123Z"),
        ("1999-12-31 23:59:59.9995+00", "1999-12-31T23:59:59.999Z"),
        ("1969-07-20 20:17:40+00", "1969-07-20T20:17:40.000Z"),
        ("infinity", "294277-01-09T04:00:54.775Z"),
    ],
)
async def test_what_postgresql_sends_is_read(app: FastAPI, moment: str, text: str) -> None:
    async with app.state.database.acquire() as connection:
        value = await connection.fetchval("SELECT timestamptz_send($1::text::timestamptz)", moment)
    assert time_text(value) == text


@pytest.mark.parametrize(
    "text",
    ["", "*", "2026-01-08", "2026-01-08T10:30:00Z", "2026-01-08T10:30:00.123", "x" * 10_000]
    + [
        "2026-13-08T10:30:00.123Z",
        "2026-01-08T10:30:00.123+00:00",
        "\u0662026-01-08T10:30:00.123Z",
    ],
)
def test_other_text_is_no_time(text: str) -> None:
    assert time_of(text) is None
