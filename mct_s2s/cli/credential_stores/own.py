"""The clients' credentials that are available: files named by the user, the environment, the files saved by default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mct_s2s.errors import UsageError
from mct_s2s.inputs.own_credentials import ENVIRONMENT, own_credential
from mct_s2s.local_files import read_given
from mct_s2s.model.client_sign_in import OwnCredential
from mct_s2s.stores.dotenv_file import delivered_in
from mct_s2s.stores.dotenv_text import variables_in
from mct_s2s.stores.file_store import FileStore


def from_files(paths: Sequence[Path]) -> list[OwnCredential]:
    """Those of `--credentials`.

    Raises:
        UsageError: a file that is not there, or holds no credential.
    """
    found: list[OwnCredential] = []
    for path in paths:
        try:
            credential, why = _from_file(path), "it does not contain a client's credential"
        except OSError as error:
            credential, why = None, str(error.strerror or error)
        if credential is None:
            raise UsageError(
                "credentials-unreadable",
                f"Invalid credentials file '{path}': {why}.",
                remedy="Use a secret file from setup or add-client. It sets AZURE_TENANT_ID, AZURE_CLIENT_ID and "
                "AZURE_CLIENT_SECRET (or AZURE_CLIENT_CERTIFICATE_PATH), one per line.",
            )
        found.append(credential)
    return found


def at_hand(named: Sequence[OwnCredential], environ: Mapping[str, str], folder: Path) -> list[OwnCredential]:
    """All of them, the ones that the user named first.

    Args:
        named: those of `--credentials`.
        environ: where a client's own program would look.
        folder: where secrets of this App Service are saved by default.

    Raises:
        UsageError: the environment names a certificate that cannot be used.
    """
    variables = {name: value for name, value in environ.items() if name.startswith("AZURE_")}
    in_environment = own_credential(variables, ENVIRONMENT)
    saved = [if_usable(path) for path in _newest_first(folder)]
    return [*named, *(found for found in (in_environment, *saved) if found is not None)]


def _from_file(path: Path) -> OwnCredential | None:
    """The credential in a file.

    Raises:
        OSError: the file cannot be read, or is someone else's.
        UsageError: it names a certificate that cannot be read.
    """
    text = read_given(path).decode("utf-8", errors="replace")
    note = delivered_in(text)
    made = note.delivered_at if note else None
    return own_credential(variables_in(text), FileStore(path).label, made=made)


def if_usable(path: Path) -> OwnCredential | None:
    """The credential in a file that no one named: one that cannot be used is skipped."""
    try:
        return _from_file(path)
    except (OSError, UsageError):
        return None


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.env"), key=_modified, reverse=True)


def _modified(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0
