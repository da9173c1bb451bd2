"""The options of `mct-s2s status`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mct_s2s.cli.binding import option
from mct_s2s.cli.options import AzureOptions

EXAMPLES = (
    "mct-s2s status -a contosolearn",
    "mct-s2s status -a contosolearn --expiring-within 60d -o json",
    "mct-s2s status -a contosolearn --watch",
)


@dataclass(kw_only=True)
class StatusOptions(AzureOptions):
    """Options of `status`."""

    expiring_within: Annotated[
        str,
        option(
            "--expiring-within",
            metavar="DURATION",
            text="Warn this long before the last credential expires (exit code 3).",
        ),
    ] = "30d"
    watch: Annotated[
        float | None,
        option(
            "--watch",
            metavar="SECONDS",
            min=1,
            show_default=False,
            text="Check again every 30 seconds, until Ctrl-C.",
        ),
    ] = None
