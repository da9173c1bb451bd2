"""The environment of a client of a sandbox that `serve` runs on a given port."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mct_s2s.sandbox.core.addresses import HOST
from mct_s2s.sandbox.core.real_names import PORT, RealNames
from mct_s2s.sandbox.hosting import certificates
from mct_s2s.sandbox.hosting.state_directory import StateDirectory
from mct_s2s.sandbox.state.seed import APP_SERVICE, RESOURCE_GROUP, SITE


def ports_from(port: int, names: Sequence[str]) -> dict[str, int]:
    """Return consecutive ports, in the order of `names`."""
    return {name: port + offset for offset, name in enumerate(names)}


def exports(port: int, *, state_dir: Path | None = None) -> dict[str, str]:
    """Return the environment variables; also before the sandbox on that port has started."""
    folder = StateDirectory(state_dir)
    authority, _ = certificates.ensure(folder.path)
    origin = f"https://{HOST}:{port}"
    return {
        "MCT_S2S_CLOUD": origin,
        "REQUESTS_CA_BUNDLE": str(authority),
        "SSL_CERT_FILE": str(authority),
        "AZURE_AUTHORITY_HOST": origin,
        **_administrator(folder),
        "MCT_S2S_URL": f"https://{HOST}:{_site_port(port, folder)}",
    }


def real_exports(*, state_dir: Path | None = None) -> dict[str, str]:
    """Return those for a sandbox under Azure's own names, whatever its port: `--cloud` is not needed."""
    folder = StateDirectory(state_dir)
    authority, _ = certificates.ensure(folder.path, for_real_names=True)
    return {
        "MCT_S2S_CLOUD": "public",
        "REQUESTS_CA_BUNDLE": str(authority),
        "SSL_CERT_FILE": str(authority),
        "NODE_EXTRA_CA_CERTS": str(authority),
        **_administrator(folder),
        "MCT_S2S_URL": f"https://{RealNames.on(PORT, ()).of_site(SITE)}",
    }


def _administrator(folder: StateDirectory) -> dict[str, str]:
    """Return the variables of the administrator and of the seed's App Service."""
    administrator = folder.administrator()
    return {
        "AZURE_TENANT_ID": administrator["tenantId"],
        "AZURE_CLIENT_ID": administrator["clientId"],
        "AZURE_CLIENT_SECRET": administrator["clientSecret"],
        "AZURE_SUBSCRIPTION_ID": administrator["subscriptionId"],
        "MCT_S2S_APP_SERVICE": APP_SERVICE,
        "MCT_S2S_RESOURCE_GROUP": RESOURCE_GROUP,
    }


def _site_port(port: int, folder: StateDirectory) -> int:
    """Return the MCT site's port: the first of the seed's sites, another one where the state was loaded from a file."""
    known = folder.ports()
    offset = known.get(SITE.lower(), 0) - known.get("arm", 0)
    return port + offset if known.get("arm") == port and offset > 0 else port + 2
