"""Under Azure's own names: clients that know no other cloud find everything, and none of them is
sent elsewhere.
"""

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from mct_s2s.azure.cloud_metadata import read_cloud
from mct_s2s.azure.clouds import PUBLIC
from mct_s2s.cli.app import main
from mct_s2s.errors import UsageError
from mct_s2s.sandbox.core.addresses import RealNames
from mct_s2s.sandbox.entra.tokens.assertions import issuer_key
from mct_s2s.sandbox.hosting import embedded, listening, server, startup, state_directory
from mct_s2s.sandbox.hosting.environment import exports
from mct_s2s.sandbox.hosting.server import MARK, hosts_lines, names
from mct_s2s.sandbox.hosting.state_directory import Served, StateDirectory
from mct_s2s.sandbox.observability.issued_tokens import claims_of
from mct_s2s.sandbox.state import seed
from mct_s2s.sandbox.state.state import SandboxState

from tests.conftest import without_azure
from tests.sandbox.conftest import Client
from tests.support.proxy import proxy

LOGIN, GRAPH, ARM = (
    "https://login.microsoftonline.com",
    "https://graph.microsoft.com",
    "https://management.azure.com",
)
SITE, VAULT = "https://contosolearn.azurewebsites.net", f"https://{seed.VAULT}.vault.azure.net"
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def azure_names(state: SandboxState) -> Client:
    return Client(state, RealNames(443, state.resources.sites))


@pytest.mark.parametrize(
    ("url", "service", "status"),
    [
        (f"{LOGIN}/{seed.TENANT_ID}/v2.0/.well-known/openid-configuration", "entra", 200),
        (f"https://login.windows.net/{seed.TENANT_ID}/discovery/keys", "entra", 200),
        (f"https://STS.windows.net:443/{seed.TENANT_ID}/discovery/v2.0/keys", "entra", 200),
        (f"{LOGIN}/subscriptions", "entra", 501),
        (f"{ARM}/metadata/endpoints?api-version=2022-09-01", "arm", 200),
        (f"{ARM}/{seed.TENANT_ID}/v2.0/.well-known/openid-configuration", "arm", 501),
        (f"{GRAPH}/v1.0/organization", "graph", 401),
        (f"{GRAPH}/subscriptions", "graph", 501),
        (f"{SITE}/api/v1/organization", "site", 401),
        ("https://contosolearn-staging.azurewebsites.net./api/v1/organization", "site", 401),
        ("https://reports-func.azurewebsites.net/", "site", 200),
        ("https://nobody.azurewebsites.net/", "site", 404),
        (f"{VAULT}/secrets/x?api-version=7.4", "vault", 401),
        ("https://nobody.vault.azure.net/secrets?api-version=7.4", "vault", 404),
        ("https://portal.azure.com/", "nowhere", 421),
        ("https://evil.example/_sandbox2", "nowhere", 421),
        ("https://localhost/_sandbox/health", "control", 200),
        ("https://127.0.0.1:8443/_sandbox/health", "control", 200),
        ("https://localhost/subscriptions", "control", 501),
    ],
)
def test_the_host_alone_says_whom_a_request_is_for(
    azure_names: Client, url: str, service: str, status: int
) -> None:
    assert azure_names.request("GET", url).status_code == status
    assert [entry.service for entry in azure_names.log] == [service]


@pytest.mark.parametrize(
    "host", ["login.microsoftonline.com", "management.azure.com", "contosolearn.azurewebsites.net"]
)
@pytest.mark.parametrize(
    "path", ["/_sandbox/world", "/_SANDBOX/world", "/_sandbox/issuer/ci/token"]
)
def test_the_control_routes_are_not_there_under_a_name_of_azures(
    azure_names: Client, host: str, path: str
) -> None:
    assert azure_names.request("GET", f"https://{host}{path}").status_code == 421
    local = {"Host": "localhost", "Origin": f"https://{host}"}
    assert azure_names.request("GET", f"https://localhost{path}", headers=local).status_code == 403


