"""What `sandbox serve` prints when it is ready: how clients connect. It holds no secret, as it ends up in logs."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.core.real_names import PORT
from mct_s2s.sandbox.hosting.hosts_file import MARK

CLOUD_NAME = "mct-sandbox"
_HIDDEN = "AZURE_CLIENT_SECRET"


def lines(addresses: Addresses, exports: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines; the first begins with "Sandbox ready"."""
    real = addresses.shared_port is not None
    yield f"Sandbox ready: {addresses.arm}"
    yield ""
    if real:
        yield from _hosts_file(addresses)
    yield "To set the environment for any client, including the administrator's secret:"
    yield f'  eval "$(mct-s2s sandbox env {"--real-names" if real else f"--port {addresses.arm_port}"})"'
    yield "This sets, for azure-identity and others:"
    for name, value in exports.items():
        yield f"  export {name}={'…' if name == _HIDDEN else shlex.quote(value)}"
    yield ""
    yield "Then, for the Azure CLI:"
    if real:
        yield '  export AZURE_CONFIG_DIR="$(mktemp -d)"    # separate from your real Azure sign-ins'
    else:
        yield "  export AZURE_CORE_INSTANCE_DISCOVERY=false"
        yield f"  az cloud register --name {CLOUD_NAME} --endpoint-resource-manager {addresses.arm}"
        yield f"  az cloud set --name {CLOUD_NAME}"
    yield (
        f'  az login --service-principal --username "$AZURE_CLIENT_ID" --password "${_HIDDEN}" '
        '--tenant "$AZURE_TENANT_ID"'
    )
    yield ""
    yield f"Graph    {addresses.graph}"
    for site_id in addresses.sites:
        where = f"https://{addresses.of_site(site_id)}"
        yield f"Site     {where}  {'/'.join(site_id.split('/')[4:5] + site_id.split('/')[8::2])}"
    yield f"Control  {addresses.origin}/_sandbox/health  (requests, leaks, faults, world, reset, clock, knobs, …)"


def _hosts_file(addresses: Addresses) -> Iterator[str]:
    yield ("Azure's host names must resolve to this machine. Until you undo it, nothing here can reach the real Azure:")
    yield "  mct-s2s sandbox hosts | sudo tee -a /etc/hosts"
    yield f"  sudo sed -i.bak '/{MARK}$/d' /etc/hosts    # to undo it"
    if addresses.shared_port != PORT:
        yield f"Clients use port {PORT}: forward it to {addresses.shared_port}, or serve on that port."
    yield ""
