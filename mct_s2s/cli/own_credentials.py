"""The clients' credentials that are at hand: files named by the user, the environment, the files saved by default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mct_s2s.adapters.secret_places import FilePlace, variables_of
from mct_s2s.errors import UsageError
from mct_s2s.inputs.own_credentials import ENVIRONMENT, own_credential
from mct_s2s.model.access import ClientSignIn, OwnCredential, SecretProof
from mct_s2s.ports import SecretPlace


async def from_files(paths: Sequence[Path]) -> list[OwnCredential]:
    """Those of `--credentials`.

    Raises:
        UsageError: a file that is not there, or holds no credential.
    """
    found: list[OwnCredential] = []
    for path in paths:
        credential = await _from_file(path)
        if credential is None:
            raise UsageError(
                "credentials-unreadable",
                f"'{path}' cannot be read, or holds no client's credential.",
                remedy="Name a secret file of setup or add-client: AZURE_TENANT_ID, AZURE_CLIENT_ID and "
                "AZURE_CLIENT_SECRET (or AZURE_CLIENT_CERTIFICATE_PATH), a line each.",
            )
        found.append(credential)
    return found


async def at_hand(paths: Sequence[Path], environ: Mapping[str, str], folder: Path) -> list[OwnCredential]:
    """All of them, the ones that the user named first.

    Args:
        paths: `--credentials`.
        environ: where a client's own program would look.
        folder: where secrets of this App Service are saved by default.

    Raises:
        UsageError: a named file that cannot be used.
    """
    named = await from_files(paths)
    variables = {name: value for name, value in environ.items() if name.startswith("AZURE_")}
    in_environment = own_credential(variables, ENVIRONMENT)
    saved = [await _from_file(path) for path in _newest_first(folder)]
    return [*named, *(found for found in (in_environment, *saved) if found is not None)]


async def from_places(places: Iterable[tuple[str, SecretPlace]]) -> list[OwnCredential]:
    """Those that stand where this very run puts them, each with its client's name."""
    found: list[OwnCredential] = []
    for name, place in places:
        if isinstance(place, FilePlace):  # its file names a certificate's key, too
            own = await _from_file(place.path)
            found += [replace(own, name=name)] if own is not None else []
            continue
        stored = await place.read()
        if stored is not None:
            proof = SecretProof(stored.secret)
            sign_in = ClientSignIn(stored.tenant_id, stored.client_id, proof, stored.authority_host)
            found.append(OwnCredential(sign_in, place.label, stored.scope, stored.url, name=name))
    return found


async def _from_file(path: Path) -> OwnCredential | None:
    place = FilePlace(path)
    note = await place.note()
    return own_credential(variables_of(path), place.label, made=note.delivered_at)


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.env"), key=lambda path: path.stat().st_mtime, reverse=True)
