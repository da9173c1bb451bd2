"""What `doctor` found, for people."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rich.text import Text

from mct_s2s.errors import Instruction
from mct_s2s.model.caller_rights import Verdict
from mct_s2s.model.commands import own_command
from mct_s2s.plain_text import counted
from mct_s2s.planning.permissions.doctor import (
    EXISTING,
    PENDING,
    DoctorCheck,
    SetupForecast,
    SiteChecks,
    forecast,
    is_ready,
    missing_rights_of,
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
    """A line for each ready site, what the others lack, each step once, and a total.

    What could not be checked is said once for all sites.
    """
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
    _show_unknown(terminal, sites)
    everything = [
        _naming(site.title, check) if check.code == Right.READ_SITE.value.code else check
        for site in others
        for check in _without_vain_apply(site.checks)
    ]
    _show_to_do(terminal, "To do", everything, Verdict.NO)
    show_unread(terminal, failed, ())
    terminal.result()
    confirmed = [site for site in ready if _count_unknown(site.checks) == 0]
    counts = (
        (len(confirmed), "ready"),
        (len(ready) - len(confirmed), "ready as far as could be checked"),
        (len(others), "not ready"),
        (len(failed), "not read"),
    )
    total = ", ".join(f"{count} {what}" for count, what in counts if count)
    style = "bad" if others or failed else "good"
    terminal.result(f"{counted(len(sites) + len(failed), 'site')}: {total}.", style=style)
    if any(not site.is_up_to_date for site in ready):
        terminal.result("Preview the changes:")
        terminal.result(f"{setting_up} --dry-run", "command")


def _show_unknown(terminal: Terminal, sites: Sequence[SiteChecks]) -> None:
    """Name what could not be checked, each with the sites where it is the same; and who grants it.

    Where that is at all of them, they are not named.
    """
    titles_by_message = defaultdict[str, list[str]](list)
    for site in sites:
        for check in site.checks:
            if check.state is Verdict.UNKNOWN:
                titles_by_message[check.message].append(site.title)
    if titles_by_message:
        terminal.result()
    for message, titles in titles_by_message.items():
        where = f"{', '.join(titles)}: " if len(titles) < len(sites) else ""
        terminal.result(Text.assemble(UNKNOWN, f"{where}{message}"))
    everything = [check for site in sites for check in site.checks]
    _show_to_do(terminal, "Not checked", everything, Verdict.UNKNOWN)


def _without_vain_apply(checks: Sequence[DoctorCheck]) -> Sequence[DoctorCheck]:
    """The checks without the advice to complete a setup that would be refused.

    Where a right could not be checked, the advice says that it takes it.
    """
    others = [check for check in checks if check.code != PENDING]
    if forecast(checks) is not SetupForecast.RUNS:
        return others
    if not missing_rights_of(checks, Verdict.UNKNOWN):
        return checks
    pending = [check for check in checks if check.code == PENDING]
    return [*others, *map(_on_condition, pending)]


def _on_condition(check: DoctorCheck) -> DoctorCheck:
    condition = ", if you may do what could not be checked:"
    steps = (replace(step, what=step.what.removesuffix(":") + condition) for step in check.steps)
    return replace(check, steps=tuple(steps))


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


def _count_unknown(checks: Sequence[DoctorCheck]) -> int:
    return sum(check.state is Verdict.UNKNOWN for check in checks)


def _passed(checks: Sequence[DoctorCheck]) -> str:
    unknown = _count_unknown(checks)
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
        # What completes a setup needs no other client.
        is_pending = any(check.code == PENDING for check in checks)
        example = [] if is_pending else ["--client", "Import"]
        preview = own_command("setup", *example, *more, "--dry-run", where=where)
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
