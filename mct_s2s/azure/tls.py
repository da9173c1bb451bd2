"""Which certificate authorities are trusted: one TLS context for all connections of a command.

They are the system's own, so that a company's root is trusted wherever the system trusts it, also behind a proxy that
inspects TLS; and certifi's, for systems with an old list, or none. `REQUESTS_CA_BUNDLE` and `SSL_CERT_FILE`, which
other programs read as well, name a file or a folder of others that replace all of them; either is enough.
"""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path

import certifi

from mct_s2s.errors import UsageError
from mct_s2s.local_files import must_not_block

VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
NATIVE = frozenset({"darwin", "win32"})
"""Systems whose store is no file that OpenSSL could read."""


def tls_context(
    only: Path | None = None, environ: Mapping[str, str] = os.environ, platform: str = sys.platform
) -> ssl.SSLContext:
    """A client's context, which verifies certificates and host names.

    Args:
        only: the only authority to trust: the sandbox's own.
        environ: the variables.
        platform: whose store is the system's.

    Raises:
        UsageError: a variable names no file or folder of certificates.
    """
    named = {name: Path(environ[name]) for name in VARIABLES if environ.get(name)}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if only or named else _of_system(platform)
    if only is not None:
        context.load_verify_locations(cafile=only)
    else:
        for name, path in named.items():
            _load(context, name, path)
    # As ssl.create_default_context has it from Python 3.13 on: a bundle may hold just the authority that issues,
    # without the root. VERIFY_X509_STRICT, which came with it, would refuse the roots of many inspecting proxies.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _of_system(platform: str) -> ssl.SSLContext:
    if platform in NATIVE:
        import truststore  # noqa: PLC0415  # only there, and only without a bundle

        context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    else:
        # OpenSSL finds the system's store by itself, or by SSL_CERT_DIR. truststore would have it read anew for each
        # connection: 6 ms where it is a file, and before OpenSSL 3.4 slower each time (sethmlarson/truststore#212).
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_default_certs()
    context.load_verify_locations(cafile=certifi.where())
    return context


def _load(context: ssl.SSLContext, name: str, path: Path) -> None:
    try:
        must_not_block(path)
        if path.is_dir():
            context.load_verify_locations(capath=str(path))
        else:
            context.load_verify_locations(cafile=str(path))
    except OSError as error:  # also what OpenSSL says of a file that holds no certificates
        missing = isinstance(error, FileNotFoundError)
        why = "the file does not exist" if missing else f"{error.strerror or error}"
        raise UsageError(
            "no-ca-bundle", f"Invalid {name} '{path}': {why}.", remedy=f"Correct {name} or unset it."
        ) from error