def test_no_answer_names_any_other_host(azure_names: Client) -> None:
    """Not even where a challenge, a link or a document leads: nothing may end at `localhost`, or
    beyond this cloud.
    """
    bad = {"Authorization": "Bearer x"}
    answers = [
        azure_names.request("GET", f"{LOGIN}/common/v2.0/.well-known/openid-configuration"),
        azure_names.request("GET", f"{LOGIN}/{seed.TENANT_ID}/.well-known/openid-configuration"),
        azure_names.request("GET", f"{ARM}/metadata/endpoints?api-version=2022-09-01"),
        azure_names.graph("GET", "/organization", headers=bad),
        azure_names.arm("GET", seed.SITE, headers=bad),
        azure_names.request("GET", f"{VAULT}/secrets?api-version=7.4"),
        azure_names.graph("GET", "/applications?$top=1"),
        azure_names.graph("POST", "/applications", json={"displayName": "x"}),
        azure_names.arm("GET", seed.SITE),
        azure_names.arm("GET", f"{seed.SUBSCRIPTION}/resources", version="2022-09-01"),
    ]
    challenges = [answer.headers.get("www-authenticate", "") for answer in answers]
    assert sum(LOGIN in challenge for challenge in challenges) == 3
    assert 'resource="https://vault.azure.net"' in challenges[5]
    assert answers[6].json()["@odata.nextLink"].startswith(f"{GRAPH}/v1.0/applications?")
    assert answers[8].json()["properties"]["defaultHostName"] == SITE.removeprefix("https://")
    for answer in answers:
        assert "localhost" not in answer.text + str(answer.headers), answer.url


def test_the_program_takes_its_metadata_for_the_public_cloud(azure_names: Client) -> None:
    """It refuses a document that mixes Microsoft's names with others."""
    document = azure_names.request("GET", f"{ARM}/metadata/endpoints?api-version=2022-09-01").json()
    assert document["name"] == "AzureCloud"
    assert read_cloud(ARM, document) == PUBLIC


def test_instance_discovery_names_the_authority_by_all_its_names(azure_names: Client) -> None:
    url = f"{LOGIN}/common/discovery/instance"
    asked = {
        "api-version": "1.0",
        "authorization_endpoint": f"https://login.windows.net/{NOBODY}/oauth2/v2.0/authorize",
    }
    (row,) = azure_names.request("GET", url, params=asked).json()["metadata"]
    assert (row["preferred_network"], row["preferred_cache"]) == (
        "login.microsoftonline.com",
        "login.windows.net",
    )
    assert set(row["aliases"]) == {
        "login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"
    }  # fmt: skip
    asked["authorization_endpoint"] = "https://localhost/common/oauth2/v2.0/authorize"
    assert azure_names.request("GET", url, params=asked).status_code == 400


@pytest.mark.parametrize(
    "resource", ["https://management.azure.com", "https://management.core.windows.net/"]
)
def test_resource_manager_has_two_names(azure_names: Client, resource: str) -> None:
    """`az` asks by the older one, with its slash: `https://management.core.windows.net//.default`."""
    token = azure_names.token(f"{resource}/.default")
    claims = claims_of(token) or {}
    assert (claims["aud"], claims["iss"]) == (
        resource,
        f"https://sts.windows.net/{seed.TENANT_ID}/",
    )
    headers = {"Authorization": f"Bearer {token}"}
    assert azure_names.arm("GET", seed.SITE, headers=headers).status_code == 200
    assert azure_names.request("GET", "https://localhost/_sandbox/leaks").json()["value"] == []


def test_a_refused_audience_is_told_all_that_would_do(azure_names: Client) -> None:
    headers = {"Authorization": f"Bearer {azure_names.token(GRAPH + '/.default')}"}
    message = azure_names.arm("GET", seed.SITE, headers=headers).json()["error"]["message"]
    assert (
        "'https://management.core.windows.net/','https://management.core.windows.net'," in message
    )
    assert "'https://management.azure.com/','https://management.azure.com'" in message


def test_a_vault_takes_the_token_of_its_real_resource(azure_names: Client) -> None:
    headers = {"Authorization": f"Bearer {azure_names.token('https://vault.azure.net/.default')}"}
    url = f"{VAULT}/secrets/s?api-version=7.4"
    secret = azure_names.request(
        "PUT", url, headers=headers, json={"value": "a secret value"}
    ).json()
    assert secret["id"].startswith(f"{VAULT}/secrets/s/")


