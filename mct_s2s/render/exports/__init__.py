"""`status` for spreadsheets, calendars and auditors. Nothing secret is in any format.

Each module makes one format of a `StatusReport`. What comes from Azure is data: `plain_text.plain` makes it one line
of characters that are shown, and each format escapes what would mean something in it.
"""

from __future__ import annotations

from importlib import import_module

from mct_s2s.planning.reports.status_report import StatusReport

FORMATS = ("csv", "ics", "markdown")
"""Each is the module `as_FORMAT` with a function `write`, imported when it is asked for."""


def exported(report: StatusReport, name: str) -> str:
    """The report in one of `FORMATS`, with the line ends that the format demands."""
    text: str = import_module(f"{__name__}.as_{name}").write(report)
    return text
