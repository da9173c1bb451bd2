"""How the results of scripts/bench are shown: tables, charts and docs/performance.md."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from html import escape
from statistics import median

Times = dict[str, dict[str, list[float]]]
"""Seconds of each run, by contender and by what was done."""

OURS = "mct-s2s"
COLOURS = ("#0f6cbd", "#5b9bd5", "#c4501b", "#7a7a7a")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 360, 56, 168, 28, 44


def table(times: Times) -> str:
    """A Markdown table: median, spread, and how many times as long as ours each takes."""
    columns = list(times[OURS])
    rows = [["", *columns], ["---"] * (len(columns) + 1)]
    for name, runs in times.items():
        rows.append([name, *(_cell(runs.get(column), times[OURS][column]) for column in columns)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(runs: Sequence[float] | None, ours: Sequence[float]) -> str:
    if not runs:
        return "-"
    spread = f" ({min(runs):.1f} to {max(runs):.1f})" if len(runs) > 1 else ""
    ratio = "" if runs is ours else f", {median(runs) / median(ours):.1f} x"
    return f"{median(runs):.2f} s{spread}{ratio}"


def page(by_latency: Mapping[float, Times], by_clients: Times, rounds: int) -> str:
    """docs/performance.md."""
    parts = [
        "# Performance",
        "",
        (
            "Made by `scripts/bench ROUNDS --write`, which repeats it: whole processes, in turns against one sandbox, "
            "sign-in counted for `mct-s2s` and not for the Azure CLI. *Expert* uses as few `az` processes as possible, "
            "side by side and with Graph's batches; *tutorial* is the job as articles show it (both are in "
            "`scripts/bench.d`)."
        ),
        "",
        (
            f"Median (fastest to slowest) of {rounds} runs; `x`: times as long as `mct-s2s`. "
            f"{platform.python_implementation()} {platform.python_version()}, {platform.system()}."
        ),
        "",
        "![setup over latency](setup-over-latency.svg)",
        "",
    ]
    for latency, times in by_latency.items():
        parts += [f"## {latency * 1000:.0f} ms for each request", "", table(times), ""]
    parts += ["## Many clients, 100 ms for each request", "", "![add-client](clients.svg)", "", table(by_clients), ""]
    return "\n".join(parts)


def chart(title: str, axis: str, lines: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """An SVG of seconds over something, a line for each contender; no line shows more than its points."""
    points = [point for line in lines.values() for point in line]
    right, top = max(x for x, _ in points) or 1.0, max(y for _, y in points) * 1.05

    def at(x: float, y: float) -> tuple[float, float]:
        across = (WIDTH - LEFT - RIGHT) * x / right
        return round(LEFT + across, 1), round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * y / top, 1)

    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
            'font-size="12">'
        ),
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="16" font-weight="bold">{escape(title)}: seconds over {escape(axis)}</text>',
    ]
    for step in range(5):
        y = top * step / 4
        left, height = at(0, y)
        parts.append(f'<line x1="{left}" y1="{height}" x2="{WIDTH - RIGHT}" y2="{height}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{height + 4}" text-anchor="end">{y:.1f} s</text>')
    for x in sorted({x for x, _ in points}):
        across, base = at(x, 0)
        parts.append(f'<text x="{across}" y="{base + 18}" text-anchor="middle">{x:g}</text>')
    for number, (name, line) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{x},{y}" for x, y in (at(*point) for point in line))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in (at(*point) for point in line)]
        row = TOP + 18 * number + 12
        parts.append(f'<text x="{WIDTH - RIGHT + 12}" y="{row}" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])
