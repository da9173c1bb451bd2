"""`mct-s2s status`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from mct_s2s.cli.binding import option
from mct_s2s.cli.options import FORMAT, AzureOptions, FileOptions

BODY = "status"
EXAMPLES = (
    "mct-s2s status -a contosolearn",
    "mct-s2s status -a contosolearn --expiring-within 60d -o json",
    "mct-s2s status --all -o csv",
    "mct-s2s status -f trust.toml -o markdown",
)


class StatusFormat(StrEnum):
    """The values of `--output` for `status`."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    ICS = "ics"
    MARKDOWN = "markdown"


@dataclass(kw_only=True)
class StatusOptions(FileOptions, AzureOptions):
    """Options of `status`."""

    output: Annotated[StatusFormat, FORMAT] = StatusFormat.TEXT  # type: ignore[assignment]  # more formats than other commands have
    expiring_within: Annotated[
        str, option("--expiring-within DURATION", "Warn this long before the last credential expires (exit code 3).")
    ] = "30d"
    all_sites: Annotated[bool, option("--all", "Show every MCT App Service of the subscription.")] = False
