"""What `doctor` found, for people and for programs."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rich.text import Text

from mct_s2s.errors import Instruction, MissingRight
from mct_s2s.model.caller_rights import Verdict
from mct_s2s.model.commands import own_command
from mct_s2s.planning.permissions.doctor import EXISTING, SIGNED_IN, DoctorCheck, Seen, forecast, is_ready
from mct_s2s.planning.permissions.preflight import way_out
from mct_s2s.planning.permissions.rights import asked_for
from mct_s2s.render.console import DONE, FAILED, UNKNOWN, Terminal
from mct_s2s.render.manual_steps import show_manual_steps

_SIGNS = {Verdict.YES: DONE, Verdict.UNKNOWN: UNKNOWN, Verdict.NO: FAILED}


def doctor_result(seen: Seen, checks: Sequence[DoctorCheck]) -> dict[str, Any]:
    return {
        "ready": is_ready(checks),
        "setup": forecast(checks),
        "caller": seen.access.signed_in,
        "tenant": seen.observed.tenant,
        "checks": checks,
        "manual_steps": _manual_steps(checks, Verdict.NO),
    }


def show_checks(terminal: Terminal, checks: Sequence[DoctorCheck], where: str, more: Sequence[str] = ()) -> None:
    for verdict, sign in _SIGNS.items():
        for check in checks:
            if check.state is verdict:
                terminal.result(Text.assemble(sign, check.message))
    for title, verdict in (("Not checked", Verdict.UNKNOWN), ("To do", Verdict.NO)):
        if steps := _manual_steps(checks, verdict):
            terminal.result()
            terminal.result(f"{title}:")
            show_manual_steps(terminal.out, steps)
    terminal.result()
    if forecast(checks) == "runs":
        unknown = sum(check.state is Verdict.UNKNOWN for check in checks)
        checked = f"No check failed. {unknown} could not be made: the real request decides."
        if is_ready(checks):
            terminal.result(checked if unknown else "All checks passed.", style="good")
        terminal.result("Preview the changes:")
        preview = own_command("setup", "--client", "NAME", *more, "--dry-run", where=where)
        terminal.result(preview, "command")
        return
    stops, ways = forecast(checks) == "stops", way_out(_lacking(checks, Verdict.NO))
    end = "stops before it changes anything" if stops else "does the rest and lists these steps for someone else"
    terminal.result(f"Until then, setup {end}.", style="bad")
    if stops and ways and all(check.subject != EXISTING for check in checks):  # else it is refused in any case
        terminal.result(ways)


def _manual_steps(checks: Sequence[DoctorCheck], verdict: Verdict) -> list[Instruction]:
    """What to do where no grant helps; what someone has to grant, and what the caller does after that."""
    found = [check for check in checks if check.state is verdict]
    steps = [replace(step, what=f"{check.message} {step.what}") for check in found for step in check.steps]
    if grants := asked_for(_lacking(checks, verdict)):
        steps += [*grants, *(step for check in checks if check.code == SIGNED_IN for step in check.steps)]
    return steps


def _lacking(checks: Sequence[DoctorCheck], verdict: Verdict) -> list[MissingRight]:
    return [one for check in checks if check.state is verdict for one in check.missing]
