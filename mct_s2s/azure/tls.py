"""Which certificate authorities are trusted: one answer for every library underneath.

requests reads `REQUESTS_CA_BUNDLE` alone, aiohttp and httpx read `SSL_CERT_FILE` alone: here either is enough.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path

from mct_s2s.errors import UsageError
from mct_s2s.local_files import must_not_block

VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


def ca_bundle(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The file that replaces the public authorities, if one is set.

    Raises:
        UsageError: a variable names a file that is not there, or something else than a file or a folder.
    """
    for name in VARIABLES[:2]:
        if environ.get(name):
            path = Path(environ[name])
            try:
                must_not_block(path)
            except OSError as error:
                raise _unusable(name, path, error) from error
            return path
    return None


def tls_context(extra: Path | None = None, environ: Mapping[str, str] = os.environ) -> ssl.SSLContext:
    """A verifying client context: the bundle from the environment, or else the system's and certifi's authorities.

    Args:
        extra: the only authority to trust instead: the sandbox's own.
        environ: the variables.
    """
    bundle = extra or ca_bundle(environ)
    if bundle is not None:
        is_folder = bundle.is_dir()
        try:
            context = ssl.create_default_context(
                cafile=None if is_folder else str(bundle), capath=str(bundle) if is_folder else None
            )
            second = environ.get("SSL_CERT_FILE") if extra is None else None
            if second and Path(second).is_file():
                context.load_verify_locations(cafile=second)
        except OSError as error:  # also what OpenSSL says of a file that holds no certificates
            raise _unusable(" or ".join(VARIABLES[:2]), bundle, error) from error
        return context
    import certifi  # noqa: PLC0415  # only where no bundle is named

    context = ssl.create_default_context()
    context.load_verify_locations(cafile=certifi.where())
    return context


def _unusable(name: str, path: Path, error: OSError) -> UsageError:
    missing = isinstance(error, FileNotFoundError)
    why = "the file does not exist" if missing else f"{error.strerror or error}"
    return UsageError("no-ca-bundle", f"Invalid {name} '{path}': {why}.", remedy=f"Correct {name} or unset it.")
