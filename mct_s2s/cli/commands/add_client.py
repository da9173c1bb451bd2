from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mct_s2s.cli.binding import FirstWord, option
from mct_s2s.cli.options import CLIENT, AdoptingOptions, CredentialOptions

BODY = "changing"
EXAMPLES = (
    "mct-s2s add-client Import -a contosolearn",
    "mct-s2s add-client Deploy --credential federated --github contoso/deploy",
    "mct-s2s add-client --managed-identity reports-func -a contosolearn",
)


@dataclass(kw_only=True)
class AddClientOptions(AdoptingOptions, CredentialOptions):
    first_word = FirstWord("client", "NAME", "Display name, or the appId of a registration to adopt.")

    client: str | None = option(*CLIENT)
    from_file: Path | None = option("--from FILE", "Add every client in FILE: one name a line.")
    managed_identity: list[str] = option(
        "--managed-identity RESOURCE", "Azure resource: its ID, or the name of a web or function app.", default=list
    )
    role: str | None = option("--role VALUE", "App role to grant. Default: S2SAppRole.")
