"""The sandbox's own certificate authority: created once, used for one certificate, its private key discarded.

A client that trusts `ca.pem` therefore trusts this one certificate and no later one. Azure's own names have another
authority, so that who trusts the usual one does not accept the sandbox as Azure. Neither is ever installed where a
system or a browser would trust it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509

from mct_s2s.sandbox.core.addresses import HOST
from mct_s2s.sandbox.core.files import replace_file
from mct_s2s.sandbox.core.real_names import CERTIFIED

LIFETIME = timedelta(days=730)
RENEW_BEFORE = timedelta(days=30)


def ensure(state_dir: Path, *, for_real_names: bool = False) -> tuple[Path, Path]:
    """Return the files of the authority's certificate and of the server's key and chain; create them if necessary.

    The second file is of mode 0600.
    """
    prefix, names = ("real-names-", CERTIFIED) if for_real_names else ("", (HOST, f"*.vault.{HOST}"))
    authority, server = state_dir / f"{prefix}ca.pem", state_dir / f"{prefix}server.pem"
    now = datetime.now(UTC)
    if not (authority.exists() and server.exists() and _end(server) - RENEW_BEFORE > now):
        ca = trustme.CA(path_length=0, organization_name="mct-s2s sandbox authority")
        issued = ca.issue_cert(*names, "127.0.0.1", "::1", common_name=HOST, not_after=now + LIFETIME)
        replace_file(server, issued.private_key_and_cert_chain_pem.bytes())
        replace_file(authority, ca.cert_pem.bytes())
        authority.chmod(0o644)
    return authority, server


def _end(path: Path) -> datetime:
    return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
