"""All connections trust the system, or what a variable names; where that is not enough, they say
what to do.
"""

import asyncio
import hashlib
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import truststore
from azure.core.pipeline.policies import RetryPolicy as SdkRetryPolicy
from azure.core.rest import HttpRequest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from mct_s2s import clock
from mct_s2s.azure.answers import UNTRUSTED
from mct_s2s.azure.cloud_metadata import discover
from mct_s2s.azure.clouds import PUBLIC
from mct_s2s.azure.connection import Connection
from mct_s2s.azure.http import VARIABLES, Http, ThreadTransport, tls_context
from mct_s2s.azure.resource_manager import ResourceManager
from mct_s2s.azure.sign_in import methods
from mct_s2s.azure.sign_in.methods import service_principal
from mct_s2s.azure.site_api import SiteApi
from mct_s2s.errors import S2SError, UsageError
from mct_s2s.model.client_sign_in import Method, SecretCredential

from tests.azure.raw import SignedIn
from tests.planning.scenarios import guid
from tests.support.mct import MCT
from tests.support.proxy import Proxy, proxy

# msgraph-sdk's own modules warn of their deprecation when they are imported.
pytestmark = pytest.mark.filterwarnings(
    "ignore:(GetQueryParameters|This class) is deprecated:DeprecationWarning"
)

SITE = "https://learn.contoso.com"
HOSTS = (
    "graph.microsoft.com",
    "management.azure.com",
    "login.microsoftonline.com",
    "learn.contoso.com",
)


# --- a company whose proxy inspects TLS: every server has a certificate of the company's root ---


class Origin(ThreadingHTTPServer):
    """Whoever is asked for, as the proxy shows them: every GET and POST gets an empty JSON list."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext) -> None:
        self.connections = 0
        super().__init__(("127.0.0.1", 0), _Empty)
        self.socket = tls.wrap_socket(self.socket, server_side=True)

    def get_request(self) -> tuple[Any, Any]:
        self.connections += 1
        return super().get_request()


class _Empty(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
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
        thread = threading.Thread(
            target=origin.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
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
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), False
        )
    return builder.sign(issuer_key or key, hashes.SHA256()), key


def _openssl_hash(common_name: str) -> str:
    """The name of a root's file in a folder, as `openssl x509 -hash` prints it for a subject that
    is a name alone.
    """
    text = common_name.encode()
    attribute = b"\x06\x03\x55\x04\x03\x0c" + bytes([len(text)]) + text
    sequence = b"\x30" + bytes([len(attribute)]) + attribute
    digest = hashlib.sha1(
        b"\x31" + bytes([len(sequence)]) + sequence, usedforsecurity=False
    ).digest()
    return f"{int.from_bytes(digest[:4], 'little'):08x}"


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    """Everything that leaves this machine passes the company's proxy; nothing trusts its
    root yet.
    """
    with inspecting(tmp_path, HOSTS) as running:
        for name in (*VARIABLES, "SSL_CERT_DIR", "NO_PROXY", "no_proxy", "https_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTPS_PROXY", f"http://{running.proxy.address}")
        monkeypatch.setattr(SdkRetryPolicy, "sleep", lambda *_: None)
        yield running


async def by_loop(http: Http) -> int:
    return (await http.get(f"{SITE}/x")).status_code


async def by_thread(http: Http) -> int:
    """As a person's sign-in is sent, by the part of azure-identity that knows no asyncio."""
    asked = HttpRequest("GET", "https://login.microsoftonline.com/x")
    return (await asyncio.to_thread(ThreadTransport(http, "Entra").send, asked)).status_code


every_client = pytest.mark.parametrize("ask", [by_loop, by_thread])
Ask = Callable[[Http], Awaitable[int]]


def answered(ask: Ask, tls: ssl.SSLContext) -> int:
    async def main() -> int:
        async with Http(tls) as http:
            return await ask(http)

    return asyncio.run(main())


