"""Which way to sign in, chosen without touching the network.

`auto` takes the first that is configured: a service principal or workload identity in the environment, the Azure CLI,
azd, then on a terminal the browser, or a device code where no browser can be opened.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from mct_s2s.azure.sign_in import azure_cli
from mct_s2s.azure.sign_in.method import Method
from mct_s2s.errors import SignInFailed


def choose(method: Method, environ: Mapping[str, str] = os.environ, *, on_terminal: bool | None = None) -> Method:
    """The method that `auto` means here.

    Raises:
        SignInFailed: nothing is configured, and there is no terminal to ask on.
    """
    if method is not Method.AUTO:
        return method
    if environ.get("AZURE_CLIENT_ID"):
        if environ.get("AZURE_CLIENT_SECRET") or environ.get("AZURE_CLIENT_CERTIFICATE_PATH"):
            return Method.ENVIRONMENT
        if environ.get("AZURE_FEDERATED_TOKEN_FILE"):
            return Method.WORKLOAD_IDENTITY
    if azure_cli.is_signed_in(environ):
        return Method.CLI
    if shutil.which("azd", path=environ.get("PATH")) and _azd_is_signed_in(environ):
        return Method.AZD
    if sys.stdin.isatty() and sys.stderr.isatty() if on_terminal is None else on_terminal:
        return Method.BROWSER if _can_open_browser(environ) else Method.DEVICE_CODE
    raise SignInFailed(
        "not-signed-in",
        "Not signed in, and this is not an interactive terminal.",
        remedy="Run az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (or "
        "AZURE_CLIENT_CERTIFICATE_PATH) for a service principal.",
    )


def _azd_is_signed_in(environ: Mapping[str, str]) -> bool:
    try:
        folder = Path(environ.get("AZD_CONFIG_DIR") or Path.home() / ".azd")
        return (folder / "auth.json").exists() or (folder / "auth").is_dir()
    except (OSError, RuntimeError):  # too long a path, or a user without a home
        return False


def _can_open_browser(environ: Mapping[str, str]) -> bool:
    """Many tenants block device codes, so whatever opens a browser is tried: `BROWSER` is that of a remote editor."""
    return sys.platform in {"darwin", "win32"} or any(
        environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
