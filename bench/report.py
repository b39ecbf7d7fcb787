"""The report: tables for `docs/performance.md`, between two markers, from `results.json`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bench import plot
from bench.auth import ORIGINAL, PLAIN, READ
from bench.comparison import MEAN_OF
from bench.results import Results
from bench.servers import TASKWARD
from tests.servers import ROOT

PAGE = ROOT / "docs" / "performance.md"
PLOT = ROOT / "docs" / "performance.svg"
START, END = "<!-- bench:start -->", "<!-- bench:end -->"
_NEW_PAGE = f"# Performance\n\n{START}\n{END}\n"

Row = Sequence[str]


def write(results: Results) -> None:
    """Replace what is between the markers, and the plot."""
    text = PAGE.read_text() if PAGE.exists() else _NEW_PAGE
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise SystemExit(f"{PAGE.relative_to(ROOT)} lacks {START} and {END}.")
    PAGE.write_text(f"{before}{START}\n{render(results)}{END}{after}")
    if "tasks" in results:
        found = results["tasks"]["found"]
        plot.draw(PLOT, TASKWARD, {job: found["cells"][job] for job in MEAN_OF})


def render(results: Results) -> str:
    """Markdown of every part that was measured."""
    parts = [_SECTIONS[name](results[name]["found"]) for name in _SECTIONS if name in results]
    machines = {_machine(results[name]["on"]) for name in _SECTIONS if name in results}
    return "\n".join(["", *parts, *sorted(machines), ""])


def table(head: Row, rows: Sequence[Row]) -> str:
    rule = ["---", *("---:" for _ in head[1:])]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, rule, *rows))


def tasks(found: Mapping[str, Any]) -> str:
    cells, ratios = found["cells"], found["ratios"]
    jobs = list(cells)
    columns = [*MEAN_OF, "geometric mean", *(job for job in jobs if job not in MEAN_OF)]
    won = {name: [f"{row[column]:.2f}" for column in columns] for name, row in ratios.items()}
    del won[TASKWARD]
    return "\n".join(
        [
            "![Requests per second](performance.svg)\n",
            f"Medians of alternating rounds ({found['rounds']}) of {found['seconds']} s each.\n",
            "### Requests per second\n",
            table(["server", *jobs], _by_server(cells, _rate)),
            "### Taskward's requests per second over each peer's\n",
            "The geometric mean is that of the first four.\n",
            table(["peer", *columns], [[name, *row] for name, row in won.items()]),
            "### CPU time of the server for each request (µs)\n",
            table(["server", *jobs], _by_server(cells, _cpu)),
            "### Latency with 50 connections (2 for the long list): p50 / p95 / p99 (ms)\n",
            table(["server", *jobs], _by_server(cells, _latency)),
            "### Resident memory in the end (MiB)\n",
            table(
                list(found["resident_mib"]), [[f"{x:.0f}" for x in found["resident_mib"].values()]]
            ),
        ]
    )


def _by_server(cells: Mapping[str, Any], figure: Callable[[Mapping[str, float]], str]) -> list[Row]:
    """A row for each server, a column for each job."""
    names = list(next(iter(cells.values())))
    return [[name, *(figure(row[name]["median"]) for row in cells.values())] for name in names]


def _rate(figures: Mapping[str, float]) -> str:
    rate = figures["per_second"]
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.1f}"


def _cpu(figures: Mapping[str, float]) -> str:
    return f"{figures['cpu_us']:,.0f}"


def _latency(figures: Mapping[str, float]) -> str:
    return " / ".join(f"{figures[name]:.0f}" for name in ("p50_ms", "p95_ms", "p99_ms"))


def growth(found: Mapping[str, Any]) -> str:
    head = ["job", "50 users' own tasks only", "1,000,000 tasks of 50,000 users", "ratio"]
    return "### A grown table: requests per second\n\n" + table(head, _pairs(found))


def workers(found: Mapping[str, Any]) -> str:
    return "### Workers: requests per second\n\n" + table(
        ["job", "one", "two", "ratio"], _pairs(found)
    )


def asgi_servers(found: Mapping[str, Any]) -> str:
    """Each server in requests per second and CPU, and what it keeps in memory."""
    cells, memory = found["cells"], found["resident_mib"]
    both = _by_server(cells, lambda row: f"{_rate(row)} ({_cpu(row)})")
    rows = [[*row, f"{memory[row[0]]:.0f}"] for row in both]
    head = ["served by", *cells, "MiB"]
    return "### Under other servers: requests per second (CPU µs for each)\n\n" + table(head, rows)


def _pairs(found: Mapping[str, Any]) -> list[Row]:
    """A row for each job: both contestants, and the ratio."""
    return [
        [job, *(_rate(each["median"]) for each in row.values()), f"{found['ratios'][job]:.2f}"]
        for job, row in found["cells"].items()
    ]


def tokens(found: Mapping[str, Any]) -> str:
    rows = [
        [f"JWT check, {kind}", f"{each['p50_us']:.1f}", f"{each['p95_us']:.1f}"]
        for kind, each in found.items()
    ]
    return "### JWT check (µs)\n\n" + table(["", "p50", "p95"], rows)


def startup(found: Mapping[str, Any]) -> str:
    rows = [
        ["`import main`", f"{found['import_seconds']:.2f} s"],
        ["process start to first answer", f"{found['first_answer_seconds']:.2f} s"],
    ]
    return "### Start, with a running database\n\n" + table(["", "median"], rows)


def memory(found: Mapping[str, Any]) -> str:
    head = ["at the start", "after a tenth", f"after {found['requests']:,} requests"]
    row = [f"{found[name]:.0f} MiB" for name in ("start_mib", "tenth_mib", "end_mib")]
    return "### Resident memory\n\n" + table(head, [row])


def first_byte(found: Mapping[str, Any]) -> str:
    row = [f"{found['first_byte_ms']:.1f} ms", f"{found['last_byte_ms']:.1f} ms"]
    row.append(f"{found['bytes'] / 2**20:.1f} MiB")
    return "### The list of 10,000, one client\n\n" + table(
        ["first byte", "last byte", "body"], [row]
    )


def auth(found: Mapping[str, Any]) -> str:
    """Beside the original Better Auth."""
    return "\n".join(
        [
            "### Beside the original Better Auth\n",
            table(["", "Taskward", "the original", "ratio", "goal"], list(_auth_rows(found))),
            table(["", "found", "goal"], list(_storm_rows(found["storm"]))),
            _plain_note(found["cells"]["get-session"]),
        ]
    )


def round_trips(found: Mapping[str, Any]) -> str:
    rows = [
        [request, *(str(len(found[name][request])) for name in (TASKWARD, ORIGINAL)), goal]
        for request, goal in (("get-session", "1"), ("sign-in", "2"))
    ]
    head = ["", "Taskward", "the original", "goal"]
    return "### Statements sent to the database for one request\n\n" + table(head, rows)


def _auth_rows(found: Mapping[str, Any]) -> Iterator[Row]:
    session, storm = found["cells"]["get-session"], found["storm"]
    for label, row, field, goal in (
        ("`get-session`, requests/s", session, "per_second", "≥ 5"),
        ("`get-session`, CPU µs for each", session, "cpu_us", ""),
        ("storm of `sign-in/email`, completed/s", storm, "per_second", "≥ 1.5"),
        ("storm, CPU µs for each", storm, "cpu_us", ""),
        ("storm, cores the server kept busy", storm, "cores", ""),
    ):
        ours, theirs = (row[name]["median"][field] for name in (TASKWARD, ORIGINAL))
        digits = ",.0f" if ours > 100 else ".2f"
        yield [label, f"{ours:{digits}}", f"{theirs:{digits}}", f"{ours / theirs:.2f}", goal]


def _storm_rows(storm: Mapping[str, Any]) -> Iterator[Row]:
    ours, read = storm[TASKWARD]["median"], storm[READ]["median"]
    idle, busy = read["idle_reader_p99_ms"], read["reader_p99_ms"]
    yield ["the machine's cores in use during a storm", f"{ours['machine_busy']:.0%}", "all"]
    yield ["`GET /api/tasks` p99, idle", f"{idle:.1f} ms", ""]
    yield [
        "`GET /api/tasks` p99 in a storm",
        f"{busy:.1f} ms ({busy / idle:.1f} times)",
        "≤ 3 times",
    ]


def _plain_note(row: Mapping[str, Any]) -> str:
    ours, plain = (row[name]["median"]["per_second"] for name in (TASKWARD, PLAIN))
    return (
        "Like Taskward, the original signs a JWT for each `get-session` (its `jwt` plugin: EdDSA). "
        f"Without that plugin, and so without a JWT, it answers {plain:,.0f} requests/s: "
        f"Taskward, with its JWT, {ours / plain:.1f} times as many.\n"
    )


def _machine(on: Mapping[str, str]) -> str:
    return "Measured on " + ", ".join(f"{name} {value}" for name, value in on.items()) + ".\n"


_SECTIONS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "tasks": tasks,
    "growth": growth,
    "workers": workers,
    "asgi_servers": asgi_servers,
    "first_byte": first_byte,
    "tokens": tokens,
    "startup": startup,
    "memory": memory,
    "auth": auth,
    "round_trips": round_trips,
}
