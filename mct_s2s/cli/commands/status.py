from __future__ import annotations

from dataclasses import dataclass

from mct_s2s.cli.binding import option
from mct_s2s.cli.options import AzureOptions, FileOptions, output_option

BODY = "status"
EXAMPLES = (
    "mct-s2s status -a contosolearn",
    "mct-s2s status -a contosolearn --expiring-within 60d -o json",
    "mct-s2s status --all -o csv",
    "mct-s2s status -f trust.toml -o markdown",
)


@dataclass(kw_only=True)
class StatusOptions(FileOptions, AzureOptions):
    output: str = output_option("csv", "ics", "markdown")
    expiring_within: str = option(
        "--expiring-within DURATION", "Warn this long before the last credential expires (exit code 3).", default="30d"
    )
    all_sites: bool = option("--all", "Show every MCT App Service of the subscription.")