def test_a_site_that_comes_later_answers_at_its_name(azure_names: Client) -> None:
    site = azure_names.request(
        "POST", "https://localhost/_sandbox/sites", json={"name": "Later"}
    ).json()
    assert site["url"] == "https://later.azurewebsites.net"
    assert azure_names.request("GET", f"{site['url']}/api/v1/organization").status_code == 401


def test_issuers_that_the_sandbox_plays_are_its_own(azure_names: Client) -> None:
    sent = {"subject": "s", "audience": "api://AzureADTokenExchange"}
    answer = azure_names.request(
        "POST", "https://localhost/_sandbox/issuer/ci/token", json=sent
    ).json()
    assert answer["issuer"] == "https://localhost/_sandbox/issuer/ci"
    assert issuer_key(azure_names.state.directory, answer["issuer"]) is not None


def test_every_name_gets_two_lines_with_a_mark_and_a_certificate(state: SandboxState) -> None:
    lines = list(hosts_lines(state.resources))
    assert all(line.endswith(f" {MARK}") for line in lines)
    names = [line.split()[1] for line in lines if line.startswith("127.0.0.1 ")]
    assert names == [line.split()[1] for line in lines if line.startswith("::1 ")]
    assert {"contosolearn.azurewebsites.net", "contosolearn-staging.azurewebsites.net"} <= set(
        names
    )
    assert {"contosolearn-kv.vault.azure.net", f"{seed.VAULT}.vault.azure.net"} <= set(names)


def test_a_state_from_a_file_adds_no_line_of_its_own(state: SandboxState) -> None:
    key = next(key for key in state.resources.sites if key.endswith("/partner-portal"))
    for name in ("x\n127.0.0.1 bank.example", "a b", "a.b", "-a", "#"):
        state.resources.sites[key.replace("partner-portal", name)] = state.resources.sites[key]
    assert list(hosts_lines(state.resources)) == list(hosts_lines(seed.seed("s").resources))


