"""What `sandbox serve` and `sandbox hosts` print: how clients connect, and lines that lead Azure's names here.

It holds no secret, as it ends up in logs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mct_s2s.sandbox.core.addresses import (
    ARM_HOST,
    GRAPH_HOST,
    LOGIN_HOSTS,
    PORT,
    SITES,
    VAULTS,
    Addresses,
    label_of_site,
)
from mct_s2s.sandbox.hosting.environment import connecting
from mct_s2s.sandbox.resources.store import Resources
from mct_s2s.sandbox.services.page import PATH

MARK = "# mct-s2s sandbox"
"""Ends each line, so that they can be removed again."""

_LOOPBACK = ("127.0.0.1", "::1")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def names(resources: Resources) -> Iterator[str]:
    """Yield every host name of a state with these resources; those that cannot be host names are left out."""
    yield from (*LOGIN_HOSTS, GRAPH_HOST, ARM_HOST)
    sites = [(label_of_site(site), SITES) for site in resources.sites]
    vaults = [(str(resources.resources[vault]["name"]).lower(), VAULTS) for vault in resources.vaults]
    # A state may come from somebody else's file: nothing but a name becomes a line.
    yield from dict.fromkeys(f"{label}.{domain}" for label, domain in (*sites, *vaults) if _LABEL.fullmatch(label))


def hosts_lines(resources: Resources) -> Iterator[str]:
    """Yield the lines that direct those names to this machine, over IPv4 and IPv6."""
    for name in names(resources):
        yield from (f"{address} {name} {MARK}" for address in _LOOPBACK)


CLOUD_NAME = "mct-sandbox"


def lines(addresses: Addresses, listen: str = "") -> Iterator[str]:
    """Yield the lines; the first begins with "Sandbox ready"."""
    real = addresses.shared_port is not None
    yield f"Sandbox ready: {addresses.arm}"
    if listen:
        yield f"It listens on {listen}: whoever can reach these ports controls it."
    yield ""
    if real:
        yield from _hosts_file(addresses)
    yield "Look inside (your browser warns of the certificate, which was made here):"
    yield f"  {addresses.origin}{PATH}"
    yield "Connect any client, as the sandbox's administrator (--unset undoes it):"
    yield f"  {connecting()}"
    yield "Then, for the Azure CLI:"
    if real:
        yield '  export AZURE_CONFIG_DIR="$(mktemp -d)"    # separate from your real Azure sign-ins'
    else:
        yield "  export AZURE_CORE_INSTANCE_DISCOVERY=false"
        yield f"  az cloud register --name {CLOUD_NAME} --endpoint-resource-manager {addresses.arm}"
        yield f"  az cloud set --name {CLOUD_NAME}"
    yield '  az login --service-principal -u "$AZURE_CLIENT_ID" -p "$AZURE_CLIENT_SECRET" --tenant "$AZURE_TENANT_ID"'
    yield ""
    yield f"Graph    {addresses.graph}"
    for site_id in addresses.sites:
        where = f"https://{addresses.of_site(site_id)}"
        yield f"Site     {where}  {'/'.join(site_id.split('/')[4:5] + site_id.split('/')[8::2])}"
    yield f"Control  {addresses.origin}/_sandbox/health"


def _hosts_file(addresses: Addresses) -> Iterator[str]:
    yield ("Azure's host names must resolve to this machine. Until you undo it, nothing here can reach the real Azure:")
    yield "  mct-s2s sandbox hosts | sudo tee -a /etc/hosts"
    yield f"  sudo sed -i.bak '/{MARK}$/d' /etc/hosts    # to undo it"
    if addresses.shared_port != PORT:
        yield f"Clients use port {PORT}: forward it to {addresses.shared_port}, or serve on that port."
    yield ""
