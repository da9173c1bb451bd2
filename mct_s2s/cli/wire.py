"""`--wire RESOURCE`: what it needs of the other options, and the wish that it comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mct_s2s.cli.wiring import Session
from mct_s2s.errors import UsageError
from mct_s2s.inputs.clients import SecretTo
from mct_s2s.inputs.target import caller_resource
from mct_s2s.model.commands import option
from mct_s2s.model.desired import ClientSpec, WireSpec
from mct_s2s.model.resource_id import ResourceId


@dataclass(frozen=True)
class Wire:
    """An app to be wired, as far as the options say."""

    resource: str | ResourceId
    client: ClientSpec | None
    """The client application that it signs in as; `None` where it calls as itself."""
    stores: SecretTo

    def spec(self, session: Session, label: str) -> WireSpec:
        """The wish, once the cloud is known; `label` is what a person calls the MCT App Service."""
        host = session.azure.authority_host
        if self.client is None or self.client.credential is None or self.stores.vault is None:
            return WireSpec(self.client is not None, authority_host=host)
        name, url = session.cloud.vault(self.stores.vault.vault)
        secret = self.stores.vault.secret_for(label, self.client.name)
        return WireSpec(True, name, f"{url}/secrets/{secret}", host)


def wire(
    text: str | None, clients: Sequence[ClientSpec], identities: Sequence[str | ResourceId], stores: SecretTo
) -> Wire | None:
    """Read `--wire`.

    Raises:
        UsageError: it is no web or function app, or the other options do not say who it calls as.
    """
    if text is None:
        return None
    resource = caller_resource(text)
    if isinstance(resource, ResourceId) and not resource.is_site:
        raise UsageError(
            "wire-not-an-app",
            f"Invalid --wire '{text}': a {resource.type} has no application settings.",
            remedy="Use the resource ID or the name of a web or function app.",
        )
    if any(str(one).casefold() == str(resource).casefold() for one in identities):
        return Wire(resource, None, stores)
    if len(clients) != 1:
        raise UsageError(
            "wire-one-client",
            f"--wire '{text}' needs exactly one client: a client application, or the app's own managed identity.",
            remedy=f"Name one client, or add {option('--managed-identity', text)}",
        )
    if clients[0].credential is not None and stores.vault is None:
        raise UsageError(
            "wire-needs-vault",
            "--wire needs a key vault: the app gets a reference to the secret, never the secret itself.",
            remedy="Add --secret-to keyvault:VAULT",
        )
    return Wire(resource, clients[0], stores)
