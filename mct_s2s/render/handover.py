"""What is left to somebody else: the command that they type, the page that they open, the values that they enter."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.text import Text

from mct_s2s.model.commands import own_command, webapp_command
from mct_s2s.model.observed import Observed
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import (
    APPLICATION_IDS,
    AUDIENCE,
    ENABLED,
    OBJECT_IDS,
    ROLE,
    TENANT_ID,
    TENANT_NAME,
    AllowList,
    ours,
)
from mct_s2s.planning.changes import SettingsSpec
from mct_s2s.planning.grants import Lack, in_words
from mct_s2s.planning.plan import Left, ManualStep, Results
from mct_s2s.planning.site import merge
from mct_s2s.render.columns import Columns
from mct_s2s.render.console import Terminal, prose

_OPTIONS = {AUDIENCE: "--audience", TENANT_NAME: "--tenant-name", TENANT_ID: "--tenant-id", ROLE: "--role"}
_LISTS = {APPLICATION_IDS: "--application-id", OBJECT_IDS: "--object-id"}


@dataclass(frozen=True)
class Leaving:
    """What has to be known to say it.

    Args:
        where: the options that name the App Service.
        login: the login service's address.
        observed: the world as it is now.
        results: the ids that this run's changes yielded.
        handoff: the file that the values go to, if any.
    """

    where: str
    login: str
    observed: Observed
    results: Results = field(default_factory=Results)
    handoff: Path | None = None


@dataclass(frozen=True)
class Told:
    """One step that is left, in words that can be passed on."""

    what: str
    command: str
    link: str | None = None
    values: dict[str, str] | None = None
    """The settings, where they are what is left."""
    needed: tuple[str, ...] = ()
    """What the caller lacks for it, one line each, with whom to ask."""


def told(notes: Sequence[ManualStep], leaving: Leaving) -> list[Told]:
    """Every step that is left."""
    return [_told(note, leaving) for note in notes]


def handed_over(note: ManualStep, leaving: Leaving) -> dict[str, str]:
    """The seven settings as they have to be, those that do not apply left out."""
    assert note.spec is not None  # noqa: S101  # settings that are left have a wish
    site = leaving.observed.app_service
    return ours(merge(site.settings if site else {}, note.spec, leaving.results))


def _told(note: ManualStep, leaving: Leaving) -> Told:
    if note.step is Left.CONSENT:
        return _consent(note, leaving)
    if note.step in {Left.VAULT, Left.UNWIRE}:
        return Told(note.what, note.command, needed=in_words(note.needed))
    if note.step is Left.RESTART:
        return Told(note.what, _restart(note.resource), needed=in_words(note.needed))
    values = handed_over(note, leaving)
    return Told(note.what, _configure(note, values, leaving), values=values, needed=in_words(note.needed))


def _consent(note: ManualStep, leaving: Leaving) -> Told:
    if note.resource is not None:
        command = own_command("add-client", "--managed-identity", str(note.resource), where=leaving.where)
        return Told(note.what, command, needed=in_words(note.needed))
    client_id = leaving.results.known(note.client_id) if note.client_id else None
    command = own_command("add-client", "--credential", "none", about=client_id or note.client, where=leaving.where)
    tenant = leaving.observed.tenant
    link = f"{leaving.login}/{tenant.id}/adminconsent?client_id={client_id}" if client_id and tenant else None
    return Told(note.what, command, link, needed=in_words(note.needed))


def _restart(site: ResourceId | None) -> str:
    assert site is not None  # noqa: S101  # a restart is a site's
    return webapp_command("restart", site)


def _configure(note: ManualStep, values: dict[str, str], leaving: Leaving) -> str:
    words = ["mct-s2s", "configure-appservice", *shlex.split(leaving.where or "-a APP_SERVICE")]
    if leaving.handoff is not None:
        return shlex.join([*words, "--from", str(leaving.handoff)])
    if values.get(ENABLED) == "false":
        return shlex.join([*words, "--disable"])
    if note.spec is not None and not _all_known(note.spec, leaving.results):
        return shlex.join(words)  # not made yet: typed later, it reads the values from the directory
    for name, value in values.items():
        if name in _OPTIONS:
            words += [_OPTIONS[name], value]
        for entry in AllowList(value).ids if name in _LISTS else ():
            words += [_LISTS[name], entry]
    return shlex.join(words)


def _all_known(spec: SettingsSpec, results: Results) -> bool:
    return (
        all(results.known(later) for later in spec.application_ids)
        and all(results.known(later) for later in spec.object_ids)
        and all(results.text(entry.value) for entry in spec.values)
    )


def show_left_to_others(terminal: Terminal, steps: Sequence[Told], *, is_result: bool = True) -> None:
    """The command for somebody who may, and the page for somebody who would rather click."""
    console = terminal.out if is_result else terminal.err
    for step in steps:
        prose(console, Text(step.what, style="warn"))
        if step.values:
            console.print(Text("  In the portal, under Environment variables, App settings:"))
            table = Columns([None, None])
            for name, value in step.values.items():
                table.add(Text(f"  {name}"), Text(value))
            console.print(table)
        console.print(Text.assemble("  → ", (step.command, "command")))
        if step.link is not None:
            console.print(Text.assemble("  or open ", (step.link, "command")))


def show_lacking(terminal: Terminal, lacking: Sequence[Lack]) -> None:
    """What the caller lacks for the steps that were left, each with whom to ask."""
    if lacking:
        terminal.say(Text("To do this yourself:", style="warn"))
    for line in in_words(lacking):
        terminal.say(f"  - {line}")
