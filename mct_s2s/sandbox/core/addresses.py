"""Where each service of a running sandbox listens: at ports of its own, or under Azure's own host
names at one port.

Graph has a port of its own because a resource is named by its origin: with one port for both, a
token for Graph would be valid for Resource Manager, which Azure never allows. Vaults have their own
names below `vault.localhost`, as in Azure, and because clients require a vault to be below the
resource that its challenge names. Under Azure's own names, clients get here by lines in the hosts
file, or by a resolver of their own; addresses have no port: where the sandbox listens on another
port than 443, traffic is redirected. Sources: RFC 6761, 6.3 (names below `localhost`);
docs/azure-contract.md, 5.1.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

HOST = "localhost"


class Destination(NamedTuple):
    """The service that a request is for; `name` is a site's resource id, in lower case.

    `main` is everything that shares a port by default: `control`, `login` and `arm`. `nowhere` is
    no service at all.
    """

    kind: Literal["main", "control", "login", "arm", "graph", "vault", "site", "nowhere"]
    name: str = ""


class Addresses:
    """The ports of one running sandbox, and the addresses that follow from them.

    `sites` maps the resource id of each web app, function app and slot, in lower case, to its port.
    `login_hosts` is every host name of the authority, the one to use first, then the one that
    tokens are cached under. `graph` is also the name of its resource: scopes are
    `{graph}/.default`. `arm_audiences` is what the `aud` of a token for Resource Manager may be, in
    the order of the service's own message.
    """

    def __init__(self, arm_port: int, graph_port: int, sites: Mapping[str, int]) -> None:
        self.arm_port, self.graph_port, self.sites = arm_port, graph_port, dict(sites)
        self.shared_port: int | None = None
        self.cloud_name = "MctS2sSandbox"
        self.origin = self.login = self.arm = f"https://{HOST}:{arm_port}"
        self.login_hosts: tuple[str, ...] = (f"{HOST}:{arm_port}",)
        self.graph = f"https://{HOST}:{graph_port}"
        self.vault_suffix = f"vault.{HOST}:{arm_port}"
        self.arm_audiences: tuple[str, ...] = (f"{self.arm}/", self.arm)

    @property
    def vault(self) -> str:
        return f"https://{self.vault_suffix}"

    def add_site(self, resource_id: str, port: int) -> None:
        self.sites[resource_id.lower()] = port

    def of_vault(self, name: str) -> str:
        return f"https://{name.lower()}.{self.vault_suffix}"

    def vault_named_by(self, host: str) -> str | None:
        name, dot, suffix = host.lower().partition(".")
        return name if dot and suffix == self.vault_suffix else None

    def destination(self, host: str, port: int | None) -> Destination:
        if port == self.arm_port:
            return Destination("main" if self.vault_named_by(host) is None else "vault")
        if port == self.graph_port:
            return Destination("graph")
        destinations = (
            Destination("site", site) for site, site_port in self.sites.items() if site_port == port
        )
        return next(destinations, Destination("nowhere"))

    def of_site(self, resource_id: str) -> str:
        """Return the host name, with port, of a site or slot.

        Never the one that Azure would give it: that may be a stranger's.
        """
        return f"{HOST}:{self.sites[resource_id.lower()]}"

    def of_deployment(self, resource_id: str) -> str:
        """Return the host name, with port, of the site's deployment service, where nothing
        answers.
        """
        return f"{label_of_site(resource_id)}.scm.{self.of_site(resource_id)}"

    def of_front_door(self, resource_id: str) -> str:
        """Return the host name, with port, of an Azure Front Door before a site."""
        return f"{label_of_site(resource_id)}.azurefd.{self.of_site(resource_id)}"

    def suffix_elsewhere(self, suffix: str) -> str:
        """Return the suffix of names of a service that the sandbox does not have."""
        return f"{suffix}.{HOST}"


PORT = 443
LOGIN_HOSTS = (
    "login.microsoftonline.com",
    "login.windows.net",
    "login.microsoft.com",
    "sts.windows.net",
)
GRAPH_HOST = "graph.microsoft.com"
ARM_HOST = "management.azure.com"
VAULTS = "vault.azure.net"
SITES = "azurewebsites.net"
FRONT_DOORS = "azurefd.net"
CERTIFIED = (
    HOST,
    *LOGIN_HOSTS,
    GRAPH_HOST,
    ARM_HOST,
    f"*.{VAULTS}",
    f"*.{SITES}",
    f"*.scm.{SITES}",
    f"*.{FRONT_DOORS}",
)
"""Names in the certificate."""

_DESTINATIONS = {
    **dict.fromkeys((HOST, "127.0.0.1", "[::1]"), Destination("control")),
    **dict.fromkeys(LOGIN_HOSTS, Destination("login")),
    ARM_HOST: Destination("arm"),
    GRAPH_HOST: Destination("graph"),
}


class RealNames(Addresses):
    """The public cloud's addresses, served at one port."""

    def __init__(self, port: int, sites: Iterable[str]) -> None:
        super().__init__(port, port, {site.lower(): port for site in sites})
        self.shared_port = port
        self.cloud_name = "AzureCloud"
        # The control routes and the hosted issuers: never under a name of Azure's.
        self.origin = f"https://{HOST}" if port == PORT else f"https://{HOST}:{port}"
        self.login, self.login_hosts = f"https://{LOGIN_HOSTS[0]}", LOGIN_HOSTS
        self.arm, self.graph, self.vault_suffix = (
            f"https://{ARM_HOST}",
            f"https://{GRAPH_HOST}",
            VAULTS,
        )
        both = ("https://management.core.windows.net", self.arm)
        self.arm_audiences = tuple(f"{name}{slash}" for name in both for slash in ("/", ""))

    def vault_named_by(self, host: str) -> str | None:
        return super().vault_named_by(_bare(host))

    def of_site(self, resource_id: str) -> str:
        return f"{label_of_site(resource_id)}.{SITES}"

    def of_deployment(self, resource_id: str) -> str:
        return f"{label_of_site(resource_id)}.scm.{SITES}"

    def of_front_door(self, resource_id: str) -> str:
        return f"{label_of_site(resource_id)}.{FRONT_DOORS}"

    def suffix_elsewhere(self, suffix: str) -> str:
        return suffix

    def destination(self, host: str, port: int | None) -> Destination:
        del port
        name = _bare(host)
        if name.endswith((f".{SITES}", f".{FRONT_DOORS}")):
            named = (
                site
                for site in self.sites
                if name in {self.of_site(site), self.of_front_door(site)}
            )
            destinations = (Destination("site", site) for site in named)
            return next(destinations, Destination("site"))
        if self.vault_named_by(name) is not None:
            return Destination("vault")
        return _DESTINATIONS.get(name, Destination("nowhere"))


def ports_from(port: int, names: Sequence[str]) -> dict[str, int]:
    return {name: port + offset for offset, name in enumerate(names)}


def label_of_site(resource_id: str) -> str:
    return "-".join(resource_id.lower().split("/")[8::2])


def _bare(host: str) -> str:
    return re.sub(r":[0-9]{1,5}\Z", "", host.lower()).removesuffix(".")
