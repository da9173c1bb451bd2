from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mct_s2s.cli.binding import option
from mct_s2s.cli.options import AdoptingOptions, CredentialOptions

BODY = "guided"
EXAMPLES = (
    "mct-s2s setup",
    "mct-s2s setup -a contosolearn --client Import --dry-run",
    "mct-s2s setup -a contosolearn --client Import",
    "mct-s2s setup -a contosolearn --managed-identity reports-func",
)


@dataclass(kw_only=True)
class SetupOptions(AdoptingOptions, CredentialOptions):
    client: list[str] = option("--client NAME_OR_ID", "Client application: a name or appId. Repeatable.", default=list)
    managed_identity: list[str] = option(
        "--managed-identity RESOURCE", "Resource whose managed identity is a client. Repeatable.", default=list
    )
    service_name: str | None = option("--service-name NAME", "Display name. Default: MCT service (APP_SERVICE).")
    role: str | None = option("--role VALUE", "App role value. Default: S2SAppRole.")
    no_app_service: bool = option("--no-app-service", "Entra ID only; skip the App Service.")
    handoff: Path | None = option("--handoff FILE", "Write the values for configure-appservice --from FILE.")
