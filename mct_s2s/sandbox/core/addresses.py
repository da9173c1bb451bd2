"""Where each service of a running sandbox listens.

Graph has a port of its own because a resource is named by its origin: were both on one, a token for Graph would also
open Resource Manager, which Azure never allows. Vaults have names of their own below `vault.localhost`, as they are
told apart by name in Azure, and clients demand that a vault lies below the resource that its challenge names.
Source for names below `localhost`: RFC 6761, 6.3.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

HOST = "localhost"


class Destination(NamedTuple):
    """Whom a request is for; `name` is a site's resource id, in lower case.

    `main` is everything that shares a port by default: `control`, `login` and `arm`. `nowhere` is no service at all.
    """

    kind: Literal["main", "control", "login", "arm", "graph", "vault", "site", "nowhere"]
    name: str = ""


@dataclass(frozen=True)
class Addresses:
    """The ports of one running sandbox, and the addresses that follow from them.

    `sites` maps the resource id of each web app, function app and slot, in lower case, to its port.
    """

    arm_port: int
    graph_port: int
    sites: dict[str, int] = field(default_factory=dict)

    def add_site(self, resource_id: str, port: int) -> None:
        """Tell where a site answers that got its port while the sandbox runs."""
        self.sites[resource_id.lower()] = port

    @property
    def origin(self) -> str:
        """What no real cloud has: the control routes, and the issuers and identities that the sandbox plays."""
        return f"https://{HOST}:{self.arm_port}"

    @property
    def login(self) -> str:
        """The authority: `{login}/{tenant}` signs in."""
        return self.origin

    @property
    def login_hosts(self) -> tuple[str, ...]:
        """Every host name of the authority, the one to use first, then the one that tokens are cached under."""
        return (f"{HOST}:{self.arm_port}",)

    @property
    def cloud_name(self) -> str:
        """What the cloud calls itself."""
        return "MctS2sSandbox"

    @property
    def arm(self) -> str:
        """Resource Manager."""
        return self.origin

    @property
    def graph(self) -> str:
        """Microsoft Graph, also the name of its resource: scopes are `{graph}/.default`."""
        return f"https://{HOST}:{self.graph_port}"

    @property
    def vault_suffix(self) -> str:
        """What follows a vault's name and a dot in its address."""
        return f"vault.{HOST}:{self.arm_port}"

    @property
    def vault(self) -> str:
        """The name of Key Vault's resource, the same for all vaults."""
        return f"https://{self.vault_suffix}"

    def of_vault(self, name: str) -> str:
        """Where a vault answers."""
        return f"https://{name.lower()}.{self.vault_suffix}"

    def vault_named_by(self, host: str) -> str | None:
        """The name of the vault that a `Host` header means, if it means one."""
        name, dot, suffix = host.lower().partition(".")
        return name if dot and suffix == self.vault_suffix else None

    @property
    def shared_port(self) -> int | None:
        """The port that new sites answer at as well, where they get none of their own."""
        return None

    def destination(self, host: str, port: int | None) -> Destination:
        """Whom a request to a port means, whose `Host` header says `host`."""
        if port == self.arm_port:
            return Destination("main" if self.vault_named_by(host) is None else "vault")
        if port == self.graph_port:
            return Destination("graph")
        return next(
            (Destination("site", site) for site, own in self.sites.items() if own == port), Destination("nowhere")
        )

    @property
    def arm_audiences(self) -> tuple[str, ...]:
        """What the `aud` of a token for Resource Manager may say."""
        return (f"{self.arm}/", self.arm)

    def of_site(self, resource_id: str) -> str:
        """The host name, with port, that answers for a site or slot.

        A site that came after the sandbox started has no port yet, and is named as Azure would name it.
        """
        port = self.sites.get(resource_id.lower())
        if port is None:
            return "-".join(resource_id.lower().split("/")[8::2]) + ".azurewebsites.net"
        return f"{HOST}:{port}"
