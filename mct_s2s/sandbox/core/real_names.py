"""Azure's own host names, all on one port: for clients that know no other cloud than the public one.

Clients get here by lines in the hosts file, or by a resolver of their own, and trust the certificate in
`real-names-ca.pem`. Addresses have no port: where the sandbox listens on another port than 443, traffic is redirected.
Source: docs/azure-contract.md, 5.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from mct_s2s.sandbox.core.addresses import HOST, Addresses, Destination

PORT = 443
LOGIN_HOSTS = ("login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net")
GRAPH_HOST = "graph.microsoft.com"
ARM_HOST = "management.azure.com"
VAULTS = "vault.azure.net"
SITES = "azurewebsites.net"
CERTIFIED = (HOST, *LOGIN_HOSTS, GRAPH_HOST, ARM_HOST, f"*.{VAULTS}", f"*.{SITES}", f"*.scm.{SITES}")
"""Names in the certificate."""

_DESTINATIONS = {
    **dict.fromkeys((HOST, "127.0.0.1", "[::1]"), Destination("control")),
    **dict.fromkeys(LOGIN_HOSTS, Destination("login")),
    ARM_HOST: Destination("arm"),
    GRAPH_HOST: Destination("graph"),
}


@dataclass(frozen=True)
class RealNames(Addresses):
    """The public cloud's addresses, served at one port."""

    @classmethod
    def on(cls, port: int, sites: Iterable[str]) -> Self:
        return cls(port, port, {site.lower(): port for site in sites})

    @property
    def origin(self) -> str:
        """The control routes and the hosted issuers: never under a name of Azure's."""
        return f"https://{HOST}" if self.arm_port == PORT else f"https://{HOST}:{self.arm_port}"

    @property
    def login(self) -> str:
        return f"https://{LOGIN_HOSTS[0]}"

    @property
    def login_hosts(self) -> tuple[str, ...]:
        return LOGIN_HOSTS

    @property
    def cloud_name(self) -> str:
        return "AzureCloud"

    @property
    def arm(self) -> str:
        return f"https://{ARM_HOST}"

    @property
    def graph(self) -> str:
        return f"https://{GRAPH_HOST}"

    @property
    def vault_suffix(self) -> str:
        return VAULTS

    def vault_named_by(self, host: str) -> str | None:
        return super().vault_named_by(_bare(host))

    @property
    def arm_audiences(self) -> tuple[str, ...]:
        """Accepted `aud` of a token for Resource Manager, in the order of the service's own message."""
        both = ("https://management.core.windows.net", self.arm)
        return tuple(f"{name}{slash}" for name in both for slash in ("/", ""))

    @property
    def shared_port(self) -> int | None:
        return self.arm_port

    def of_site(self, resource_id: str) -> str:
        return f"{label_of_site(resource_id)}.{SITES}"

    def destination(self, host: str, port: int | None) -> Destination:
        """Return the service that a request is for: its `Host` header alone decides."""
        del port
        name = _bare(host)
        if name.endswith(f".{SITES}"):
            return next(
                (Destination("site", site) for site in self.sites if self.of_site(site) == name), Destination("site")
            )
        if self.vault_named_by(name) is not None:
            return Destination("vault")
        return _DESTINATIONS.get(name, Destination("nowhere"))


def label_of_site(resource_id: str) -> str:
    """Return the first label of a site's or slot's host name."""
    return "-".join(resource_id.lower().split("/")[8::2])


def _bare(host: str) -> str:
    return re.sub(r":[0-9]{1,5}\Z", "", host.lower()).removesuffix(".")
