"""What `sandbox serve` prints when it is ready: how clients connect. It holds no secret, as it ends up in logs."""

from __future__ import annotations

from collections.abc import Iterator

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.core.real_names import PORT
from mct_s2s.sandbox.hosting.environment import connecting
from mct_s2s.sandbox.hosting.hosts_file import MARK
from mct_s2s.sandbox.services.page import PATH

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
