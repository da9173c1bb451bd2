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

    file: Annotated[Path, option("-f --file FILE", "Trust file: the sites and their clients.")]
    only: Annotated[list[str], option("--only SITE", "Only this site, by its name in the file. Repeatable.")] = field(
        default_factory=list
    )
    expect: Annotated[
        str | None, option("--expect FINGERPRINT", "Refuse any other plan than the one that a dry run printed.")
    ] = None
    prune: Annotated[bool, option("--prune", "Remove clients of these sites that the file does not name.", REMOVAL)] = (
        False
    )
    allow_removals: Annotated[
        bool, option("--allow-removals", "Let --prune remove more than a third of the clients.", REMOVAL)
    ] = False
    no_verify: Annotated[bool, option("--no-verify", "Do not test the clients at the end.", ADVANCED)] = False

    # Those of one App Service: the file names each. Typed, they are refused; their variables are not read.
    app_service: Annotated[str | None, option("-a --app-service", "In the file.", hidden=True)] = None
    resource_group: Annotated[str | None, option("-g --resource-group", "In the file.", hidden=True)] = None
    slot: Annotated[str | None, option("--slot", "In the file.", hidden=True)] = None
    backup: Annotated[Path | None, option("--backup", "Of one App Service alone.", hidden=True)] = None

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
