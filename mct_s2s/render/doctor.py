"""What `doctor` found, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from mct_s2s.model.commands import own_command
from mct_s2s.planning.permissions.doctor import (
    READ_SITE,
    SIGNED_IN,
    DoctorCheck,
    Forecast,
    Seen,
    State,
    forecast,
    is_ready,
    missing_codes,
    missing_grants,
)
from mct_s2s.planning.permissions.rights import Right
from mct_s2s.planning.registrations.ownership import NOT_OURS, SERVICE_NOT_OURS
from mct_s2s.render.console import Terminal, one_line, prose
from mct_s2s.render.manual_steps import Instruction, grants_to_ask_for, manual_steps_document, show_manual_steps
from mct_s2s.render.plan_markdown import listed, manual_items, text

_SIGNS = {State.OK: ("✓", "good"), State.MISSING: ("✗", "bad"), State.UNKNOWN: ("?", "warn")}
_WIDEST_AREA = 24
"""Columns: an App Service's name may have 60 characters, and what follows it needs room on 80 columns."""
_NEW_CLIENT = ("--client", "NAME")
_REGISTRATIONS = frozenset(
    right.code for right in (Right.CREATE_APPLICATION, Right.CHANGE_APPLICATION, Right.CREATE_PRINCIPAL)
)
_SETTINGS = frozenset({READ_SITE, Right.READ_SETTINGS.code, Right.WRITE_SETTINGS.code, Right.RESTART.code})


def doctor_document(seen: Seen, checks: tuple[DoctorCheck, ...]) -> dict[str, Any]:
    """`mct-s2s/doctor/v1`."""
    rights = seen.access.directory
    kind = {True: "person", False: "servicePrincipal", None: None}[rights.is_person if rights else None]
    return {
        "schema": "mct-s2s/doctor/v1",
        "ready": is_ready(checks),
        "setup": forecast(checks).value,
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
        "manualSteps": manual_steps_document(manual_steps(checks)),
    }


def show_checks(
    terminal: Terminal,
    checks: Sequence[DoctorCheck],
    where: str,
    more: Sequence[str] = (),
) -> None:
    """A line for each check; then what someone else has to grant or do, with what they run.

    Args:
        more: further options with which `setup` does no more than was checked, and is not refused.
    """
    column = min(max((cell_len(one_line(check.area).plain) for check in checks), default=0), _WIDEST_AREA)
    for check in checks:
        if check.state is State.OK:
            _show_line(terminal, check, column)
    for state in (State.UNKNOWN, State.MISSING):
        for check in checks:
            if check.state is state:
                _show_line(terminal, check, column)
    for title, state in (("If it is refused:", State.UNKNOWN), ("To do:", State.MISSING)):
        if steps := manual_steps(checks, state):
            terminal.result()
            terminal.result(title)
            show_manual_steps(terminal.out, steps)
    terminal.result()
    _show_outlook(terminal, checks, where, more)


def doctor_markdown(checks: Sequence[DoctorCheck], label: str) -> Iterator[str]:
    """The checks that failed or could not be made, and what someone else has to do: to be sent to an administrator."""
    yield f"# Permissions for {text(label)}"
    for title, state in (("Missing", State.MISSING), ("If it is refused", State.UNKNOWN)):
        if steps := manual_steps(checks, state):
            yield from ("", f"## {title}")
            yield from listed(manual_items(steps))
    if is_ready(checks):
        yield from ("", "Nothing is missing.")


def manual_steps(checks: Sequence[DoctorCheck], state: State = State.MISSING) -> list[Instruction]:
    """What someone has to grant, or to do where no grant helps; then what makes a grant count."""
    found = [check for check in checks if check.state is state]
    rest = (check for check in found if not check.lacks and check.advice)
    grants = grants_to_ask_for(lack for check in found for lack in check.lacks)
    is_last = state is State.MISSING or is_ready(checks)
    after = (check for check in checks if check.code == SIGNED_IN and check.advice and grants and is_last)
    return [
        *(Instruction(f"{check.message} {check.advice}", check.command) for check in rest),
        *grants,
        *(Instruction(check.advice, check.command) for check in after),
    ]


def _show_line(terminal: Terminal, check: DoctorCheck, column: int) -> None:
    sign, style = _SIGNS[check.state]
    area = one_line(check.area).plain
    padded = set_cell_size(area, column) if cell_len(area) <= column else area
    prose(terminal.out, Text.assemble((sign, style), f" {padded}  {one_line(check.short).plain}"), indent=column + 4)


def _show_command(terminal: Terminal, text: str) -> None:
    if text:
        terminal.result(Text(text, style="command"))


def _show_outlook(terminal: Terminal, checks: Sequence[DoctorCheck], where: str, more: Sequence[str]) -> None:
    outlook = forecast(checks)
    if outlook is Forecast.RUNS:
        unknown = sum(check.state is State.UNKNOWN for check in checks)
        checked = f"No check failed. {unknown} could not be made: the real request decides."
        if is_ready(checks):
            terminal.result(Text(checked if unknown else "All checks passed.", style="good"))
        terminal.result("Preview the changes:")
        _show_command(terminal, own_command("setup", *_NEW_CLIENT, *more, "--dry-run", where=where))
        return
    stops = outlook is Forecast.STOPS
    end = "stops before it changes anything" if stops else "does the rest and lists these steps for someone else"
    prose(terminal.out, Text(f"{_count_missing(checks)} setup {end}.", style="bad"))
    if stops:
        is_doubtful = any(
            check.code in {NOT_OURS, SERVICE_NOT_OURS} for check in checks
        )  # setup refuses it for the directory alone
        for said, way in () if is_doubtful else _ways_on(missing_codes(checks), where, more):
            prose(terminal.out, said)
            _show_command(terminal, way)


def _count_missing(checks: Sequence[DoctorCheck]) -> str:
    """`2 grants are missing. Without them`, or what it is where something else is in the way."""
    grants = len(missing_grants(checks))
    others = sum(check.state is State.MISSING and not check.grants for check in checks)
    words = [f"{grants} grant{'s are' if grants > 1 else ' is'} missing"] if grants else []
    words += [f"{others} check{'s' if others > 1 else ''} failed"] if others else []
    if others:
        until = "it passes" if others == 1 and not grants else "all is well"
        return f"{' and '.join(words)}. Until {until},"
    return f"{words[0]}. Without {'them' if grants > 1 else 'it'}"


def _ways_on(missing: frozenset[str], where: str, more: Sequence[str]) -> Iterator[tuple[str, str]]:
    """How a caller who lacks only one side's rights gets the rest done: what it says, and the command."""
    alone = [word for word in more if word != "--no-app-service"]
    words = (*_NEW_CLIENT, *alone, "--no-app-service", "--handoff", "handoff.json")
    directory_part = own_command("setup", *words, where=where)
    if missing <= _SETTINGS | {Right.CONSENT.code} and "--no-app-service" not in more:
        yield "Or let the App Service's administrator write the settings:", directory_part
    elif missing <= _REGISTRATIONS | {Right.CONSENT.code}:
        yield "Or let someone who can create app registrations run:", directory_part
        if "--no-app-service" not in more:
            yield "and then run:", own_command("configure-appservice", "--from", "handoff.json", where=where)
