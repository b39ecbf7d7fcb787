"""The short form: two rounds of much at once. `make faults` is the long form."""

from tests.faults.faults import SHORT
from tests.faults.rounds import Rounds
from tests.faults.stage import prepared


async def test_what_was_promised_is_kept_whatever_is_killed_cut_or_ended_under_load() -> None:
    async with prepared(short=True) as stage:
        rounds = Rounds(stage, seed=1, pause=0.1)  # other tests want the cores as well
        reports = [report async for report in rounds.run(SHORT, successes=50)]
    assert [report.violations for report in reports] == [[], []]
    assert all(report.done >= 100 for report in reports)
    assert reports[0].statuses[503] > 0  # there was a fault
    assert reports[1].statuses[None] > 0
