"""A client's own credential, from the variables that azure-identity reads: in a secret file or in the environment.

Source: learn.microsoft.com/python/api/overview/azure/identity-readme, "Environment variables".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from mct_s2s.errors import UsageError
from mct_s2s.local_files import read_given
from mct_s2s.model.client_sign_in import (
    AssertionFileCredential,
    CertificateCredential,
    ClientSignIn,
    OwnCredential,
    PresentedCredential,
    SecretCredential,
)
from mct_s2s.model.ids import ClientId, TenantId

ENVIRONMENT = "environment"
NEEDED = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID")


def own_credential(
    values: Mapping[str, str], source: str, *, made: datetime | None = None, name: str | None = None
) -> OwnCredential | None:
    """The credential that variables give; `None` where they give none.

    Raises:
        UsageError: they name a certificate that cannot be read.
    """
    credential = _credential(values)
    if credential is None or not all(values.get(variable) for variable in NEEDED):
        return None
    tenant, client = TenantId(values["AZURE_TENANT_ID"]), ClientId(values["AZURE_CLIENT_ID"])
    sign_in = ClientSignIn(tenant, client, credential, values.get("AZURE_AUTHORITY_HOST") or None)
    return OwnCredential(
        sign_in, source, values.get("MCT_S2S_SCOPE") or None, values.get("MCT_S2S_URL") or None, made, name
    )


def _credential(values: Mapping[str, str]) -> PresentedCredential | None:
    if values.get("AZURE_CLIENT_SECRET"):
        return SecretCredential(values["AZURE_CLIENT_SECRET"])
    if values.get("AZURE_CLIENT_CERTIFICATE_PATH"):
        path = Path(values["AZURE_CLIENT_CERTIFICATE_PATH"])
        try:
            return CertificateCredential(read_given(path), values.get("AZURE_CLIENT_CERTIFICATE_PASSWORD") or None)
        except OSError as error:
            raise UsageError(
                "certificate-unreadable",
                f"Cannot read the certificate '{path}': {error.strerror or error}",
                remedy="Set AZURE_CLIENT_CERTIFICATE_PATH to a PEM or PKCS#12 file that contains the private key.",
            ) from error
    if values.get("AZURE_FEDERATED_TOKEN_FILE"):
        return AssertionFileCredential(Path(values["AZURE_FEDERATED_TOKEN_FILE"]))
    return None
