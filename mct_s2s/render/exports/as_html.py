"""`status -o html`: one page that needs nothing beside it, follows the reader's light or dark, and prints."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

from mct_s2s.planning.reports.status_report import StatusReport
from mct_s2s.render.exports.audit import AuditFinding, AuditSection, AuditTable, audit
from mct_s2s.render.exports.markup import SVG, add, characters, document, rules
from mct_s2s.render.exports.svg_picture import WIDTH, described, draw, style_rules

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Nothing is loaded and nothing is run, whatever should have become part of the page."""


def write(report: StatusReport) -> str:
    """The page."""
    content = audit(report)
    root = Element("html", {"lang": "en"})
    head, body = add(root, "head"), add(root, "body")
    SubElement(head, "meta", {"charset": "utf-8"})
    SubElement(head, "meta", {"http-equiv": "Content-Security-Policy", "content": POLICY})
    SubElement(head, "meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"})
    add(head, "title", content.title)
    SubElement(head, "style").text = f"\n{_style()}"
    add(body, "h1", content.title)
    add(body, "p", f"{content.made}.", class_="quiet")
    for number, section in enumerate(content.sections):
        _section(add(body, "section"), section, number)
    return "<!DOCTYPE html>\n" + document(root, "html")


def _section(parent: Element, section: AuditSection, number: int) -> None:
    add(parent, "h2", section.title)
    add(parent, "p", section.verdict, class_="good" if section.is_good else "bad")
    if section.picture is not None:
        drawing = add(parent, "svg", xmlns=SVG, role="img", aria_label=described(section.picture))
        height = draw(drawing, section.picture, number)
        drawing.set("viewBox", f"-1 -1 {WIDTH + 2:.0f} {height + 2:.0f}")
    for finding in section.findings:
        _finding(parent, finding)
    for table in section.tables:
        _table(parent, table)


def _finding(parent: Element, finding: AuditFinding) -> None:
    line = add(parent, "p")
    severity = add(line, "strong", f"{finding.severity}: ", class_="bad" if finding.severity == "error" else "warn")
    severity.tail = characters(finding.message)
    add(add(parent, "pre"), "code", finding.remedy)


def _table(parent: Element, table: AuditTable) -> None:
    add(parent, "h3", table.title)
    if not table.rows:
        add(parent, "p", table.empty)
        return
    made = add(add(parent, "div", class_="wide"), "table")
    row = add(add(made, "thead"), "tr")
    for name in table.head:
        add(row, "th", name, scope="col")
    body = add(made, "tbody")
    for cells in table.rows:
        row = add(body, "tr")
        for cell in cells:
            add(row, "td", cell)


def _style() -> str:
    light, dark = ("; ".join(f"--{role}: {rules(role)[at]}" for role in _ROLES) for at in (0, 1))
    return (
        f":root {{ color-scheme: light dark; {light} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n{_RULES}{style_rules('svg ')}"
    )


_ROLES = ("paper", "box", "ink", "quiet", "line", "good", "warn", "bad")
_RULES = """\
body { background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto;
  max-width: 72rem; padding: 0 1rem }
h1, h2, h3 { line-height: 1.25; overflow-wrap: anywhere }
section { border-top: 1px solid var(--line); margin-top: 2rem }
svg { display: block; height: auto; margin: 1rem 0; width: 100% }
table { border-collapse: collapse; font-size: 0.9rem }
td, th { border-bottom: 1px solid var(--line); overflow-wrap: anywhere; padding: 0.25rem 1rem 0.25rem 0;
  text-align: left; vertical-align: top }
pre { background: var(--box); border: 1px solid var(--line); border-radius: 6px; overflow-wrap: anywhere;
  padding: 0.5rem; white-space: pre-wrap }
.wide { overflow-x: auto }
.quiet { color: var(--quiet) }
.good { color: var(--good) }
.warn { color: var(--warn) }
.bad { color: var(--bad) }
@media print { body { margin: 0; max-width: none } section { break-inside: auto } tr, pre { break-inside: avoid } }
"""
