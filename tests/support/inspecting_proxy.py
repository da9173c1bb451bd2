"""A company whose proxy inspects TLS: behind it, every server has a certificate signed by the company's root."""

from __future__ import annotations

import hashlib
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.proxy import Proxy, proxy


class Origin(ThreadingHTTPServer):
    """Whoever is asked for, as the proxy shows them: every GET and POST gets an empty JSON list."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext) -> None:
        self.connections = 0
        super().__init__(("127.0.0.1", 0), _Empty)
        self.socket = tls.wrap_socket(self.socket, server_side=True)

    def get_request(self) -> tuple[Any, Any]:
        """Count it, accepted or not."""
        self.connections += 1
        return super().get_request()


class _Empty(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer at once."""
        body = b'{"value": []}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815  # the name that http.server calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
        """Nobody reads it."""


@dataclass(frozen=True)
class Company:
    """The company's root, and what its proxy has seen."""

    root: Path
    """A PEM file."""
    folder: Path
    """The root alone, as OpenSSL looks for it in a folder."""
    proxy: Proxy
    origin: Origin


@contextmanager
def inspecting(folder: Path, hosts: Sequence[str]) -> Iterator[Company]:
    """Run its proxy, which poses as these hosts."""
    root, root_key = _certificate("company root", None, None, ())
    server, server_key = _certificate("inspected", root, root_key, hosts)
    store = folder / "store"
    store.mkdir()
    pem = root.public_bytes(serialization.Encoding.PEM)
    (folder / "root.pem").write_bytes(pem)
    (store / f"{_openssl_hash('company root')}.0").write_bytes(pem)
    chain = folder / "server.pem"
    private = server_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain.write_bytes(private + server.public_bytes(serialization.Encoding.PEM))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(chain)
    with Origin(tls) as origin:
        thread = threading.Thread(target=origin.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        with proxy(origin.server_address[1]) as running:
            yield Company(folder / "root.pem", store, running, origin)
        origin.shutdown()
        thread.join()


def _certificate(
    name: str,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey | None,
    hosts: Sequence[str],
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A root, or a server's certificate. As many proxies' roots, it names no key identifiers."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), False)
    return builder.sign(issuer_key or key, hashes.SHA256()), key


def _openssl_hash(common_name: str) -> str:
    """The name of a root's file in a folder, as `openssl x509 -hash` prints it for a subject that is a name alone."""
    text = common_name.encode()
    attribute = b"\x06\x03\x55\x04\x03\x0c" + bytes([len(text)]) + text
    sequence = b"\x30" + bytes([len(attribute)]) + attribute
    digest = hashlib.sha1(b"\x31" + bytes([len(sequence)]) + sequence, usedforsecurity=False).digest()
    return f"{int.from_bytes(digest[:4], 'little'):08x}"
