"""The results of a run: a report in Markdown, and the exchanges as tables for the sandbox's tests.

Both are searched once more before they are written: values of the cloud that are still in them are replaced, and the
report says how many.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mct_s2s import __version__
from mct_s2s.plain_text import plain
from mct_s2s.sandbox.services import coverage

from conformance.steps import Json, Step
from conformance.story import not_asked
from conformance.verdicts import Finding, Verdict

REPORT = "report.md"
REMOVED = "removed"
OFTEN = 5
"""A difference in so many answers of a service is listed once."""


@dataclass(frozen=True)
class Facts:
    """What a report says about its run, beside the findings."""

    cloud: str
    when: datetime
    left: int = 0
    """How many objects could not be removed; their names are printed on the terminal only."""


@dataclass(frozen=True)
class Report:
    """A report as text, and its tables by file name."""

    markdown: str
    tables: dict[str, str]
    replaced: int
    """How many values the last search replaced."""

    def save(self, folder: Path) -> list[Path]:
        """Write all of it into an existing folder.

        Raises:
            OSError: it cannot be written.
        """
        files = {REPORT: self.markdown, **self.tables}
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        return [folder / name for name in files]


def written(findings: Sequence[Finding], facts: Facts, originals: Iterable[str]) -> Report:
    """Return the report, without any of `originals`."""
    redactor = _Redactor(originals)
    tables = {
        f"{name}.json": _table([redactor.json(row) for row in rows])
        for name, rows in _rows_by_table(findings, facts).items()
    }
    lines = [redactor.text(line) for line in _report(findings, facts)]
    if redactor.found:
        lines += ["", f"A last look replaced {redactor.found} further values by `{REMOVED}`."]
    return Report("\n".join([*lines, ""]), tables, redactor.found)


class _Redactor:
    """Replaces values wherever they occur."""

    def __init__(self, originals: Iterable[str]) -> None:
        self.found = 0
        longest_first = sorted(set(originals), key=lambda value: (-len(value), value))
        pattern = "|".join(map(re.escape, longest_first))
        self._pattern = re.compile(rf"(?<![A-Za-z0-9])(?:{pattern})(?![A-Za-z0-9])", re.IGNORECASE) if pattern else None

    def text(self, text: str) -> str:
        if self._pattern is None:
            return text
        text, count = self._pattern.subn(REMOVED, text)
        self.found += count
        return text

    def json(self, value: Json) -> Json:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.json(item) for item in value]
        if isinstance(value, dict):
            return {self.text(name): self.json(item) for name, item in value.items()}
        return value


def _rows_by_table(findings: Iterable[Finding], facts: Facts) -> dict[str, list[Json]]:
    tables: dict[str, list[Json]] = {}
    for finding in findings:
        if finding.skeleton is not None:
            tables.setdefault(finding.step.id.partition("/")[0], []).append(_row(finding, facts))
    return tables


def _row(finding: Finding, facts: Facts) -> dict[str, Json]:
    step, skeleton = finding.step, finding.skeleton
    assert skeleton is not None  # the caller looks
    row: dict[str, Json] = {
        "id": step.id,
        "source": f"conformance:{facts.cloud}:{facts.when:%Y-%m}",
        "service": step.service,
        "request": _request(step),
        "response": skeleton.response,
    }
    if skeleton.compare:
        row["compare"] = skeleton.compare
    if finding.waits:
        row["notes"] = " ".join(f"{_sentence(wait.reason, wait.seconds, wait.before)}." for wait in finding.waits)
    return row


def _request(step: Step) -> dict[str, Json]:
    request: dict[str, Json] = {
        "method": step.method,
        "path": step.path,
        "query": dict(step.query),
        "headers": dict(step.headers),
        "body": step.body,
    }
    if step.is_form:
        request["form"] = True
    if step.is_anonymous and step.bearer is None:
        request["no-authorization"] = True
    if step.bearer is not None:
        request["authorization"] = f"{{{step.bearer}}}"
    return request


def _table(rows: Sequence[Json]) -> str:
    """Return one exchange a line, as in the tables of recorded traffic."""
    lines = (json.dumps(row, separators=(",", ":")) for row in rows)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _report(findings: Sequence[Finding], facts: Facts) -> list[str]:
    counts = Counter(finding.verdict for finding in findings)
    numbers = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict)
    return [
        f"# How the cloud `{plain(facts.cloud)}` and the sandbox of mct-s2s {__version__} compare",
        "",
        f"{facts.when:%Y-%m-%d}. {len(findings)} requests: {numbers}.",
        *([f"{facts.left} objects were not removed."] if facts.left else []),
        "",
        "Ids, names, domains, addresses, tokens and secrets of the tenant are replaced by names such as `{apiAppId}`",
        "and by types such as `<guid>`. The tables beside this file hold every exchange in the same form.",
        *_differences("Differences", findings, Verdict.DIFFERS),
        *_differences("Refused, most often for lack of a permission", findings, Verdict.REFUSED),
        *_waits(findings),
        *_not_compared(findings),
        *_all(findings),
        *_unasked(findings),
    ]


def _differences(title: str, findings: Iterable[Finding], verdict: Verdict) -> list[str]:
    """List differences in many answers of a service once, then the rest step by step."""
    found = [finding for finding in findings if finding.verdict is verdict]
    lines = ["", f"## {title}", ""]
    if not found:
        return [*lines, "None."]
    lines += ["Each line shows the place, what the sandbox returns, and what the cloud returns.", ""]
    steps: dict[tuple[str, str], list[str]] = {}
    for finding in found:
        for line in finding.differences:
            steps.setdefault((finding.step.service, line), []).append(finding.step.id)
    for (service, line), ids in steps.items():
        if len(ids) >= OFTEN:
            lines.append(f"- {service}, {len(ids)} responses, `{ids[0]}` first: {_line(line)}")
    for finding in found:
        rare = [line for line in finding.differences if len(steps[finding.step.service, line]) < OFTEN]
        if rare:
            lines += ["", f"### `{finding.step.id}` {_asked(finding.step)}", "", *(f"- {_line(line)}" for line in rare)]
    return lines


def _line(difference: str) -> str:
    return _code(difference.replace(", expected ", " · cloud: "))


def _waits(findings: Iterable[Finding]) -> list[str]:
    lines = ["", "## Answers that came later", ""]
    rows = [
        f"- `{finding.step.id}` {_asked(finding.step)}: {_sentence(wait.reason, wait.seconds, wait.before)}"
        for finding in findings
        for wait in finding.waits
    ]
    return [*lines, *(rows or ["None."])]


def _sentence(reason: str, seconds: float, before: Sequence[str]) -> str:
    return f"{reason}, after {seconds:.1f} s of {', '.join(before)}"


def _not_compared(findings: Iterable[Finding]) -> list[str]:
    rows = [
        f"- `{finding.step.id}` {_asked(finding.step)}: {plain(finding.why_none)}"
        for finding in findings
        if finding.verdict is Verdict.NOT_COMPARED
    ]
    return ["", "## Not compared", "", *(rows or ["Nothing."])]


def _all(findings: Iterable[Finding]) -> list[str]:
    rows = [
        f"| `{finding.step.id}` | {_asked(finding.step)} | {_status(finding)} | {finding.verdict} |"
        for finding in findings
    ]
    return ["", "## All requests", "", "| step | request | status | |", "| --- | --- | --- | --- |", *rows]


def _unasked(findings: Iterable[Finding]) -> list[str]:
    asked = {finding.step.operation for finding in findings}
    rows = [
        f"- {row.service} `{row.operation}`: {not_asked(row.operation)}"
        for row in coverage.rows()
        if row.operation not in asked and row.operation.replace("*", "GET", 1) not in asked
    ]
    return ["", "## Operations of the sandbox that no request asked for", "", *rows]


def _asked(step: Step) -> str:
    query = "&".join(f"{name}={value}" for name, value in step.query.items() if name != "api-version")
    return _code(f"{step.method} {step.path}{'?' + query if query else ''}")


def _status(finding: Finding) -> str:
    return str(finding.skeleton.response["status"]) if finding.skeleton is not None else "-"


def _code(text: str) -> str:
    shown = plain(text)
    return f"``{shown}``" if "`" in shown else f"`{shown}`"
