"""`status -o ics`: a calendar with an event, and alarms before it, for each credential that ends (RFC 5545).

All times are in UTC, and nothing repeats: what is needed of the format is below. A calendar that is imported again
updates its events, as each keeps its UID.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from mct_s2s.plain_text import plain
from mct_s2s.planning.reports.status_report import EndingCredential, StatusReport

LONGEST_LINE = 75
"""Octets of a line without its end; RFC 5545, section 3.1."""
LAST_CALL = timedelta(days=7)
"""A second alarm so long before the end, where the first is earlier."""
END = "\r\n"


def write(report: StatusReport) -> str:
    """The calendar."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//mct-s2s//mct-s2s//EN", "CALSCALE:GREGORIAN"]
    lines += ["METHOD:PUBLISH", "X-WR-CALNAME:MCT credentials", "REFRESH-INTERVAL;VALUE=DURATION:P1D"]
    for one in report.ending():
        lines += _event(one, report)
    return "".join(folded(line) + END for line in [*lines, "END:VCALENDAR"])


def _event(one: EndingCredential, report: StatusReport) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{one.credential.key_id.casefold()}.{one.client_id.casefold()}@mct-s2s"
    yield f"DTSTAMP:{_utc(report.now)}"
    yield f"LAST-MODIFIED:{_utc(report.now)}"
    yield f"DTSTART:{_utc(one.expires)}"
    yield f"SUMMARY:{text(_summary(one))}"
    yield f"DESCRIPTION:{text(*_details(one), 'To replace it, run:', one.command)}"
    yield "TRANSP:TRANSPARENT"
    if one.expires > report.now:
        for before in sorted({report.within, min(LAST_CALL, report.within)}, reverse=True):
            yield from _alarm(one, before)
    yield "END:VEVENT"


def _alarm(one: EndingCredential, before: timedelta) -> Iterator[str]:
    yield "BEGIN:VALARM"
    yield "ACTION:DISPLAY"
    yield f"TRIGGER:{_before(before)}"
    yield f"DESCRIPTION:{text(f'{_summary(one)}. Run: {one.command}')}"
    yield "END:VALARM"


def _summary(one: EndingCredential) -> str:
    return f"{one.credential.kind.noun.capitalize()} of {one.client} expires ({', '.join(one.sites)})"


def _details(one: EndingCredential) -> Iterator[str]:
    yield f"{one.credential.kind.noun.capitalize()} of '{one.client}', expires {one.expires:%Y-%m-%d %H:%M} UTC."
    yield f"App ID: {one.client_id}"
    yield f"Credential: {one.credential.name or one.credential.key_id} ({one.credential.key_id})"


def _before(length: timedelta) -> str:
    """A negative duration in whole days, or else in minutes; RFC 5545, section 3.3.6."""
    days, rest = divmod(length, timedelta(days=1))
    return f"-PT{int(length.total_seconds()) // 60}M" if rest or not days else f"-P{days}D"


def text(*lines: str) -> str:
    """A value of type TEXT: a line each; RFC 5545, section 3.3.11."""
    escaped = (plain(line).replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,") for line in lines)
    return "\\n".join(escaped)


def folded(line: str) -> str:
    """A line in pieces of at most `LONGEST_LINE` octets, which no character is divided by; RFC 5545, section 3.1."""
    pieces, size = [""], 0
    for character in line:
        length = len(character.encode(errors="replace"))
        if size + length > LONGEST_LINE:
            pieces.append(" ")
            size = 1
        pieces[-1] += character
        size += length
    return END.join(pieces)


def _utc(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%SZ}"
