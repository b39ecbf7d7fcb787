"""The report: tables for `docs/performance.md`, between two markers, from `results.json`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bench import goals, plot
from bench.auth import ORIGINAL, PLAIN, READ, SESSION
from bench.comparison import MEAN_OF
from bench.results import Results
from bench.servers import TASKWARD
from bench.workers import GO_TWO, ONE, TWO, ratio
from tests.support.servers import ROOT

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
    """Markdown of the goals and of every part that was measured."""
    parts = [_SECTIONS[name](results[name]["found"]) for name in _SECTIONS if name in results]
    if reached := goals.rows(results):
        parts.insert(0, "### Goals\n\n" + table(["", "goal", "found", "reached"], reached))
    machines = {_machine(results[name]["on"]) for name in _SECTIONS if name in results}
    return "\n".join(["", *parts, *sorted(machines), ""])


def table(head: Row, rows: Sequence[Row]) -> str:
    rule = ["---", *("---:" for _ in head[1:])]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, rule, *rows))


def tasks(found: Mapping[str, Any]) -> str:
    """Beside the peers: each figure as it is, and Taskward's over each peer's."""
    cells = found["cells"]
    jobs = ["server", *cells]
    return "\n".join(
        [
            "![Requests per second](performance.svg)\n",
            f"Medians of alternating rounds ({found['rounds']}) of {found['seconds']} s each.\n",
            *(f"**Not compared, because it could not be had: {x}.**\n" for x in found["missing"]),
            "### Requests per second\n",
            table(jobs, _by_server(cells, _rate)),
            "### Taskward's requests per second over each peer's\n",
            f"The {goals.MEAN} is that of the first five.\n",
            _ratios(found["ratios"]["per_second"]),
            "### CPU time of the server for each request (µs)\n",
            table(jobs, _by_server(cells, _cpu)),
            "### Taskward's CPU time over each peer's\n",
            _ratios(found["ratios"]["cpu_us"]),
            "### Latency with 50 connections (2 for the long list): p50 / p95 / p99 (ms)\n",
            table(jobs, _by_server(cells, _latency)),
            fixed_rate(found["fixed_rate"]),
            "### Resident memory in the end (MiB)\n",
            table(
                list(found["resident_mib"]), [[f"{x:.0f}" for x in found["resident_mib"].values()]]
            ),
        ]
    )


def _ratios(ratios: Mapping[str, Mapping[str, float]]) -> str:
    """A row for each peer; the mean comes after what it is the mean of."""
    others = [job for job in ratios[TASKWARD] if job not in {*MEAN_OF, goals.MEAN}]
    columns = [*MEAN_OF, goals.MEAN, *others]
    rows = [
        [name, *(f"{row[column]:.2f}" for column in columns)]
        for name, row in ratios.items()
        if name != TASKWARD
    ]
    return table(["peer", *columns], rows)


def fixed_rate(found: Mapping[str, Any]) -> str:
    """Latencies of the open loop, counted from the moment at which each request was due."""
    head = ["server", "p50", "p99", "worst", "CPU µs", "unanswered"]
    parts = list[str]()
    for job, row in found["cells"].items():
        medians = {name: figures["median"] for name, figures in row.items()}
        rows = [[name, *_of_open_loop(figures)] for name, figures in medians.items()]
        late = max(figures["late_p99_ms"] for figures in medians.values())
        note = f"The load generator's own lateness, in these times: p99 {late:.1f} ms at most.\n"
        title = f"### Latency of the {job} at {found['rate']:,} requests per second (ms)\n"
        parts += [title, table(head, rows), note]
    return "\n".join(parts)


def _of_open_loop(figures: Mapping[str, float]) -> Row:
    times = [f"{figures[name]:.1f}" for name in ("p50_ms", "p99_ms", "worst_ms")]
    return [*times, _cpu(figures), f"{figures['unanswered']:.0f}"]


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
    """Two workers beside one, and beside Go with as many processors."""
    names = [name for name in (ONE, TWO, GO_TWO) if name in next(iter(found["cells"].values()))]
    head = ["job", *names, "two over one", "two over Go"]
    rows = list[Row]()
    for job, row in found["cells"].items():
        over = [ratio(row, below) for below in (ONE, GO_TWO)]
        shown = ["" if each is None else f"{each:.2f}" for each in over]
        rows.append([job, *(_rate(row[name]["median"]) for name in names), *shown])
    return "### Workers: requests per second\n\n" + table(head, rows)


def edge(found: Mapping[str, Any]) -> str:
    """What the access log and the metrics cost."""
    names = list(next(iter(found["cells"].values())))
    rows = [
        [job, *(_cpu(row[name]["median"]) for name in names), f"{found['cpu_ratios'][job]:.2f}"]
        for job, row in found["cells"].items()
    ]
    head = ["job", *(f"with {names[0]}" if name == names[0] else name for name in names), "ratio"]
    return "### Access log and metrics: CPU for each request (µs)\n\n" + table(head, rows)


def idle(found: Mapping[str, Any]) -> str:
    """What idle connections take, and whether anybody notices."""
    columns = ("kb_each", "alone_p50_ms", "beside_p50_ms", "beside_worst_ms")
    rows = [
        [name, *(f"{figures[column]:.1f}" for column in columns)]
        for name, figures in found["servers"].items()
    ]
    head = ["server", "kB each", "create alone, p50 (ms)", "create beside them, p50", "worst"]
    return f"### {found['connections']:,} idle connections\n\n" + table(head, rows)


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
    last = f"after {found['requests']:,} requests of {found['users']:,} users"
    head = ["at the start", "after a tenth", last]
    row = [f"{found[name]:.0f} MiB" for name in ("start_mib", "tenth_mib", "end_mib")]
    return "### Resident memory\n\n" + table(head, [row])


def first_byte(found: Mapping[str, Any]) -> str:
    row = [f"{found['first_byte_ms']:.1f} ms", f"{found['last_byte_ms']:.1f} ms"]
    row.append(f"{found['bytes'] / 2**20:.1f} MiB")
    return "### The list of 10,000, one client\n\n" + table(
        ["first byte", "last byte", "body"], [row]
    )


def sessions(found: Mapping[str, Any]) -> str:
    """`get-session` and `token` beside the original Better Auth's."""
    head = ["", "Taskward", "the original", "ratio"]
    note = _plain_note(found["cells"][SESSION])
    rows = [
        _pair(f"`{job}`, {label}", row, figure)
        for job, row in found["cells"].items()
        for label, figure in (("requests/s", "per_second"), ("CPU µs for each", "cpu_us"))
    ]
    return "### Sessions beside the original Better Auth\n\n" + table(head, rows) + "\n" + note


