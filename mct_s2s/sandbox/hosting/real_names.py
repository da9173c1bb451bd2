"""Azure's own host names, all on one port: for clients that know no other cloud than the public one.

They get here by lines in the hosts file, or by a resolver of their own, and trust the certificate that is named
`real-names-ca.pem`. Addresses carry no port: whoever listens on another port than 443 leads clients there.
Source: docs/azure-contract.md, 5.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from mct_s2s.sandbox.core.addresses import HOST, Addresses, Door
from mct_s2s.sandbox.resources.store import Resources

PORT = 443
MARK = "# mct-s2s sandbox"
LOGIN_HOSTS = ("login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net")
GRAPH_HOST = "graph.microsoft.com"
ARM_HOST = "management.azure.com"
VAULTS = "vault.azure.net"
SITES = "azurewebsites.net"
CERTIFIED = (HOST, *LOGIN_HOSTS, GRAPH_HOST, ARM_HOST, f"*.{VAULTS}", f"*.{SITES}", f"*.scm.{SITES}")
"""What a certificate for all of this is for."""

_ADDRESSES = ("127.0.0.1", "::1")
_DOORS = {
    **dict.fromkeys((HOST, "127.0.0.1", "[::1]"), Door("control")),
    **dict.fromkeys(LOGIN_HOSTS, Door("login")),
    ARM_HOST: Door("arm"),
    GRAPH_HOST: Door("graph"),
}
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class RealNames(Addresses):
    """The public cloud's addresses, served at one port."""

    @classmethod
    def on(cls, port: int, sites: Iterable[str]) -> Self:
        """The addresses of a sandbox at a port, with sites of these resource ids."""
        return cls(port, port, {site.lower(): port for site in sites})

    @property
    def origin(self) -> str:
        """The control routes and the issuers that the sandbox plays: never under a name of Azure's."""
        return f"https://{HOST}" if self.arm_port == PORT else f"https://{HOST}:{self.arm_port}"

    @property
    def login(self) -> str:
        """The authority."""
        return f"https://{LOGIN_HOSTS[0]}"

    @property
    def login_hosts(self) -> tuple[str, ...]:
        """The authority's names of all times."""
        return LOGIN_HOSTS

    @property
    def cloud_name(self) -> str:
        """As `az cloud list` has it."""
        return "AzureCloud"

    @property
    def arm(self) -> str:
        """Resource Manager."""
        return f"https://{ARM_HOST}"

    @property
    def graph(self) -> str:
        """Microsoft Graph."""
        return f"https://{GRAPH_HOST}"

    @property
    def vault_suffix(self) -> str:
        """What follows a vault's name and a dot."""
        return VAULTS

    def vault_named_by(self, host: str) -> str | None:
        """The name of the vault that a `Host` header means, if it means one."""
        return super().vault_named_by(_bare(host))

    @property
    def arm_audiences(self) -> tuple[str, ...]:
        """What the `aud` of a token for Resource Manager may say, in the order of the service's own message."""
        both = ("https://management.core.windows.net", self.arm)
        return tuple(f"{name}{slash}" for name in both for slash in ("/", ""))

    @property
    def shared_port(self) -> int | None:
        """All sites answer at the one port."""
        return self.arm_port

    def of_site(self, resource_id: str) -> str:
        """The host name of a site or slot."""
        return f"{_label_of_site(resource_id)}.{SITES}"

    def door(self, host: str, port: int | None) -> Door:
        """Whom a request means: its `Host` header alone decides."""
        del port
        name = _bare(host)
        if name.endswith(f".{SITES}"):
            return next((Door("site", site) for site in self.sites if self.of_site(site) == name), Door("site"))
        if self.vault_named_by(name) is not None:
            return Door("vault")
        return _DOORS.get(name, Door("nowhere"))


def names(resources: Resources) -> Iterator[str]:
    """Every host name that a world with these resources answers to; names that can be none are left out."""
    yield from (*LOGIN_HOSTS, GRAPH_HOST, ARM_HOST)
    sites = [(_label_of_site(site), SITES) for site in resources.sites]
    vaults = [(str(resources.resources[vault]["name"]).lower(), VAULTS) for vault in resources.vaults]
    # A world may come from somebody else's file: nothing but a name becomes a line.
    yield from dict.fromkeys(f"{label}.{domain}" for label, domain in (*sites, *vaults) if _LABEL.fullmatch(label))


def hosts_lines(resources: Resources) -> Iterator[str]:
    """The lines of a hosts file that lead those names to this machine, each with the mark to find it again."""
    for name in names(resources):
        yield from (f"{address} {name} {MARK}" for address in _ADDRESSES)


def _label_of_site(resource_id: str) -> str:
    return "-".join(resource_id.lower().split("/")[8::2])


def _bare(host: str) -> str:
    """A `Host` header's name: in lower case, without port, without the dot of a complete name."""
    return re.sub(r":[0-9]{1,5}\Z", "", host.lower()).removesuffix(".")
