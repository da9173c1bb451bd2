"""`mct-s2s doctor`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from mct_s2s.cli.binding import OUTPUT, option
from mct_s2s.cli.options import AzureOptions

BODY = "doctor"
EXAMPLES = (
    "mct-s2s doctor -a contosolearn",
    "mct-s2s doctor -a contosolearn --managed-identity reports-func",
    "mct-s2s doctor -a contosolearn -o markdown",
)


class ReportFormat(StrEnum):
    """The values of `--output` for `doctor`."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


@dataclass(kw_only=True)
class DoctorOptions(AzureOptions):
    """Options of `doctor`."""

    output: Annotated[
        ReportFormat, option("-o", "--output", metavar="FORMAT", group=OUTPUT, variable="OUTPUT", text="Output format.")
    ] = ReportFormat.TEXT  # type: ignore[assignment]  # one format more: what others have to do
    managed_identity: Annotated[
        list[str],
        option("--managed-identity", metavar="RESOURCE", text="Resource whose managed identity to enable. Repeatable."),
    ] = field(default_factory=list)
    no_app_service: Annotated[bool, option("--no-app-service", text="Check Entra ID only.")] = False
    no_consent: Annotated[bool, option("--no-consent", text="Skip the check for admin consent.")] = False
