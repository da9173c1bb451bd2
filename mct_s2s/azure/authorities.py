"""A stored credential: what its file or environment names, and the login host it goes to, and no other.

`--cloud` may lead to anyone's server, which then says where to sign in: a secret or an assertion that is sent there is
its own to use at the real login service.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mct_s2s.azure.clouds import BY_NAME
from mct_s2s.errors import Refused, UsageError
from mct_s2s.local_files import read_given
from mct_s2s.model.azure_resources import same_origin
from mct_s2s.model.client_sign_in import (
    AssertionFileCredential,
    CertificateCredential,
    PresentedCredential,
    SecretCredential,
)

SECRET, CERTIFICATE_PATH = "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH"
AUTHORITY = "AZURE_AUTHORITY_HOST"
"""As azure-identity reads it: a host, or its https address."""
OF_MICROSOFT = "one of Microsoft's own clouds"


def may_sign_in(named: str | None, login: str) -> bool:
    """Whether a credential that names this login host, or none, may be sent to the login host `login`.

    Where none is named, it is one of those of Microsoft's own clouds, by which `--cloud NAME` goes.
    """
    if not named:
        return any(same_origin(cloud.login, login) for cloud in BY_NAME.values())
    address = named.strip()
    return same_origin(address if "://" in address else f"https://{address}", login)


def check(named: str | None, login: str, whose: str, remedy: str = "") -> None:
    """Stop before a stored credential is sent to a login host that is not its own; `remedy`: how to make it its own."""
    if not may_sign_in(named, login):
        raise Refused(
            "credential-of-another-cloud",
            f"{whose} is for {named or OF_MICROSOFT}, but the login host of --cloud is {login}. It was not sent.",
            remedy=f"Check --cloud. If the login host is right: {remedy or f'export {AUTHORITY}={login}'}",
        )


def presented_by(variables: Mapping[str, str]) -> PresentedCredential | None:
    """What azure-identity's variables name; `None`: nothing. Raises UsageError: a certificate cannot be read."""
    if variables.get(SECRET):
        return SecretCredential(variables[SECRET])
    if variables.get(CERTIFICATE_PATH):
        path = Path(variables[CERTIFICATE_PATH])
        try:
            password = variables.get("AZURE_CLIENT_CERTIFICATE_PASSWORD") or None
            return CertificateCredential(read_given(path), password, path)
        except OSError as error:
            raise UsageError(
                "certificate-unreadable",
                f"Cannot read the certificate '{path}': {error.strerror or error}",
                remedy=f"Set {CERTIFICATE_PATH} to a PEM or PKCS#12 file that contains the private key.",
            ) from error
    if variables.get("AZURE_FEDERATED_TOKEN_FILE"):
        return AssertionFileCredential(Path(variables["AZURE_FEDERATED_TOKEN_FILE"]))
    return None
