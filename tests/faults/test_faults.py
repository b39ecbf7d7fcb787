"""The short form: two rounds of much at once, and two failovers. `make faults` is the long form."""

from collections.abc import Sequence

import pytest

from tests.faults.failovers import SHORT_FAILOVERS, prepared_pair
from tests.faults.faults import SHORT
from tests.faults.rounds import Report, Rounds
from tests.faults.testbed import prepared


@pytest.mark.long
async def test_what_was_promised_is_kept_whatever_is_killed_cut_or_ended_under_load() -> None:
    async with prepared(short=True) as testbed:
        rounds = Rounds(testbed, seed=1, pause=0.1)  # other tests want the cores as well
        reports = [report async for report in rounds.run(SHORT, successes=50)]
    assert_kept(reports)
    assert reports[1].statuses[None] > 0


@pytest.mark.long
async def test_what_was_promised_is_kept_when_the_primary_is_killed_or_frozen() -> None:
    async with prepared_pair(short=True) as testbed:
        rounds = Rounds(testbed, seed=1, pause=0.2, writers=16, repeats=True)
        reports = [report async for report in rounds.run(SHORT_FAILOVERS, successes=50)]
    assert_kept(reports)


def assert_kept(reports: Sequence[Report]) -> None:
    assert [report.violations for report in reports] == [[], []]
    assert all(report.done >= 100 for report in reports)
    assert reports[0].statuses[503] > 0  # there was a fault
