"""How two people share a setup: one may change the directory, the other the App Service."""

from collections.abc import Set
from dataclasses import fields
from pathlib import Path

from mct_s2s.cli.binding import command_line
from mct_s2s.cli.commands import AddClientOptions, DoctorOptions, SetupOptions
from mct_s2s.cli.options import AzureOptions
from mct_s2s.cli.requests import where
from mct_s2s.errors import Instruction, WayOut
from mct_s2s.model.commands import own_command

HANDOFF = Path("handoff.json")
_OF_A_RUN = {
    "output", "verbose", "quiet", "timeout", "yes", "dry_run", "backup", "no_restart",
    "no_preflight", "no_verify",
}  # fmt: skip
"""Options that say how a run behaves, and not what it makes."""


def ways_out(options: AzureOptions, lacking: Set[WayOut]) -> tuple[Instruction, ...]:
    """What others can do of what the caller may not: each half as the command of whose it is."""
    steps: list[Instruction] = []
    if (
        lacking & {WayOut.REGISTRAR, WayOut.SITE_OWNER}
        and (half := _directory_half(options)) is not None
    ):
        first = "Or ask someone who can create app registrations to run:"
        second = (
            "Then send the file that it writes to someone who can write the App Service's "
            "settings, who runs:"
        )
        if WayOut.REGISTRAR not in lacking:
            first = "Or do the directory's part alone:"
        if WayOut.SITE_OWNER not in lacking:
            second = "Then run, with the file that it writes:"
        settings = own_command("configure-appservice", "--from", str(HANDOFF), where=where(options))
        steps += [Instruction(first, command_line("setup", half)), Instruction(second, settings)]
    if WayOut.CONSENTER in lacking and WayOut.REGISTRAR not in lacking:
        steps.append(Instruction("Or let someone else grant admin consent: add --no-consent."))
    if WayOut.RESOURCE_OWNER in lacking:
        enable = "az resource update --ids RESOURCE --set identity.type=SystemAssigned"
        steps.append(
            Instruction("Or ask the resource's owner to enable the identity first:", enable)
        )
    return tuple(steps)


def _directory_half(options: AzureOptions) -> SetupOptions | None:
    """With every option that says whose credential goes where."""
    match options:
        case SetupOptions() | DoctorOptions():
            clients = getattr(options, "client", ["NAME"])
        case AddClientOptions(client=str() as name):
            clients = [name]
        case _:
            return None
    shared = {one.name for one in fields(SetupOptions)} & {one.name for one in fields(options)}
    given = {name: getattr(options, name) for name in shared - _OF_A_RUN}
    return SetupOptions(**given | {"client": clients, "no_app_service": True, "handoff": HANDOFF})
