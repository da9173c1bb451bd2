"""The environment of a client of a sandbox that `serve` runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from mct_s2s.sandbox.core.addresses import HOST
from mct_s2s.sandbox.core.real_names import PORT, RealNames
from mct_s2s.sandbox.hosting import certificates, shells
from mct_s2s.sandbox.hosting.shells import Shell
from mct_s2s.sandbox.hosting.state_directory import FOLDER_VARIABLE, Served, StateDirectory, default_directory
from mct_s2s.sandbox.state.seed import APP_SERVICE, RESOURCE_GROUP, SITE

_TRUST = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
"""Who reads them: requests and az, OpenSSL and Go, curl, Node.js. curl heeds its own variable before OpenSSL's."""
VARIABLES = (
    "MCT_S2S_CLOUD",
    *_TRUST,
    "AZURE_AUTHORITY_HOST",
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_SUBSCRIPTION_ID",
    "MCT_S2S_APP_SERVICE",
    "MCT_S2S_RESOURCE_GROUP",
    "MCT_S2S_URL",
)
"""Every variable that is set, so that all can be removed."""


def ports_from(port: int, names: Sequence[str]) -> dict[str, int]:
    """Return consecutive ports, in the order of `names`."""
    return {name: port + offset for offset, name in enumerate(names)}


def exports_of(served: Served, *, state_dir: Path | None = None) -> dict[str, str]:
    """Return the environment variables for a sandbox that is being served."""
    return real_exports(state_dir=state_dir) if served.real_names else exports(served.port, state_dir=state_dir)


def exports(port: int, *, state_dir: Path | None = None) -> dict[str, str]:
    """Return the environment variables; also before the sandbox on that port has started."""
    folder = StateDirectory(state_dir)
    authority, _ = certificates.ensure(folder.path)
    origin = f"https://{HOST}:{port}"
    return {
        "MCT_S2S_CLOUD": origin,
        **dict.fromkeys(_TRUST, str(authority)),
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
        **dict.fromkeys(_TRUST, str(authority)),
        **_administrator(folder),
        "MCT_S2S_URL": f"https://{RealNames.on(PORT, ()).of_site(SITE)}",
    }


def connecting(shell: Shell, *options: str) -> list[str]:
    """Return what to type in another terminal, so that clients there use the sandbox of this environment."""
    named = {FOLDER_VARIABLE: str(default_directory())} if os.environ.get(FOLDER_VARIABLE) else {}
    return shells.running(shell, " ".join(("mct-s2s sandbox env", *options)), named)


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
