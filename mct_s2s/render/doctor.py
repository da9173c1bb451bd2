"""What `doctor` found, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

from mct_s2s.model.caller_rights import Verdict
from mct_s2s.model.commands import own_command
from mct_s2s.planning.ownership import NOT_OURS, SERVICE_NOT_OURS
from mct_s2s.planning.permissions.doctor import SIGNED_IN, DoctorCheck, Seen, forecast, is_ready
from mct_s2s.planning.permissions.preflight import way_out
from mct_s2s.render.console import Terminal, prose
from mct_s2s.render.manual_steps import Instruction, grants_to_ask_for, show_manual_steps
from mct_s2s.render.markdown import listed, text

_SIGNS = {Verdict.YES: ("✓", "good"), Verdict.UNKNOWN: ("?", "warn"), Verdict.NO: ("✗", "bad")}
_STATES = {Verdict.YES: "ok", Verdict.UNKNOWN: "unknown", Verdict.NO: "missing"}


def doctor_result(seen: Seen, checks: Sequence[DoctorCheck]) -> dict[str, Any]:
    """What `mct-s2s/doctor/v1` is made of."""
    rights = seen.access.directory
    caller = rights.caller
    return {
        "ready": is_ready(checks),
        "setup": forecast(checks),
        "caller": {
            "kind": {True: "person", False: "servicePrincipal", None: None}[rights.is_person],
            "name": caller.name if caller else None,
            "id": caller.id if caller else None,
            "app_id": rights.signed_in.client_id,
            "method": rights.signed_in.description,
        },
        "tenant": seen.observed.tenant,
        "checks": [
            {
                "code": check.code,
                "state": _STATES[check.verdict],
                "subject": check.subject,
                "message": check.message,
                "remedy": " ".join(filter(None, (check.advice, check.command))),
            }
            for check in checks
        ],
        "manual_steps": manual_steps(checks),
    }


def show_checks(terminal: Terminal, checks: Sequence[DoctorCheck], where: str, more: Sequence[str] = ()) -> None:
    """A line for each check; what someone else has to grant or do, with what they run; then what `setup` does.

    Args:
        more: further options with which `setup` does no more than was checked, and is not refused.
    """
    for verdict, sign in _SIGNS.items():
        for check in checks:
            if check.verdict is verdict:
                prose(terminal.out, Text.assemble(sign, f" {check.message}"), indent=2)
    for title, steps in _sections(checks):
        terminal.result()
        terminal.result(f"{title}:")
        show_manual_steps(terminal.out, steps)
    terminal.result()
    if forecast(checks) == "runs":
        unknown = sum(check.verdict is Verdict.UNKNOWN for check in checks)
        checked = f"No check failed. {unknown} could not be made: the real request decides."
        if is_ready(checks):
            terminal.result(checked if unknown else "All checks passed.", style="good")
        terminal.result("Preview the changes:")
        preview = own_command("setup", "--client", "NAME", *more, "--dry-run", where=where)
        terminal.result(Text(preview, style="command"))
        return
    lacking = [one for check in checks if check.verdict is Verdict.NO for one in check.missing]
    stops, ways = forecast(checks) == "stops", way_out(lacking)
    end = "stops before it changes anything" if stops else "does the rest and lists these steps for someone else"
    terminal.result(f"Until then, setup {end}.", style="bad")
    refused_in_any_case = any(check.code in {NOT_OURS, SERVICE_NOT_OURS} for check in checks)  # by the directory alone
    if stops and ways and not refused_in_any_case:
        terminal.result(ways)


def doctor_markdown(checks: Sequence[DoctorCheck], label: str) -> Iterator[str]:
    """The checks that failed or could not be made, and what someone else has to do: to be sent to an administrator."""
    yield f"# Permissions for {text(label)}"
    for title, steps in _sections(checks):
        yield from ("", f"## {title}")
        yield from listed((step.sentence, step.command) for step in steps)
    if is_ready(checks):
        yield from ("", "Nothing is missing.")


def manual_steps(checks: Sequence[DoctorCheck], verdict: Verdict = Verdict.NO) -> list[Instruction]:
    """What someone has to grant, or to do where no grant helps; then what makes a grant count."""
    found = [check for check in checks if check.verdict is verdict]
    rest = (check for check in found if not check.missing and check.advice)
    grants = grants_to_ask_for(one for check in found for one in check.missing)
    is_last = verdict is Verdict.NO or is_ready(checks)
    after = (check for check in checks if check.code == SIGNED_IN and check.advice and grants and is_last)
    return [
        *(Instruction(f"{check.message} {check.advice}", check.command) for check in rest),
        *grants,
        *(Instruction(check.advice, check.command) for check in after),
    ]


def _sections(checks: Sequence[DoctorCheck]) -> Iterator[tuple[str, list[Instruction]]]:
    for title, verdict in (("If it is refused", Verdict.UNKNOWN), ("To do", Verdict.NO)):
        if steps := manual_steps(checks, verdict):
            yield title, steps
