"""What is wrong, for a person: findings with the command that fixes them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from rich.text import Text

from mct_s2s.planning.reports.findings import Finding, Severity
from mct_s2s.render.console import Terminal, prose

SEVERITY_STYLE = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.NOTE: "quiet"}


def show_findings(terminal: Terminal, findings: Iterable[Finding]) -> None:
    """Print each finding, and once the command of those that one command fixes."""
    for remedy, fixed in groupby(findings, lambda one: one.remedy):
        for finding in fixed:
            style = SEVERITY_STYLE[finding.severity]
            prose(terminal.out, Text.assemble((f"{finding.severity.value}: ", style), finding.message), indent=2)
        terminal.result(Text.assemble("  → ", (remedy, "command")))
