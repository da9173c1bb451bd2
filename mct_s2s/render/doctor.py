"""What `doctor` found, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from mct_s2s.model.commands import own_command
from mct_s2s.planning.permissions.doctor import (
    READ_SITE,
    DoctorCheck,
    Forecast,
    Seen,
    State,
    forecast,
    is_ready,
    missing_codes,
    missing_grants,
    missing_of,
)
from mct_s2s.planning.permissions.grants import Grant, all_commands, least
from mct_s2s.planning.permissions.rights import Right
from mct_s2s.planning.registrations.custody import CODE as NOT_OURS
from mct_s2s.render.console import Terminal, one_line, prose

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
        "missing": [
            {"step": row.step, "right": row.right, "who": row.who, "command": row.command or None}
            for row in missing_of(checks)
        ],
    }


def show_checks(
    terminal: Terminal,
    checks: Sequence[DoctorCheck],
    where: str,
    more: Sequence[str] = (),
) -> None:
    """A line for each check; those that need something are gathered by who can grant it, with what they run.

    Args:
        terminal: the streams.
        checks: what was found.
        where: the options that name the App Service.
        more: further options with which `setup` does no more than was checked, and is not refused.
    """
    column = min(max((cell_len(one_line(check.area).plain) for check in checks), default=0), _WIDEST_AREA)
    for check in checks:
        if check.state is State.OK:
            _show_line(terminal, check, column)
    for state in (State.UNKNOWN, State.MISSING):
        for group in _by_remedy(check for check in checks if check.state is state):
            for check in group:
                _show_line(terminal, check, column)
            _show_remedy(terminal, group)
    terminal.result()
    _show_outlook(terminal, checks, where, more)


def _by_remedy(checks: Iterable[DoctorCheck]) -> list[list[DoctorCheck]]:
    """Checks that the same people can help with are together; one that needs no grant is alone."""
    groups: dict[object, list[DoctorCheck]] = {}
    for at, check in enumerate(checks):
        who = tuple(dict.fromkeys(grant.who for grant in check.grants))
        groups.setdefault(who or at, []).append(check)
    return list(groups.values())


def _show_line(terminal: Terminal, check: DoctorCheck, column: int) -> None:
    sign, style = _SIGNS[check.state]
    area = one_line(check.area).plain
    padded = set_cell_size(area, column) if cell_len(area) <= column else area
    prose(terminal.out, Text.assemble((sign, style), f" {padded}  {one_line(check.short).plain}"), indent=column + 4)


def _show_remedy(terminal: Terminal, group: Sequence[DoctorCheck]) -> None:
    """Whom to ask, and each command on a line of its own, which is not folded, so that it can be pasted."""
    grants = least(grant for check in group for grant in check.grants)
    is_sure = group[0].state is State.MISSING
    for who in dict.fromkeys(grant.who for grant in grants):
        theirs = [grant for grant in grants if grant.who == who]
        _show_request(terminal, who, theirs, is_sure=is_sure)
    if not grants and group[0].advice:
        prose(terminal.out, Text(f"    {group[0].advice}"), indent=4)
        _show_command(terminal, group[0].command)


def _show_request(terminal: Terminal, who: str, grants: Sequence[Grant], *, is_sure: bool) -> None:
    commands = all_commands(grants)
    for grant in grants:
        if not grant.commands:
            _show_sentence(terminal, grant.request, is_sure=is_sure)
    if commands:
        rights = ", ".join(dict.fromkeys(grant.right for grant in grants if grant.commands))
        _show_sentence(terminal, f"ask {who} to run", is_sure=is_sure, needed=rights)
    for one in commands:
        _show_command(terminal, one)


def _show_sentence(terminal: Terminal, request: str, *, is_sure: bool, needed: str = "") -> None:
    sentence = f"{request[:1].upper()}{request[1:]}" if is_sure else f"If it is refused, {request}"
    ending = f" (for {needed}):" if needed else "."
    prose(terminal.out, Text(f"    {sentence}{ending}"), indent=4)


def _show_command(terminal: Terminal, text: str) -> None:
    if text:
        terminal.result(Text(text, style="command"))


def _show_outlook(terminal: Terminal, checks: Sequence[DoctorCheck], where: str, more: Sequence[str]) -> None:
    outlook = forecast(checks)
    if outlook is Forecast.RUNS:
        unknown = sum(check.state is State.UNKNOWN for check in checks)
        checked = f"No check failed. {unknown} could not be made: the real request decides."
        terminal.result(Text(checked if unknown else "All checks passed.", style="good"))
        terminal.result("Preview the changes:")
        _show_command(terminal, own_command("setup", *_NEW_CLIENT, *more, "--dry-run", where=where))
        return
    stops = outlook is Forecast.STOPS
    end = "stops before it changes anything" if stops else "does the rest and lists these steps for someone else"
    prose(terminal.out, Text(f"{_count_missing(checks)} setup {end}.", style="bad"))
    if stops:
        is_doubtful = any(check.code == NOT_OURS for check in checks)  # setup refuses it for the directory alone
        for text, way in () if is_doubtful else _ways_on(missing_codes(checks), where, more):
            prose(terminal.out, text)
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
