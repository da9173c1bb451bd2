from __future__ import annotations

import re
from dataclasses import MISSING, dataclass
from pathlib import Path

from mct_s2s.cli.binding import ADVANCED, REMOVAL, option
from mct_s2s.cli.options import ChangingOptions
from mct_s2s.errors import UsageError

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
    first_word = None

    file: Path = option("-f --file FILE", "Trust file: the sites and their clients.", default=MISSING)
    only: list[str] = option("--only SITE", "Only this site, by its name in the file. Repeatable.", default=list)
    expect: str | None = option("--expect FINGERPRINT", "Refuse any other plan than the one that a dry run printed.")
    prune: bool = option("--prune", "Remove clients of these sites that the file does not name.", REMOVAL)
    allow_removals: bool = option("--allow-removals", "Let --prune remove more than a third of the clients.", REMOVAL)
    no_verify: bool = option("--no-verify", "Do not test the clients at the end.", ADVANCED)

    # Those of one App Service: the file names each. Typed, they are refused; their variables are not read.
    app_service: str | None = option("-a --app-service VALUE", "In the file.", hidden=True)
    resource_group: str | None = option("-g --resource-group VALUE", "In the file.", hidden=True)
    slot: str | None = option("--slot VALUE", "In the file.", hidden=True)
    backup: Path | None = option("--backup VALUE", "Of one App Service alone.", hidden=True)

    def __post_init__(self) -> None:
        """Refuse what has no effect."""
        super().__post_init__()
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
