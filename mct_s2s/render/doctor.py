"""What `doctor` found, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from mct_s2s.model.commands import command, own_command
from mct_s2s.planning.doctor import DoctorCheck, Seen, State, is_ready, may_be_left, missing_rights
from mct_s2s.planning.preflight import way_out
from mct_s2s.render.columns import Columns
from mct_s2s.render.console import Terminal

_SIGNS = {State.OK: ("✓", "good"), State.MISSING: ("✗", "bad"), State.UNKNOWN: ("?", "warn")}


def doctor_document(seen: Seen, checks: tuple[DoctorCheck, ...]) -> dict[str, Any]:
    """`mct-s2s/doctor/v1`."""
    rights = seen.access.directory
    kind = {True: "person", False: "servicePrincipal", None: None}[rights.is_person if rights else None]
    return {
        "schema": "mct-s2s/doctor/v1",
        "ready": is_ready(checks),
        "caller": {
            "kind": kind,
            "name": rights.name if rights else None,
            "id": rights.principal_id if rights else None,
            "appId": rights.signed_in.client_id if rights else None,
            "method": rights.signed_in.description if rights else None,
        },
        "tenant": {"id": seen.tenant.id, "name": seen.tenant.name} if seen.tenant else None,
        "checks": [
            {
                "code": check.code,
                "state": check.state.value,
                "subject": check.subject,
                "message": check.message,
                "remedy": check.remedy,
            }
            for check in checks
        ],
    }


def show_checks(terminal: Terminal, checks: Sequence[DoctorCheck], where: str, more: Sequence[str] = ()) -> None:
    """One line for each check, with whom to ask below those that need it, and what to do next.

    Args:
        terminal: the streams.
        checks: what was found.
        where: the options that name the App Service.
        more: further options with which `setup` does no more than was checked.
    """
    for check in checks:
        sign, style = _SIGNS[check.state]
        line = Columns([None, None], gap=1)
        line.add(Text(sign, style=style), check.message)
        terminal.out.print(line)
        _show_remedy(terminal, check)
    missing = sum(check.state is State.MISSING for check in checks)
    if missing:
        terminal.result(Text(f"{missing} of {len(checks)} checks failed.", style="bad"))
        _show_way_on(terminal, checks)
    else:
        terminal.result(Text("All checks passed.", style="good"))
        words = command("--client", "NAME", *more, "--dry-run")
        terminal.result(f"Preview the changes: {own_command('setup', where=where)} {words}")


def _show_way_on(terminal: Terminal, checks: Sequence[DoctorCheck]) -> None:
    if may_be_left(checks):
        terminal.result("Steps you can't do are skipped and listed for someone else.")
        return
    terminal.result("Until you have these permissions, mct-s2s setup stops before it changes anything.")
    other = way_out(missing_rights(checks))
    if other:
        terminal.result(other)


def _show_remedy(terminal: Terminal, check: DoctorCheck) -> None:
    """Whom to ask; what they type is on a line of its own, which is not folded, so that it can be pasted."""
    for grant in check.grants:
        request = f"{grant.request[:1].upper()}{grant.request[1:]}"
        if check.state is State.UNKNOWN:
            request = f"If it is refused, {grant.request}"
        terminal.result(f"  → {request}{'. They run:' if grant.command else '.'}")
        if grant.command:
            terminal.result(Text(grant.command, style="command"))
    if check.remedy is not None and not check.grants:
        terminal.result(Text.assemble("  → ", (check.remedy, "command")))
