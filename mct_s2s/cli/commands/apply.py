"""`mct-s2s apply`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from mct_s2s.cli.binding import ADVANCED, REMOVAL, option
from mct_s2s.cli.options import ChangingOptions
from mct_s2s.errors import UsageError
from mct_s2s.model.commands import option as option_text

BODY = "apply"
EXAMPLES = (
    "mct-s2s apply -f trust.toml --dry-run",
    "mct-s2s apply -f trust.toml",
    "mct-s2s apply -f trust.toml --dry-run -o markdown",
    "mct-s2s apply -f trust.toml --expect FINGERPRINT --yes",
    "mct-s2s apply -f trust.toml --only contosolearn --prune",
)
_FINGERPRINT = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)


@dataclass(kw_only=True)
class ApplyOptions(ChangingOptions):
    """Options of `apply`."""

    first_word = None

    file: Annotated[Path, option("-f", "--file", metavar="FILE", text="Trust file: the sites and their clients.")]
    only: Annotated[
        list[str], option("--only", metavar="SITE", text="Only this site, by its name in the file. Repeatable.")
    ] = field(default_factory=list)
    expect: Annotated[
        str | None,
        option("--expect", metavar="FINGERPRINT", text="Refuse any other plan than the one that a dry run printed."),
    ] = None
    prune: Annotated[
        bool, option("--prune", group=REMOVAL, text="Remove clients of these sites that the file does not name.")
    ] = False
    allow_removals: Annotated[
        bool, option("--allow-removals", group=REMOVAL, text="Let --prune remove more than a third of the clients.")
    ] = False
    no_verify: Annotated[bool, option("--no-verify", group=ADVANCED, text="Do not test the clients at the end.")] = (
        False
    )

    # Those of one App Service: the file names each. Typed, they are refused; their variables are not read.
    app_service: Annotated[str | None, option("-a", "--app-service", hidden=True, text="In the file.")] = None
    resource_group: Annotated[str | None, option("-g", "--resource-group", hidden=True, text="In the file.")] = None
    slot: Annotated[str | None, option("--slot", hidden=True, text="In the file.")] = None
    backup: Annotated[Path | None, option("--backup", hidden=True, text="Of one App Service alone.")] = None

    def __post_init__(self) -> None:
        """Refuse what is about one App Service, and what has no effect."""
        super().__post_init__()
        _refuse_of_one_site(
            {
                "--app-service": self.app_service,
                "--resource-group": self.resource_group,
                "--slot": self.slot,
                "--backup": self.backup,
            }
        )
        if self.allow_removals and not self.prune:
            raise UsageError(
                "contradictory-options",
                "--allow-removals has no effect without --prune.",
                remedy="Add --prune, or remove --allow-removals.",
            )
        if self.expect is not None and not _FINGERPRINT.fullmatch(self.expect):
            raise UsageError(
                "malformed-fingerprint",
                f"Invalid --expect '{self.expect[:80]}'.",
                remedy="Use the fingerprint that the dry run printed: 64 hexadecimal digits.",
            )


def _refuse_of_one_site(given: dict[str, object]) -> None:
    for name, value in given.items():
        if value is not None:
            key = name.removeprefix("--")
            where = "Name the site to apply with --only SITE" if name == "--app-service" else f"Write {key} in the file"
            raise UsageError(
                "usage",
                f"{option_text(name, str(value)[:130])} is about one App Service: the file names each of its own.",
                remedy="Save the settings of each App Service before: mct-s2s configure-appservice --backup FILE"
                if name == "--backup"
                else f"{where}, and remove {name}.",
            )
