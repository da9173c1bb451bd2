"""How two people share a setup: one may change the directory, the other the App Service."""

import shlex
from collections.abc import Collection

from mct_s2s.cli.options import HANDOFF, AzureOptions
from mct_s2s.cli.options_to_request import where
from mct_s2s.errors import Instruction, MissingRight, WayOut
from mct_s2s.model.commands import option, own_command
from mct_s2s.planning.permissions.rights import SITE_ROLE


def ways_out(options: AzureOptions, missing: Collection[MissingRight]) -> tuple[Instruction, ...]:
    """What others can do of what the caller may not: each half as the command of whose it is."""
    lacking = {right.way_out for right in missing}
    steps: list[Instruction] = []
    if (
        lacking & {WayOut.REGISTRAR, WayOut.SITE_OWNER}
        and (half := options.directory_half()) is not None
    ):
        first = "Or ask someone who can create app registrations to run:"
        if "--service-app" not in shlex.split(half):
            # Not the one that the settings name, as whoever may write them has chosen it.
            first = (
                "Or ask someone who can create app registrations to run this. If the App Service "
                f"is set up already, they add {option('--service-app', 'APP_ID')}, with the appId "
                "of its service application, which they know:"
            )
        second = (
            "Then send the file that it writes to someone who can write the App Service's "
            "settings, who runs:"
        )
        if WayOut.REGISTRAR not in lacking:
            first = "Or do the directory's part alone:"
        if WayOut.SITE_OWNER not in lacking:
            second = "Then run, with the file that it writes:"
        settings = own_command("configure-appservice", "--from", str(HANDOFF), where=where(options))
        steps += [Instruction(first, half), Instruction(second, settings)]
    if WayOut.REGISTRAR in lacking and options.takes_handoff:
        settings = own_command("configure-appservice", "--from", str(HANDOFF), where=where(options))
        first = "Or, with a file that setup --handoff wrote for this App Service:"
        steps.append(Instruction(first, settings))
    if WayOut.CONSENTER in lacking and WayOut.REGISTRAR not in lacking:
        steps.append(Instruction("Or let someone else grant admin consent: add --no-consent."))
    if options.without_site and any(right.right == SITE_ROLE for right in missing):
        steps.append(Instruction(options.without_site))
    steps += [
        Instruction("Or ask the resource's owner to enable the identity first:", enabling)
        for enabling in dict.fromkeys(right.enabling for right in missing)
        if enabling
    ]
    return tuple(steps)
