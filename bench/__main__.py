"""`python -m bench PART...`: measure, write `results.json`, the tables and the plot.

With `--quick` everything is short, is printed, and nothing is written.
"""

import argparse
import signal
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from bench import report, results
from bench.asgi_servers import measure_asgi_servers
from bench.auth import compare_auth
from bench.comparison import compare
from bench.first_byte import measure_first_byte
from bench.growth import measure_growth
from bench.load import require_wrk
from bench.memory import measure_memory
from bench.round_trips import count_round_trips
from bench.rounds import FULL, QUICK, Plan, say
from bench.servers import JS, TESTS_JS, require_node
from bench.startup import measure_startup
from bench.tokens import measure_tokens
from bench.workers import measure_workers

REPORT = "report"
"""The part that measures nothing and only writes the tables again."""


def parts(plan: Plan) -> dict[str, Callable[[], Any]]:
    """What can be measured."""
    return {
        "tasks": partial(compare, plan),
        "growth": partial(measure_growth, plan),
        "workers": partial(measure_workers, plan),
        "asgi_servers": partial(measure_asgi_servers, plan),
        "first_byte": measure_first_byte,
        "tokens": measure_tokens,
        "startup": measure_startup,
        "memory": measure_memory,
        "auth": partial(compare_auth, plan),
        "round_trips": count_round_trips,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the parts that are named."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    require_wrk()
    require_node(JS, TESTS_JS)
    _measure([part for part in options.parts if part != REPORT], quick=options.quick)
    if not options.quick:
        report.write(results.load())


def _measure(chosen: Sequence[str], *, quick: bool) -> None:
    known = parts(QUICK if quick else FULL)
    for name in chosen:
        say(f"== {name}")
        found = known[name]()
        if quick:
            print(report.render({name: {"found": found, "on": results.machine()}}))
        else:
            results.store(name, found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short, printed, nothing written")
    choices = [*parts(QUICK), REPORT]
    shown = ", ".join(choices)
    parser.add_argument("parts", nargs="+", choices=choices, metavar="PART", help=shown)
    return parser


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit("Interrupted: everything that the bench started has ended.") from None
