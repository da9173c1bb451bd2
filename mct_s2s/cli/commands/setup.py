"""`mct-s2s setup`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

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
    """Options of `setup`."""

    client: Annotated[list[str], option("--client NAME_OR_ID", "Client application: a name or appId. Repeatable.")] = (
        field(default_factory=list)
    )
    managed_identity: Annotated[
        list[str], option("--managed-identity RESOURCE", "Resource whose managed identity is a client. Repeatable.")
    ] = field(default_factory=list)
    service_name: Annotated[
        str | None, option("--service-name NAME", "Display name. Default: MCT service (APP_SERVICE).")
    ] = None
    role: Annotated[str | None, option("--role VALUE", "App role value. Default: S2SAppRole.")] = None
    no_app_service: Annotated[bool, option("--no-app-service", "Entra ID only; skip the App Service.")] = False
    handoff: Annotated[
        Path | None, option("--handoff FILE", "Write the values for configure-appservice --from FILE.")
    ] = None