def test_the_usual_authority_does_not_vouch_for_azures_names(tmp_path: Path) -> None:
    """Whoever trusts the sandbox's `ca.pem` has not agreed to anybody who calls himself
    login.microsoftonline.com.
    """
    usual, real = (
        state_directory.certificates(tmp_path),
        state_directory.certificates(tmp_path, for_real_names=True),
    )
    assert not {*usual} & {*real}
    assert [path.stat().st_mode & 0o777 for path in (usual[1], real[1])] == [0o600, 0o600]
    of = [x509.load_pem_x509_certificate(pair[1].read_bytes()) for pair in (usual, real)]
    of[1].verify_directly_issued_by(x509.load_pem_x509_certificate(real[0].read_bytes()))
    with pytest.raises(ValueError, match="issuer"):
        of[1].verify_directly_issued_by(x509.load_pem_x509_certificate(usual[0].read_bytes()))
    names = of[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [
        "localhost",
        "*.vault.localhost",
        "*.azurefd.localhost",
    ]


# Over TLS, at a port that needs no rights: a proxy leads there, as a hosts file does with port 443.


@dataclass(frozen=True)
class Listening:
    """A sandbox under Azure's names at some port, kept in a folder."""

    folder: Path
    port: int
    state: SandboxState


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    folder = tmp_path_factory.mktemp("real-names")
    kept = StateDirectory(folder)
    state = kept.state()
    state.resources.restart_seconds = state.resources.operation_seconds = 0.0
    opened = listening.open_ports(["all"], {})
    port = opened["all"][0].getsockname()[1]
    web, _, _ = startup.prepare(kept, state, opened, real_names=True)
    ready = threading.Event()
    web.started_up = ready.set
    thread = threading.Thread(target=web.run, args=(startup.all_of(opened),), daemon=True)
    thread.start()
    assert ready.wait(60)
    yield Listening(folder, port, state)
    web.stop()
    thread.join()


Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def run(
    listener: Listening,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Run]:
    """The program as it would be used against the real Azure, but for the file of the authority and
    the proxy.
    """
    environment = {
        **without_azure(),
        **exports(443, real_names=True, state_dir=listener.folder),
        "HOME": str(tmp_path),
    }
    del environment["MCT_S2S_CLOUD"]
    with proxy(listener.port) as leading:
        environment |= {"HTTPS_PROXY": f"http://{leading.address}", "NO_PROXY": "", "no_proxy": ""}
        environment |= {
            f"XDG_{kind}_HOME": str(tmp_path / kind) for kind in ("DATA", "STATE", "CONFIG")
        }
        for name in {*without_azure()} - {*environment}:
            monkeypatch.delenv(name)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

        def started(*words: str) -> tuple[int, Any]:
            code = main([*words, "--cloud", "AzureCloud", "-o", "json"])
            out = capsys.readouterr().out
            return code, json.loads(out)

        yield started
        assert {target.rpartition(":")[2] for target, _ in leading.asked} == {"443"}


@pytest.mark.filterwarnings(
    "ignore:(GetQueryParameters|This class) is deprecated:DeprecationWarning"
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_program_does_the_job_unchanged(run: Run, listener: Listening, tmp_path: Path) -> None:
    secret_file = tmp_path / "client.env"
    code, done = run("setup", "--client", "S2S-client", "-y", "--secret-to", f"file:{secret_file}")
    assert code == 0, done
    settings = listener.state.resources.sites[seed.SITE.lower()].settings
    assert settings["ServiceAuthTenantId"] == seed.TENANT_ID


def test_the_certificate_is_good_for_every_name_of_the_hosts_file(listener: Listening) -> None:
    context = ssl.create_default_context(cafile=listener.folder / "real-names-ca.pem")
    dns_names = names(listener.state.resources)
    assert "graph.microsoft.com" in dns_names
    for name in dns_names:
        with (
            socket.create_connection(("127.0.0.1", listener.port)) as plain,
            context.wrap_socket(plain, server_hostname=name) as shaken,
        ):
            assert shaken.version() == "TLSv1.3", name


def test_programs_are_told_that_the_sandbox_is_served_under_real_names(tmp_path: Path) -> None:
    """`--cloud sandbox` would have to look for the real names; it ends instead of waiting for the
    other to end.
    """
    kept = StateDirectory(tmp_path)
    with (
        kept.exclusive(seconds=0),
        kept.serving(Served(443, real_names=True)),
        pytest.raises(ValueError, match="--cloud public"),
    ):
        embedded.start(tmp_path)


def test_hosts_env_and_save_are_about_the_one_that_is_served(
    listener: Listening,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """What a shell takes; `sandbox save` finds the served one by its own authority."""
    monkeypatch.setenv("MCT_S2S_SANDBOX_DIR", str(listener.folder))
    assert main(["sandbox", "hosts"]) == 0
    hosts = capsys.readouterr().out.splitlines()
    assert f"127.0.0.1 contosolearn.azurewebsites.net {MARK}" in hosts
    assert f"::1 login.microsoftonline.com {MARK}" in hosts
    folder = StateDirectory(listener.folder)
    with folder.exclusive(seconds=0), folder.serving(Served(listener.port, real_names=True)):
        assert main(["sandbox", "env", "--real-names"]) == 0
        server.save(tmp_path / "world.json", listener.folder)
    kept = json.loads((tmp_path / "world.json").read_text())
    assert kept["directory"]["tenant"]["tenantId"] == seed.TENANT_ID
    exported = capsys.readouterr().out.splitlines()
    assert f"export SSL_CERT_FILE={listener.folder / 'real-names-ca.pem'}" in exported
    assert "export MCT_S2S_URL=https://contosolearn.azurewebsites.net" in exported
    assert not any("AZURE_AUTHORITY_HOST" in line for line in exported)


def test_a_sandbox_that_cannot_be_used_is_an_error_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mct_s2s.azure.clouds import open_cloud  # noqa: PLC0415

    def unusable(**_: int) -> None:
        raise ValueError("why")

    async def opening() -> None:
        async with open_cloud("sandbox"):
            pass

    monkeypatch.setattr(embedded, "start", unusable)
    with pytest.raises(UsageError, match="why") as raised:
        asyncio.run(opening())
    assert "MCT_S2S_SANDBOX_DIR" in (raised.value.remedy or "")


def test_a_port_that_is_not_for_this_user_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(port: int, address: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(listening, "_open", refused)
    with pytest.raises(listening.PortTaken) as raised:
        listening.open_exactly({"all": 443})
    assert raised.value.command.endswith("ip_unprivileged_port_start=443")
