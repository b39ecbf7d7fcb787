"""The plot: requests per second as bars, in an SVG that suits light and dark pages."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, BAR, GAP, GROUP, TOP = 760, 230, 70, 18, 4, 34, 46
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; font-size: 15px; }
  .job { font-weight: 600; }
  .bar { fill: #8c959f; } .ours { fill: #1f6feb; } .bare { fill: none; stroke: #8c959f; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .bar { fill: #6e7681; } .ours { fill: #58a6ff; } .bare { stroke: #6e7681; }
  }
"""


def draw(file: Path, ours: str, cells: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the bars of each job; each job has a scale of its own, its longest bar is full."""
    body, y = list[str](), TOP
    for job, row in cells.items():
        body.append(f'<text class="job" x="{LEFT}" y="{y}">{escape(job)}</text>')
        body.extend(_bars(ours, row, y + 8))
        y += len(row) * (BAR + GAP) + GROUP
    title = "Requests per second, one process each, 50 connections (longer is better)"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y - 10}" role="img">'
        f"<title>{title}</title><style>{_STYLE}</style>"
        f'<text class="title" x="12" y="22">{title}</text>'
    )
    file.write_text("\n".join([head, *body, "</svg>"]) + "\n")


def _bars(ours: str, row: Mapping[str, Any], top: int) -> Iterator[str]:
    rates = {name: figures["median"]["per_second"] for name, figures in row.items()}
    for position, (name, rate) in enumerate(rates.items()):
        y = top + position * (BAR + GAP)
        width = (WIDTH - LEFT - RIGHT) * rate / max(rates.values())
        kind = "ours" if name == ours else "bare" if name.startswith("bare") else "bar"
        yield f'<text x="{LEFT - 10}" y="{y + 14}" text-anchor="end">{escape(name)}</text>'
        yield f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2"/>'
        yield f'<text x="{LEFT + width + 8:.1f}" y="{y + 14}">{rate:,.0f}</text>'