@every_client
def test_a_companys_root_that_the_system_trusts_is_trusted_behind_its_proxy(
    company: Company, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    # Where OpenSSL finds the system's store
    monkeypatch.setenv("SSL_CERT_DIR", str(company.folder))
    assert answered(ask, tls_context()) == 200
    assert {target.partition(" ")[0] for target, _ in company.proxy.asked} == {"CONNECT"}


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("named", ["root", "folder"])
def test_a_root_that_a_variable_names_is_trusted(
    company: Company, monkeypatch: pytest.MonkeyPatch, variable: str, named: str
) -> None:
    monkeypatch.setenv(variable, str(getattr(company, named)))
    assert answered(by_loop, tls_context()) == 200


def test_roots_that_variables_name_replace_those_of_the_system(
    company: Company, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Who trusts one authority only is not to trust a hundred others beside it."""
    (tmp_path / "other").mkdir()
    with inspecting(tmp_path / "other", HOSTS) as other:
        monkeypatch.setenv("SSL_CERT_DIR", str(company.folder))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.root))
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            answered(by_loop, tls_context())


def test_an_authority_that_the_environment_names_is_the_only_one_of_its_context(
    company: Company,
) -> None:
    """So it is with the sandbox's own: whatever else this machine's variables name is not
    trusted.
    """
    context = tls_context({"SSL_CERT_FILE": str(company.root)})
    assert [certificate["subject"] for certificate in context.get_ca_certs()] == [
        ((("commonName", "company root"),),)
    ]


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_the_store_of_a_system_that_keeps_no_files_serves_every_client(
    company: Company, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    """truststore asks the keychain there; here it asks OpenSSL, in the same way of speaking to the
    clients.
    """
    context = tls_context(platform=platform)
    assert isinstance(context, truststore.SSLContext)
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        answered(by_loop, context)
    monkeypatch.setenv("SSL_CERT_DIR", str(company.folder))
    assert answered(by_loop, tls_context(platform=platform)) == 200


@pytest.mark.parametrize("proxy", ["socks5://user:word@127.0.0.1:1", "foo://user:word@x"])
def test_a_proxy_that_cannot_be_used_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(UsageError) as raised:
        Http(ssl.create_default_context())
    assert raised.value.code == "proxy-unusable"
    assert "word" not in raised.value.message + raised.value.remedy


# --- an authority that nobody knows ---


async def graph(connection: Connection) -> object:
    from mct_s2s.azure.graph import applications  # noqa: PLC0415
    from mct_s2s.azure.graph.client import GraphClient  # noqa: PLC0415

    return await applications.tenant(GraphClient(connection, cast("Any", SignedIn())))


async def resource_manager(connection: Connection) -> object:
    session = ResourceManager(connection, cast("Any", SignedIn()))
    return await session.send("GET", "/subscriptions", "list the subscriptions")


async def login(connection: Connection) -> object:
    credential = service_principal(
        guid("tenant"), guid("app"), SecretCredential("secret"), connection
    )
    return await credential.get_token("x/.default")


async def person(connection: Connection) -> object:
    return await methods.person(Method.DEVICE_CODE, connection).get_token("x/.default")


async def discovery(connection: Connection) -> object:
    return await connection.retry_policy().call(lambda: discover(PUBLIC.arm, connection.http))


async def site_api(connection: Connection) -> object:
    return await SiteApi(connection, SITE, "/x", MCT).get()


SERVICES = {
    graph: "graph-unreachable",
    resource_manager: "arm-unreachable",
    login: "login-unreachable",
    person: "login-unreachable",
    discovery: "cloud-unreachable",
    site_api: "site-unreachable",
}


def refusal(ask: Callable[[Connection], Awaitable[object]], tls: ssl.SSLContext) -> S2SError:
    async def main() -> object:
        async with Http(tls) as http:
            return await ask(Connection(PUBLIC, http, {}, clock.seconds() + 60, print))

    with pytest.raises(S2SError) as raised:
        asyncio.run(main())
    return raised.value


@pytest.mark.parametrize(("ask", "code"), SERVICES.items())
def test_an_unknown_authority_is_refused_at_once_with_the_way_out(
    company: Company, ask: Any, code: str
) -> None:
    """Nothing is sent, and no repetition helps: a minute of silence, and a hint at the network,
    helped nobody.
    """
    error = refusal(ask, tls_context())
    assert (error.code, error.advice, error.command) == (
        code,
        UNTRUSTED,
        "export SSL_CERT_FILE=FILE",
    )
    # Azure-identity repeats a person's by itself
    assert company.origin.connections == (4 if ask is person else 1)


@pytest.mark.parametrize("ask", [graph, resource_manager])
def test_a_certificate_of_another_host_is_no_unknown_authority(
    tmp_path: Path, company: Company, monkeypatch: pytest.MonkeyPatch, ask: Any
) -> None:
    (tmp_path / "wrong").mkdir()
    with inspecting(tmp_path / "wrong", ["elsewhere.example"]) as wrong:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{wrong.proxy.address}")
        monkeypatch.setenv("SSL_CERT_FILE", str(wrong.root))
        error = refusal(ask, tls_context())
        assert UNTRUSTED not in error.remedy
        assert "ostname mismatch" in error.message
        assert wrong.origin.connections == 1
