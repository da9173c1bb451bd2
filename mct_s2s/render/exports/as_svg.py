"""`status -o svg`: one page with the drawing of each trust and everything else below it as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element, SubElement

from rich.console import RenderableType
from rich.text import Text

from mct_s2s.planning.reports.status_report import StatusReport
from mct_s2s.render.columns import Columns
from mct_s2s.render.console import LineConsole
from mct_s2s.render.exports.audit import AuditFinding, AuditReport, AuditSection, AuditTable, audit
from mct_s2s.render.exports.markup import SVG, add, document
from mct_s2s.render.exports.svg_picture import CHARACTER, LINE, WIDTH, described, draw, style_rules
from mct_s2s.render.fixed_width import folded

MARGIN = 24.0
ROOM = int(WIDTH / CHARACTER)
"""Characters of a line of text."""
PRESERVE = {"{http://www.w3.org/XML/1998/namespace}space": "preserve"}

Lines = Sequence[tuple[str, str]]
"""Text with its class."""


def write(report: StatusReport) -> str:
    """The document."""
    content = audit(report)
    root = Element("svg", {"xmlns": SVG, "role": "img"})
    add(root, "title", content.title)
    add(root, "desc", _description(content))
    SubElement(root, "style").text = f"\n{style_rules()}"
    paper = add(root, "rect", class_="paper")
    page = add(root, "g", transform=f"translate({MARGIN:g} {MARGIN:g})")
    height = _draw(page, content) + 2 * MARGIN
    width = WIDTH + 2 * MARGIN
    root.attrib |= {"viewBox": f"0 0 {width:.0f} {height:.0f}", "width": f"{width:.0f}", "height": f"{height:.0f}"}
    paper.attrib |= {"width": f"{width:.0f}", "height": f"{height:.0f}"}
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + document(root, "xml")


def _description(content: AuditReport) -> str:
    pictures = (described(one.picture) for one in content.sections if one.picture is not None)
    return " ".join([f"{content.made}.", *pictures])


def _draw(page: Element, content: AuditReport) -> float:
    y = _text(page, [(content.title, "ink strong"), (content.made, "quiet")], 0.0)
    for number, section in enumerate(content.sections):
        y = _text(page, [("", "ink"), *_head(section)], y) + LINE / 2
        if section.picture is not None:
            drawing = add(page, "g", transform=f"translate(0 {y:g})")
            y += draw(drawing, section.picture, number) + LINE
        y = _text(page, list(_body(section)), y)
    return y


def _text(page: Element, lines: Lines, y: float) -> float:
    for text, style in lines:
        y += LINE
        if text.strip():
            add(page, "text", text, class_=style, x=0.0, y=y).attrib |= PRESERVE
    return y


def _head(section: AuditSection) -> Iterator[tuple[str, str]]:
    yield from _wrapped(section.title, "ink strong")
    yield from _wrapped(section.verdict, "good" if section.is_good else "bad")


def _body(section: AuditSection) -> Iterator[tuple[str, str]]:
    for finding in section.findings:
        yield from _finding(finding)
    for table in section.tables:
        yield "", "ink"
        yield table.title, "ink strong"
        lines = _lines(_columns(table)) if table.rows else [table.empty]
        yield lines[0], "quiet"
        yield from ((line, "ink") for line in lines[1:])


def _finding(finding: AuditFinding) -> Iterator[tuple[str, str]]:
    yield from _wrapped(f"{finding.severity}: {finding.message}", "bad" if finding.severity == "error" else "warn")
    yield from _wrapped(f"    {finding.remedy}", "ink")


def _columns(table: AuditTable) -> Columns:
    columns = Columns(table.head)
    for row in table.rows:
        columns.add(*row)
    return columns


def _lines(renderable: RenderableType) -> list[str]:
    console = LineConsole(width=ROOM, color_system=None, force_terminal=False, highlight=False, markup=False)
    with console.capture() as captured:
        console.print(renderable)
    return captured.get().splitlines()


def _wrapped(text: str, style: str) -> Iterator[tuple[str, str]]:
    yield from ((line.plain, style) for line in folded(Text(text), ROOM))
