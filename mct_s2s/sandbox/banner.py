"""What `sandbox serve` says when it is ready: how any client gets here. No secret is in it, as it ends up in logs."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from mct_s2s.sandbox.addresses import HOST, Addresses

CLOUD_NAME = "mct-sandbox"
_HIDDEN = "AZURE_CLIENT_SECRET"


def lines(addresses: Addresses, exports: Mapping[str, str]) -> Iterator[str]:
    """The lines to show; the first begins with "Sandbox ready"."""
    yield f"Sandbox ready: {addresses.arm}"
    yield ""
    yield "For any client, the administrator's secret included:"
    yield f'  eval "$(mct-s2s sandbox env --port {addresses.arm_port})"'
    yield "which is, for azure-identity and others:"
    for name, value in exports.items():
        yield f"  export {name}={'…' if name == _HIDDEN else shlex.quote(value)}"
    yield ""
    yield "For the Azure CLI, after that:"
    yield "  export AZURE_CORE_INSTANCE_DISCOVERY=false"
    yield f"  az cloud register --name {CLOUD_NAME} --endpoint-resource-manager {addresses.arm}"
    yield f"  az cloud set --name {CLOUD_NAME}"
    yield (
        f'  az login --service-principal --username "$AZURE_CLIENT_ID" --password "${_HIDDEN}" '
        '--tenant "$AZURE_TENANT_ID"'
    )
    yield ""
    yield f"Graph    {addresses.graph}"
    for site_id, port in addresses.sites.items():
        yield f"Site     https://{HOST}:{port}  {'/'.join(site_id.split('/')[4:5] + site_id.split('/')[8::2])}"
    yield f"Control  {addresses.origin}/_sandbox/health  (requests, leaks, faults, world, reset, clock, knobs, …)"
