"""What is wrong, for a person: each finding with the command that mends it."""

from __future__ import annotations

from rich.text import Text

from mct_s2s.planning.reports.findings import Finding, Severity, is_healthy
from mct_s2s.render.console import Terminal, prose

SEVERITY_STYLE = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.NOTE: "quiet"}


def show_findings(terminal: Terminal, findings: tuple[Finding, ...], title: str = "") -> None:
    """Each finding with the command that mends it, below a title where there is one."""
    if not findings:
        terminal.result("No problems found.", style="good")
        return
    terminal.result()
    if title:
        terminal.result(Text(title, style="head"))
    for finding in findings:
        style = SEVERITY_STYLE[finding.severity]
        prose(terminal.out, Text.assemble((f"{finding.severity.value}: ", style), finding.message), indent=2)
        terminal.result(Text.assemble("  → ", (finding.remedy, "command")))
    if is_healthy(findings):
        terminal.result("No problems found.", style="good")