def sign_in(storm: Mapping[str, Any]) -> str:
    """The storm of sign-ins beside the original Better Auth's."""
    rows = [
        _pair(f"storm of `sign-in/email`, {label}", storm, figure)
        for label, figure in (
            ("completed/s", "per_second"),
            ("CPU µs for each", "cpu_us"),
            ("cores the server kept busy", "cores"),
        )
    ]
    head = ["", "Taskward", "the original", "ratio"]
    parts = [table(head, rows), table(["", "found", "goal"], list(_storm_rows(storm)))]
    return "\n".join(["### Sign-in beside the original Better Auth\n", *parts])


def round_trips(found: Mapping[str, Any]) -> str:
    rows = [
        [request, *(str(len(found[name][request])) for name in (TASKWARD, ORIGINAL)), goal]
        for request, goal in (("get-session", "1"), ("sign-in", "2"))
    ]
    head = ["", "Taskward", "the original", "goal"]
    return "### Statements sent to the database for one request\n\n" + table(head, rows)


def _pair(label: str, row: Mapping[str, Any], field: str) -> Row:
    """Taskward's figure, the original's, and the ratio."""
    ours, theirs = (row[name]["median"][field] for name in (TASKWARD, ORIGINAL))
    digits = ",.0f" if ours > 100 else ".2f"
    return [label, f"{ours:{digits}}", f"{theirs:{digits}}", f"{ours / theirs:.2f}"]


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
    "edge": edge,
    "workers": workers,
    "memory": memory,
    "idle": idle,
    "sessions": sessions,
    "sign_in": sign_in,
    "growth": growth,
    "first_byte": first_byte,
    "tokens": tokens,
    "startup": startup,
    "asgi_servers": asgi_servers,
    "round_trips": round_trips,
}
