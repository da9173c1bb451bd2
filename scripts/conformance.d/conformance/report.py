"""Where the two sides differ: a report in Markdown, and the exchanges as tables for the sandbox's
tests.

Both are searched once more as they are written: what the cloud says of its tenant is replaced
wherever it stands.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from mct_s2s import __version__
from mct_s2s.plain_text import plain

from conformance.clouds import Side
from conformance.comparison import Answer, at, differences
from conformance.redaction import Redactor, any_of, known_texts, readable
from conformance.story import Json, Service, Step
from conformance.walk import Outcome

SHOWN = 5
"""So many steps are named where a difference is in several answers."""


class Verdict(StrEnum):
    """The result of a step; "refused": 401 or 403 where the sandbox accepts; most often a
    permission is lacking.
    """

    SAME = "same"
    DIFFERS = "differs"
    REFUSED = "refused"
    NOT_COMPARED = "not compared"


@dataclass(frozen=True)
class Finding:
    """What came of one step: a line for each difference, or why it was not compared, and the row of
    its table.
    """

    step: Step
    verdict: Verdict
    lines: Sequence[str] = ()
    waited: str = ""
    row: Json = None


def findings(
    cloud: Side,
    ours: Sequence[Outcome],
    sandbox: Side,
    theirs: Sequence[Outcome],
    private: Iterable[str],
    source: str,
) -> list[Finding]:
    """Return a finding for each step."""
    redactor = Redactor(cloud.bindings, known_texts(theirs, sandbox.bindings), private)
    both = zip(ours, theirs, strict=True)
    return [_finding(one, other, redactor, dict(sandbox.bindings), source) for one, other in both]


def _finding(
    cloud: Outcome, sandbox: Outcome, redactor: Redactor, names: dict[str, str], source: str
) -> Finding:
    step, answer, other = cloud.step, cloud.answer, sandbox.answer
    if answer is None or other is None:
        # The site may be closed to this network, which is no difference between the clouds.
        is_lost = cloud.unanswered and step.service is not Service.SITE
        why = cloud.why_none or f"the sandbox: {sandbox.why_none}"
        return Finding(step, Verdict.DIFFERS if is_lost else Verdict.NOT_COMPARED, (why,))
    response, compare = redactor.skeleton(step, answer, other)
    shown, body = response, readable(other.body)
    rows = [at(response["body"], "/value"), at(body, "/value")]
    if step.others and isinstance(rows[0], list) and isinstance(rows[1], list):
        fewest = min(1, *map(len, rows))  # the number of others' objects does not matter
        shown = {**response, "body": {**response["body"], "value": rows[0][:fewest]}}
        body = {**body, "value": rows[1][:fewest]}
    lines = differences(shown, Answer(other.status, other.headers, body), names, compare)
    refused = answer.status in {401, 403} and other.status < 400
    row = {
        "id": step.id,
        "source": source,
        "service": step.service,
        "request": _request(step),
        "response": response,
    }
    row |= ({"compare": compare} if compare else {}) | (
        {"notes": f"It came {cloud.waited}."} if cloud.waited else {}
    )
    verdict = Verdict.SAME if not lines else Verdict.REFUSED if refused else Verdict.DIFFERS
    return Finding(step, verdict, lines, cloud.waited, row)


def _request(step: Step) -> dict[str, Json]:
    parts: dict[str, Json] = {"method": step.method, "path": step.path, "query": dict(step.query)}
    parts |= {"headers": dict(step.headers), "body": step.body}
    if step.service is Service.LOGIN and step.body is not None:
        parts["form"] = True
    if step.bearer is not None:
        return parts | {"authorization": f"{{{step.bearer}}}"}
    return parts | ({"no-authorization": True} if step.anonymous else {})


def save(
    folder: Path,
    found: Sequence[Finding],
    private: Iterable[str],
    cloud: str,
    when: datetime,
    left: int,
) -> Path:
    """Write the report and its tables into an existing folder, without any private value; return
    the report's path.
    """
    pattern = any_of(private)
    files: dict[str, str] = {"report.md": "\n".join([*_report(found, cloud, when, left), ""])}
    tables: dict[str, list[str]] = {}
    for finding in found:
        if finding.row is not None:
            row = json.dumps(finding.row, separators=(",", ":"), ensure_ascii=False)
            tables.setdefault(finding.step.id.partition("/")[0], []).append(row)
    files |= {f"{name}.json": "[\n" + ",\n".join(rows) + "\n]\n" for name, rows in tables.items()}
    for name, text in files.items():
        (folder / name).write_text(
            pattern.sub("removed", text) if pattern else text, encoding="utf-8"
        )
    return folder / "report.md"


def counted(compared: Iterable[Finding]) -> str:
    """Return how many steps have which result."""
    counts = Counter(finding.verdict for finding in compared)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict)


def _report(
    compared: Sequence[Finding], cloud: str, when: datetime, remaining: int
) -> Iterable[str]:
    yield f"# How the cloud `{plain(cloud)}` and the sandbox of mct-s2s {__version__} compare\n"
    yield (
        f"{when:%Y-%m-%d}. {len(compared)} requests: {counted(compared)}. {remaining} objects "
        "were not removed.\n"
    )
    yield (
        "Ids, names, domains, addresses, tokens and secrets of the tenant are replaced by names "
        "such as `{apiAppId}`"
    )
    yield (
        "and by types such as `<guid>`. The tables beside this file hold every exchange in the "
        "same form."
    )
    yield from _section("Differences", _grouped(compared, Verdict.DIFFERS))
    yield from _section(
        "Refused, most often for lack of a permission", _grouped(compared, Verdict.REFUSED)
    )
    later = [f"`{finding.step.id}`: {finding.waited}" for finding in compared if finding.waited]
    yield from _section("Answers that came later", later)
    yield from _section("Not compared", _grouped(compared, Verdict.NOT_COMPARED))
    yield "\n## All requests\n\n| step | request | status | |\n| --- | --- | --- | --- |"
    for finding in compared:
        query = "&".join(
            f"{name}={value}" for name, value in finding.step.query.items() if name != "api-version"
        )
        asked, status = (
            f"{finding.step.method} {finding.step.path}{'?' + query if query else ''}",
            at(finding.row, "/response/status", "-"),
        )
        yield f"| `{finding.step.id}` | `{asked}` | {status} | {finding.verdict} |"


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return [f"\n## {title}\n", *(f"- {line}" for line in lines or ["None."])]


def _grouped(compared: Iterable[Finding], verdict: Verdict) -> list[str]:
    """A line for each difference: the steps that have it, what the sandbox returns, and what the
    cloud returns.
    """
    steps: dict[tuple[str, str], list[str]] = {}
    for finding in compared:
        for line in finding.lines if finding.verdict is verdict else ():
            steps.setdefault((finding.step.service, line), []).append(f"`{finding.step.id}`")
    rows = []
    for (service, line), ids in steps.items():
        more = f" and {len(ids) - SHOWN} more of {service}" if len(ids) > SHOWN else ""
        shown = plain(line.replace(", expected ", " · cloud: "))
        rows.append(
            f"{', '.join(ids[:SHOWN])}{more}: " + (f"``{shown}``" if "`" in shown else f"`{shown}`")
        )
    return rows
