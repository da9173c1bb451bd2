"""`mct-s2s doctor`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from mct_s2s.cli.binding import option
from mct_s2s.cli.options import FORMAT, AzureOptions, DocumentFormat

BODY = "doctor"
EXAMPLES = (
    "mct-s2s doctor -a contosolearn",
    "mct-s2s doctor -a contosolearn --managed-identity reports-func",
    "mct-s2s doctor -a contosolearn -o markdown",
)


@dataclass(kw_only=True)
class DoctorOptions(AzureOptions):
    """Options of `doctor`."""

    output: Annotated[DocumentFormat, FORMAT] = DocumentFormat.TEXT  # type: ignore[assignment]  # more formats than other commands have
    managed_identity: Annotated[
        list[str], option("--managed-identity RESOURCE", "Resource whose managed identity to enable. Repeatable.")
    ] = field(default_factory=list)
    no_app_service: Annotated[bool, option("--no-app-service", "Check Entra ID only.")] = False
    no_consent: Annotated[bool, option("--no-consent", "Skip the check for admin consent.")] = False
