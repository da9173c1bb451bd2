from __future__ import annotations

from dataclasses import dataclass

from mct_s2s.cli.binding import option
from mct_s2s.cli.options import AzureOptions, output_option

BODY = "doctor"
EXAMPLES = (
    "mct-s2s doctor -a contosolearn",
    "mct-s2s doctor -a contosolearn --managed-identity reports-func",
    "mct-s2s doctor -a contosolearn -o markdown",
)


@dataclass(kw_only=True)
class DoctorOptions(AzureOptions):
    output: str = output_option("markdown")
    managed_identity: list[str] = option(
        "--managed-identity RESOURCE", "Resource whose managed identity to enable. Repeatable.", default=list
    )
    no_app_service: bool = option("--no-app-service", "Check Entra ID only.")
    no_consent: bool = option("--no-consent", "Skip the check for admin consent.")
