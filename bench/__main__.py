"""`python -m bench PART...`: measure, write `results.json`, the tables and the plot.

With `--quick` everything is short, is printed, and nothing is written.
"""

import argparse
import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from bench import report, results
from bench.asgi_servers import measure_asgi_servers
from bench.auth import compare_sessions, compare_sign_in
from bench.comparison import compare
from bench.edge import measure_edge
from bench.first_byte import measure_first_byte
from bench.growth import measure_growth
from bench.idle import measure_idle
from bench.load import require_wrk
from bench.memory import measure_memory
from bench.peer_programs import JS
from bench.round_trips import count_round_trips
from bench.rounds import FULL, QUICK, SHORT, Plan, say
from bench.servers import TESTS_JS, require_node
from bench.startup import measure_startup
from bench.tokens import measure_tokens
from bench.workers import measure_workers

REPORT = "report"
"""The part that measures nothing and only writes the tables again."""
ALL = (
    *("tasks", "edge", "workers", "memory", "idle", "sessions", "sign_in"),
    *("growth", "first_byte", "tokens", "startup"),
)
"""What `make bench` measures: with FULL and SHORT a quarter of an hour."""


def parts(long: Plan, short: Plan) -> dict[str, Callable[[], Any]]:
    """What can be measured; `short` is for what is a side issue, or takes long."""
    return {
        "tasks": partial(compare, long),
        "edge": partial(measure_edge, long),
        "workers": partial(measure_workers, short),
        "memory": measure_memory,
        "idle": measure_idle,
        "sessions": partial(compare_sessions, short),
        "sign_in": partial(compare_sign_in, short),
        "growth": partial(measure_growth, short),
        "first_byte": measure_first_byte,
        "tokens": measure_tokens,
        "startup": measure_startup,
        "asgi_servers": partial(measure_asgi_servers, short),
        "round_trips": count_round_trips,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the parts that are named."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - {*parts(QUICK, QUICK), REPORT}:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    require_wrk()
    require_node(JS, TESTS_JS)
    _measure([part for part in options.parts or ALL if part != REPORT], quick=options.quick)
    if not options.quick:
        report.write(results.load())


def _measure(chosen: Sequence[str], *, quick: bool) -> None:
    known = parts(QUICK, QUICK) if quick else parts(FULL, SHORT)
    for name in chosen:
        say(f"== {name}")
        begun = time.monotonic()
        found = known[name]()
        say(f"== {name} took {time.monotonic() - begun:.0f} s")
        if quick:
            print(report.render({name: {"found": found, "on": results.machine()}}), flush=True)
        else:
            results.store(name, found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short, printed, nothing written")
    choices = [*parts(QUICK, QUICK), REPORT]
    shown = f"{', '.join(choices)}; without any: {', '.join(ALL)}"
    parser.add_argument("parts", nargs="*", metavar="PART", help=shown)
    return parser


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit("Interrupted: everything that the bench started has ended.") from None
