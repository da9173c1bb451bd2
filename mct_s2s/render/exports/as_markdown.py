"""`status -o markdown`: for a wiki, an issue or a pull request, in GitHub's dialect.

Values are code spans, in which nothing has a meaning; one that a code span cannot hold is written with character
references, which have none either. Sources: spec.commonmark.org/0.31.2, "Code spans" and "Entity and numeric character
references"; github.github.com/gfm, "Tables".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mct_s2s.planning.reports.status_report import StatusReport
from mct_s2s.render.exports.audit import AuditFinding, AuditSection, AuditTable, audit
from mct_s2s.render.trust_picture import picture_lines, picture_title

PICTURE_WIDTH = 100
"""Characters: as wide as a block of code on GitHub."""
_SAFE_IN_CODE = re.compile(r"[^\\`|\s](?:[^\\`|]*[^\\`|\s])?")
"""No backtick, which ends a code span; neither pipe nor backslash, of which tables make their own sense."""
_PLAIN = re.compile(r"[^\W_](?:[^\W_]|[ ,;()-])*")
"""Words that mean nothing but themselves."""
_MARKUP = re.compile(r"[\\`*_\[\]<>&#|~@$^{}]|:(?=/)|(?<=mailto):|(?<=xmpp):|(?<=www)\.", re.IGNORECASE)
"""What marks text up within a line; the last four would make links of addresses."""


def write(report: StatusReport) -> str:
    """The document."""
    document = audit(report)
    lines = [f"# {prose(document.title)}", "", f"{prose(document.made)}.", ""]
    for section in document.sections:
        lines += _section(section)
    return "\n".join(lines).rstrip("\n") + "\n"


def prose(text: str) -> str:
    """A text in which nothing is markup."""
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", text)


def value(text: str) -> str:
    """A value in a cell of a table."""
    if not text or _PLAIN.fullmatch(text):
        return text
    return f"`{text}`" if _SAFE_IN_CODE.fullmatch(text) else prose(text)


def fenced(*lines: str) -> Iterator[str]:
    """Lines as they are: the fence is longer than any row of backticks in them."""
    longest = max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}text"
    yield from lines
    yield fence


def _section(section: AuditSection) -> Iterator[str]:
    yield f"## {prose(section.title)}"
    yield ""
    yield f"**{prose(section.verdict)}**"
    yield ""
    if section.picture is not None:
        yield f"{prose(picture_title(section.picture))}:"
        yield ""
        yield from fenced(*(line.plain.rstrip() for line in picture_lines(section.picture, PICTURE_WIDTH)))
        yield ""
    for finding in section.findings:
        yield from _finding(finding)
    for table in section.tables:
        yield from _table(table)


def _finding(finding: AuditFinding) -> Iterator[str]:
    yield f"**{finding.severity}:** {prose(finding.message)}"
    yield ""
    yield from fenced(finding.remedy)
    yield ""


def _table(table: AuditTable) -> Iterator[str]:
    yield f"### {table.title}"
    yield ""
    if table.rows:
        yield f"| {' | '.join(table.head)} |"
        yield f"|{' --- |' * len(table.head)}"
        for row in table.rows:
            yield f"| {' | '.join(map(value, row))} |"
    else:
        yield table.empty
    yield ""
