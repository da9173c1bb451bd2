"""What `doctor` found, for people."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rich.text import Text

from mct_s2s.errors import Instruction
from mct_s2s.model.caller_rights import Verdict
from mct_s2s.model.commands import own_command
from mct_s2s.plain_text import counted
from mct_s2s.planning.permissions.doctor import (
    EXISTING,
    DoctorCheck,
    SetupForecast,
    SiteChecks,
    forecast,
    is_ready,
    state_of,
    steps_to_take,
)
from mct_s2s.planning.permissions.rights import Right
from mct_s2s.planning.reports.status import UnreadSite
from mct_s2s.render.columns import Columns
from mct_s2s.render.console import DONE, FAILED, UNKNOWN, Terminal
from mct_s2s.render.manual_steps import show_manual_steps
from mct_s2s.render.status import show_unread

_SIGNS = {Verdict.YES: DONE, Verdict.UNKNOWN: UNKNOWN, Verdict.NO: FAILED}


def show_sites(
    terminal: Terminal, sites: Sequence[SiteChecks], failed: Sequence[UnreadSite], setting_up: str
) -> None:
    """A line for each ready site, what the others lack, each step once, and a total."""
    ready = [site for site in sites if site.is_ready]
    others = [site for site in sites if not site.is_ready]
    table = Columns()
    for site in ready:
        passed = " ".join(filter(None, (_passed(site.checks), state_of(site.seen))))
        table.add(Text.assemble(DONE, (site.title, "head")), passed)
    terminal.out.print(table)
    for site in others:
        terminal.result()
        terminal.result(f"Site {site.title}", "head")
        _show_messages(terminal, site.checks, Verdict.NO)
    everything = [
        _naming(site.title, check) if check.code == Right.READ_SITE.value.code else check
        for site in others
        for check in site.checks
    ]
    _show_to_do(terminal, "To do", everything, Verdict.NO)
    show_unread(terminal, failed, ())
    terminal.result()
    counts = ((len(ready), "ready"), (len(others), "not ready"), (len(failed), "not read"))
    total = ", ".join(f"{count} {what}" for count, what in counts if count)
    style = "bad" if others or failed else "good"
    terminal.result(f"{counted(len(sites) + len(failed), 'site')}: {total}.", style=style)
    if any(not site.is_up_to_date for site in ready):
        terminal.result("Preview the changes:")
        terminal.result(f"{setting_up} --dry-run", "command")


def failed_messages(
    checks_by_title: Mapping[str, Sequence[DoctorCheck]],
) -> dict[str, list[str]]:
    """What the failed checks of each App Service say; without those where none failed."""
    messages = {
        title: [check.message for check in checks if check.state is Verdict.NO]
        for title, checks in checks_by_title.items()
    }
    return {title: failed for title, failed in messages.items() if failed}


def _naming(title: str, check: DoctorCheck) -> DoctorCheck:
    """The check with its site in each step: they are listed apart from it."""
    steps = (replace(step, what=f"{title}: {step.what}") for step in check.steps)
    return replace(check, steps=tuple(steps))


def _passed(checks: Sequence[DoctorCheck]) -> str:
    unknown = sum(check.state is Verdict.UNKNOWN for check in checks)
    if not unknown:
        return "All checks passed."
    return f"No check failed. {unknown} could not be made: the real request decides."


def _show_messages(terminal: Terminal, checks: Sequence[DoctorCheck], verdict: Verdict) -> None:
    for check in checks:
        if check.state is verdict:
            terminal.result(Text.assemble(_SIGNS[verdict], check.message))


def _show_to_do(
    terminal: Terminal, title: str, checks: Sequence[DoctorCheck], verdict: Verdict
) -> None:
    if steps := steps_to_take(checks, verdict):
        terminal.result()
        terminal.result(f"{title}:")
        show_manual_steps(terminal.out, steps)


def show_checks(
    terminal: Terminal,
    checks: Sequence[DoctorCheck],
    where: str,
    more: Sequence[str] = (),
    ways_out: Sequence[Instruction] = (),
    state: str = "",
) -> None:
    """`ways_out`: how others do what this caller may not; `state`: see `state_of`."""
    for verdict in _SIGNS:
        _show_messages(terminal, checks, verdict)
    if state:
        terminal.result(state, style="warn")
    for title, verdict in (("Not checked", Verdict.UNKNOWN), ("To do", Verdict.NO)):
        _show_to_do(terminal, title, checks, verdict)
    terminal.result()
    expected = forecast(checks)
    if expected is SetupForecast.RUNS:
        if is_ready(checks):
            terminal.result(_passed(checks), style="good")
        terminal.result("Preview the changes:")
        preview = own_command("setup", "--client", "Import", *more, "--dry-run", where=where)
        terminal.result(preview, "command")
        return
    stops = expected is SetupForecast.STOPS
    end = (
        "stops before it changes anything"
        if stops
        else "does the rest and lists these steps for someone else"
    )
    terminal.result(f"Until then, setup {end}.", style="bad")
    # Else it is refused in any case
    is_refused = any(check.subject == EXISTING and check.state is Verdict.NO for check in checks)
    if stops and not is_refused:
        show_manual_steps(terminal.out, ways_out)
