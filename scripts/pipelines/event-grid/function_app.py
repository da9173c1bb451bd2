"""An Azure Function: when a key vault says that a secret expires soon, mct-s2s replaces the secrets that do.

It signs in as the function app's own identity, so no secret is stored for it. What is rotated is what expires, not what
the event names: Event Grid may deliver an event twice, late, or not at all. The application settings say whose secrets:
MCT_S2S_APP_SERVICE, MCT_S2S_RESOURCE_GROUP and VAULT, where they are stored; or a trust.toml beside this file.
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import azure.functions as func

NEAR_EXPIRY = "Microsoft.KeyVault.SecretNearExpiry"
FILE = Path(__file__).with_name("trust.toml")

app = func.FunctionApp()
log = logging.getLogger("mct-s2s")


@app.event_grid_trigger(arg_name="event")
def secret_near_expiry(event: func.EventGridEvent) -> None:
    """Rotate; an error makes Event Grid deliver the event again later."""
    if event.event_type != NEAR_EXPIRY:
        return
    secret = event.get_json()
    place = f"keyvault:{secret['VaultName']}/{secret['ObjectName']}"
    if place.casefold() in map(str.casefold, rotate()):
        log.info("A new version of %r is stored.", place)
    else:
        log.warning("Nothing was stored in %r: it was replaced before, or is no client's here.", place)


def rotate() -> list[str]:
    """Replace what expires within a month; returns where the new secrets are.

    Raises:
        RuntimeError: not all of them were replaced; the log says what mct-s2s said.
    """
    sites = [f"--file={FILE}"] if FILE.exists() else [f"--secret-to=keyvault:{os.environ['VAULT']}"]
    settings = {"MCT_S2S_AUTH": "managed-identity", **os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with tempfile.TemporaryDirectory() as home:  # the app's own folder may be read-only
        done = subprocess.run(
            [sys.executable, "-m", "mct_s2s", "rotate-secret", *sites, "--expiring-within=31d", "--yes", "-o", "json"],
            env={**settings, "XDG_DATA_HOME": home, "XDG_STATE_HOME": home},
            capture_output=True,
            text=True,
            check=False,
        )
    log.info("%s", done.stderr)
    if done.returncode:
        raise RuntimeError(f"mct-s2s rotate-secret ended with exit code {done.returncode}.")
    document = json.loads(done.stdout)
    results = [site["result"] for site in document["sites"]] if "sites" in document else [document]
    return [one["savedTo"] for result in results for one in result["credentials"] if one["created"]]
