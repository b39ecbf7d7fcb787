"""What operators see of tools: which was called, how it ended and when; never with what."""

from bisect import bisect_left
from collections.abc import Iterator

from starlette.types import Scope

from taskward.mcp.endpoint import LOGGED
from taskward.mcp.tools import TOOLS
from taskward.observability.durations import BUCKETS

OTHER = "other"
"""The tool of a call of none of ours."""


class ToolCalls:
    """Counts calls by tool and outcome, and the time they took."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, str], list[float]] = {}

    def observe(self, scope: Scope, name: str, outcome: str, seconds: float) -> None:
        """Count a call; the request's line in the access log has its tool and outcome."""
        tool = name if name in TOOLS else OTHER
        scope[LOGGED].update(tool=tool, outcome=outcome)
        series = self._series.setdefault((tool, outcome), [0.0] * (len(BUCKETS) + 2))
        series[bisect_left(BUCKETS, seconds)] += 1
        series[-1] += seconds

    def series(self) -> Iterator[tuple[str, str, list[float]]]:
        """Yield tool, outcome, and how many fell into each bucket with the sum of their seconds."""
        for (tool, outcome), values in self._series.copy().items():
            yield tool, outcome, [*values]
