"""Whoever answers for `--cloud URL` chooses where tokens come from and go to: they get none of a
real cloud's.

Nor a password of `~/.netrc`, which is never read; nor does `verify` send one to a site other than
its own. The sandbox's control routes, which ask for no token, answer no page.
"""

import asyncio
import json
import netrc
import os
import shlex
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.exceptions import ServiceResponseError
from azure.core.rest import HttpRequest
from mct_s2s.azure.answers import ANSWER_BYTES, OddAnswer
from mct_s2s.azure.clouds import CHINA, PUBLIC, US_GOVERNMENT, US_GOVERNMENT_DOD, Cloud
from mct_s2s.azure.http import ThreadTransport
from mct_s2s.azure.sign_in.methods import sign_in
from mct_s2s.errors import Refused
from mct_s2s.model.client_sign_in import Method
from mct_s2s.sandbox.hosting.state_directory import StateDirectory
from mct_s2s.sandbox.state.seed import SITE, VAULT

from tests.azure.raw import Answer, Wire, connection
from tests.cli.conftest import Ended, Program
from tests.conftest import FUNCTION_APP, Json, Sandbox
from tests.support.answers import answering
from tests.support.azure_cli import AzureCli
from tests.support.proxy import proxy
from tests.support.sampling import sampled
from tests.support.sandbox_inside import Inside

METADATA = "/metadata/endpoints"
ELSEWHERE = "https://login.elsewhere.example"


def metadata(azure: Sandbox) -> Json:
    """What the sandbox says of itself."""
    document: Json = azure._http.get(f"{azure.origin}{METADATA}?api-version=2022-09-01").json()
    azure.forget()
    return document


def paths(inside: Inside) -> list[str]:
    return [f"{entry.service} {entry.path}" for entry in inside.log()]


MIXED: dict[str, dict[str, Any]] = {
    "Microsoft's login": {"authentication": {"loginEndpoint": PUBLIC.login}},
    "Microsoft's login and audience": {"authentication": {"loginEndpoint": PUBLIC.login,
                                                          "audiences": [PUBLIC.arm]}},
    "an audience of Microsoft's": {"authentication": {"audiences": ["https://management.core.windows.net/"]}},
    "a second audience of Microsoft's": {"authentication": {"audiences": ["https://x.example",
                                                                          PUBLIC.arm]}},
    "Microsoft's Graph": {"microsoftGraphResourceId": f"{PUBLIC.graph}/"},
    "Microsoft's vaults": {"suffixes": {"keyVaultDns": "vault.azure.net"}},
    "Microsoft's login, written otherwise": {"authentication": {"loginEndpoint": "https://LOGIN.microsoftonline.com.:443"}},
}  # fmt: skip


@pytest.mark.parametrize("mixed", MIXED.values(), ids=MIXED.keys())
def test_metadata_that_mixes_a_real_cloud_with_a_foreign_one_gets_no_token(
    mct: Program, azure: Sandbox, inside: Inside, mixed: dict[str, Any]
) -> None:
    document = metadata(azure)
    authentication = {**document["authentication"], **mixed.get("authentication", {})}
    inside.hooks.before.append(
        answering(
            lambda entry: entry.path == METADATA,
            {**document, **mixed, "authentication": authentication},
        )
    )
    done = mct("status", "-o", "json")
    assert (done.code, done.document["error"]["code"]) == (2, "cloud-untrusted")
    assert paths(inside) == [f"arm {METADATA}"], "nobody was asked for a token, and nobody got one"


def test_a_secret_in_the_environment_goes_to_its_login_host_only(
    mct: Program, azure: Sandbox, inside: Inside
) -> None:
    for named in (ELSEWHERE, ""):
        azure.forget()
        done = mct("status", "-o", "json", env={"AZURE_AUTHORITY_HOST": named})
        assert (done.code, done.document["error"]["code"]) == (2, "credential-of-another-cloud")
        assert f"AZURE_AUTHORITY_HOST={azure.origin}" in done.document["error"]["remedy"]
        assert paths(inside) == [f"arm {METADATA}"]


def test_a_clients_secret_goes_to_the_login_host_that_its_own_file_names_only(
    mct: Program, azure: Sandbox, inside: Inside, tmp_path: Path
) -> None:
    file = tmp_path / "client.env"
    assert mct("setup", "--client", "S2S-client", "--secret-to", f"file:{file}", "-y").code == 0
    written = file.read_text()
    assert f"AZURE_AUTHORITY_HOST={azure.origin}" in written
    for named in (f"AZURE_AUTHORITY_HOST={ELSEWHERE}", ""):
        file.write_text(written.replace(f"AZURE_AUTHORITY_HOST={azure.origin}", named))
        azure.forget()
        done = mct("verify", "--credentials", str(file), "-o", "json")
        assert done.code == 3
        assert "It was not sent." in done.out
        assert {entry.app_id for entry in inside.log() if entry.service == "entra"} == {
            azure.environment["AZURE_CLIENT_ID"]
        }
    file.write_text(written)
    assert mct("verify", "--credentials", str(file)).code == 0


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hosts that the program sends anything to; none of them answers."""
    hosts: list[str] = []

    async def refuse(_: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        raise httpx.ConnectError("it is not there", request=request)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", refuse)
    return hosts


UNNAMED = {"AZURE_AUTHORITY_HOST": "", "MCT_S2S_CLOUD": ""}
"""A credential without a login host, for a cloud that an option or a file names."""
OTHER_CLOUDS = pytest.mark.parametrize(
    "cloud", [US_GOVERNMENT, US_GOVERNMENT_DOD, CHINA], ids=lambda cloud: cloud.name
)


@OTHER_CLOUDS
@pytest.mark.parametrize("method", ["environment", "workload-identity"])
def test_a_credential_without_a_login_host_goes_to_the_public_cloud_only(
    mct: Program, azure: Sandbox, sent: list[str], tmp_path: Path, method: str, cloud: Cloud
) -> None:
    assertion = tmp_path / "token"
    assertion.write_text("a.job.token")
    environment = {**UNNAMED, "AZURE_FEDERATED_TOKEN_FILE": str(assertion)}
    words = ("status", "--auth", method, "-o", "json")
    done = mct(*words, "--cloud", cloud.name, env=environment)
    assert (done.code, done.document["error"]["code"]) == (2, "credential-of-another-cloud")
    assert done.document["error"]["remedy"].endswith(f"AZURE_AUTHORITY_HOST={cloud.login}")
    assert sent == []
    mct(*words, "--cloud", cloud.name, env={**environment, "AZURE_AUTHORITY_HOST": cloud.login})
    assert {f"https://{host}" for host in sent} == {cloud.login}
    sent.clear()
    mct(*words, env=environment)
    assert {f"https://{host}" for host in sent} == {PUBLIC.login}


@OTHER_CLOUDS
def test_a_trust_files_cloud_gets_no_credential_without_a_login_host(
    mct: Program, azure: Sandbox, sent: list[str], tmp_path: Path, cloud: Cloud
) -> None:
    file = tmp_path / "trust.toml"
    file.write_text(
        f'[profiles.there]\ncloud = "{cloud.name}"\n[sites.site]\nprofile = "there"\napp-service '
        f'= "{SITE}"\n'
    )
    done = mct("status", "-f", str(file), env=UNNAMED)
    assert done.code != 0
    assert f"AZURE_AUTHORITY_HOST={cloud.login}" in done.out + done.err
    assert sent == []


@OTHER_CLOUDS
def test_a_clients_credential_without_a_login_host_goes_to_the_public_cloud_only(
    mct: Program, azure: Sandbox, sent: list[str], tmp_path: Path, cloud: Cloud
) -> None:
    file = tmp_path / "client.env"
    environment = azure.environment
    names = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
    file.write_text("".join(f"{name}={environment[name]}\n" for name in names))
    words = (
        "verify",
        "--audience",
        "api://x",
        "--url",
        "https://site.example",
        "--cloud",
        cloud.name,
        "-o",
        "json",
    )
    for done in (mct(*words, "--credentials", str(file), env=UNNAMED), mct(*words, env=UNNAMED)):
        assert done.code == 3
        assert f"AZURE_AUTHORITY_HOST={cloud.login}" in done.out
    assert set(sent) == {"site.example"}, "the call without a token"


@pytest.mark.parametrize("named", ["", PUBLIC.login])
def test_a_managed_identity_gives_no_token_for_an_audience_that_a_foreign_cloud_chooses(
    mct: Program, azure: Sandbox, inside: Inside, named: str
) -> None:
    """Azure DevOps and Dynamics have hosts of their own, and so has any API of the tenant."""
    document = metadata(azure)
    audiences = {"audiences": ["https://contoso.crm.dynamics.com"]}
    authentication = {**document["authentication"], **audiences}
    answer = {**document, "authentication": authentication}
    inside.hooks.before.append(answering(lambda entry: entry.path == METADATA, answer))
    environment = {**azure.identity_environment(FUNCTION_APP), "AZURE_AUTHORITY_HOST": named}
    done = mct("status", "--auth", "managed-identity", "-o", "json", env=environment)
    assert (done.code, done.document["error"]["code"]) == (2, "credential-of-another-cloud")
    assert paths(inside) == [f"arm {METADATA}"], "no token was asked for"


@pytest.mark.parametrize("method", ["device-code", "browser"])
def test_no_person_is_sent_to_a_login_host_that_only_the_metadata_names(
    mct: Program, azure: Sandbox, inside: Inside, method: str
) -> None:
    """It could show a code that it got of Microsoft, or lead on to the page of Microsoft, where the
    person is signed in already, with a code challenge of its own.
    """
    document = metadata(azure)
    authentication = {**document["authentication"], "loginEndpoint": ELSEWHERE}
    answer = {**document, "authentication": authentication}
    inside.hooks.before.append(answering(lambda entry: entry.path == METADATA, answer))
    for named in ("", PUBLIC.login):
        azure.forget()
        environment = {"AZURE_AUTHORITY_HOST": named}
        done = mct("status", "--auth", method, "-o", "json", env=environment)
        assert (done.code, done.document["error"]["code"]) == (2, "credential-of-another-cloud")
        assert f"AZURE_AUTHORITY_HOST={ELSEWHERE}" in done.document["error"]["remedy"]
        assert "enter the code" not in done.err
        assert "Opening the browser" not in done.err
        assert paths(inside) == [f"arm {METADATA}"]


@pytest.mark.parametrize("method", [Method.DEVICE_CODE, Method.BROWSER])
def test_a_person_signs_in_at_a_login_host_that_the_environment_names(method: Method) -> None:
    private = Cloud(
        "private",
        ELSEWHERE,
        "https://graph.elsewhere.example",
        "https://arm.elsewhere.example",
        "x",
    )
    there = replace(connection(), cloud=private, environ={"AZURE_AUTHORITY_HOST": ELSEWHERE})

    async def asks_a_person() -> bool:
        return sign_in(method, there).asks_a_person

    assert asyncio.run(asks_a_person())


def test_azds_own_sign_in_gives_tokens_to_microsofts_clouds_only() -> None:
    """It sends its credential to the login host of its own cloud, which we are not told."""
    for cloud in (PUBLIC, US_GOVERNMENT, CHINA):
        assert (
            sign_in(Method.AZD, replace(connection(), cloud=cloud)).signed_in.description
            == "Azure Developer CLI"
        )
    foreign = replace(PUBLIC, login=ELSEWHERE, domains=())
    with pytest.raises(Refused) as raised:
        sign_in(Method.AZD, replace(connection(), cloud=foreign))
    assert raised.value.code == "credential-of-another-cloud"


def test_discovery_follows_no_redirect(mct: Program, azure: Sandbox, inside: Inside) -> None:
    moved = {"location": f"{azure.origin}/elsewhere"}
    inside.hooks.before.append(
        answering(lambda entry: entry.path == METADATA, status=307, headers=moved)
    )
    done = mct("status", "-o", "json")
    assert (done.code, done.document["error"]["code"]) == (1, "cloud-unreachable")
    assert set(paths(inside)) == {f"arm {METADATA}"}


NEXT = {
    "another host": "https://elsewhere.example",
    "another port": "{port}",
    "another scheme": "{scheme}",
}


@pytest.mark.parametrize("where", NEXT.values(), ids=NEXT.keys())
@pytest.mark.parametrize("service", ["graph", "arm"])
def test_the_next_page_is_looked_for_at_the_same_address_only(
    mct: Program, azure: Sandbox, inside: Inside, service: str, where: str
) -> None:
    base = azure.graph_url if service == "graph" else azure.origin
    host, _, port = base.removeprefix("https://").rpartition(":")
    link = (
        where.format(port=f"https://{host}:{int(port) + 4000}", scheme=f"http://{host}:{port}")
        + "/more"
    )
    page = {"value": [], "@odata.nextLink": link, "nextLink": link}
    # Without the group, the site is looked for by its name, and then in a list.
    listed = "/microsoft.graph.application" if service == "graph" else ("/resources", "/sites")
    inside.hooks.before.append(
        answering(lambda e: e.service == service and e.path.endswith(listed), page)
    )
    done = mct("status", "-o", "json", env={"MCT_S2S_RESOURCE_GROUP": ""})
    assert (done.code, done.document["error"]["code"]) == (1, f"{service}-unreachable")
    assert "an address other than" in done.document["error"]["message"]


def test_a_vault_is_not_left_for_another_address(
    mct: Program, azure: Sandbox, inside: Inside
) -> None:
    page = {"value": [], "nextLink": "https://elsewhere.vault.example/secrets?api-version=7.6"}
    inside.hooks.before.append(
        answering(lambda e: e.service == "vault" and e.path.endswith("/versions"), page)
    )
    done = mct(
        "setup", "--client", "S2S-client", "--secret-to", f"keyvault:{VAULT}", "-y", "-o", "json"
    )
    assert (done.code, done.document["error"]["code"]) == (1, "vault-unreachable")
    assert "an address other than" in done.document["error"]["message"]


def test_the_cli_is_asked_only_for_its_own_cloud(
    mct: Program, azure: Sandbox, inside: Inside, tmp_path: Path
) -> None:
    az = AzureCli(tmp_path / "cli", azure)
    (tmp_path / "cli" / "config").write_text("[cloud]\nname = AzureCloud\n")
    azure.forget()
    done = mct("status", "--auth", "cli", "-o", "json", env=az.env)
    assert (done.code, done.document["error"]["code"]) == (2, "credential-of-another-cloud")
    assert az.asked() == []


@pytest.mark.parametrize("wrong", ["../../x", "contoso.onmicrosoft.com", "", None, 4])
@pytest.mark.parametrize("key", ["tenantId", "subscriptionId"])
def test_the_ids_of_a_tenant_and_a_subscription_are_guids(
    mct: Program, azure: Sandbox, inside: Inside, key: str, wrong: object
) -> None:
    """They become parts of paths, and a tenant's the part of a sign-in's address that says who
    signs.
    """
    row = {
        "subscriptionId": azure.subscription_id,
        "tenantId": azure.tenant_id,
        "displayName": "x",
        key: wrong,
    }
    path = f"/subscriptions/{azure.subscription_id}"
    inside.hooks.before.append(answering(lambda entry: entry.path == path, row))
    done = mct("status", "-o", "json")
    assert (done.code, done.document["error"]["code"]) == (1, "arm-unreachable")


KEPT = (
    "machine 127.0.0.1 login proxy password p\ndefault login somebody password "
    "kept-for-something-else\n"
)
SETUP = ("setup", "--client", "S2S-client", "--secret-to", f"keyvault:{VAULT}", "-y")


class Read(AssertionError):
    """It was read."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory with such a file, and an alarm at the one way into it that all libraries
    take.
    """
    (tmp_path / ".netrc").write_text(KEPT)
    (tmp_path / ".netrc").chmod(0o600)

    def alarm(*arguments: object) -> None:
        raise Read(arguments)

    monkeypatch.setattr(netrc.netrc, "__init__", alarm)
    return tmp_path


def test_no_request_of_any_service_takes_a_password_from_netrc(
    mct: Program, azure: Sandbox, home: Path
) -> None:
    """Discovery, sign-in, Graph, Resource Manager, a vault, the MCT API and a managed identity."""
    for variables in ({}, {"NETRC": str(home / ".netrc")}):
        done = mct(*SETUP, env=variables)
        assert done.code == 0, done.err
        assert "Traceback" not in done.err
    inside_azure = {
        **azure.identity_environment(FUNCTION_APP),
        "AZURE_CLIENT_SECRET": "",
        "AZURE_CLIENT_ID": "",
    }
    done = mct("verify", "--audience", "api://x", "--url", azure.site_url, env=inside_azure)
    assert done.code == 3
    managed = mct("status", "--auth", "managed-identity", env=inside_azure)
    assert managed.code == 4, managed.err


def test_proxies_of_the_environment_are_used_without_netrc(
    mct: Program, process: Program, azure: Sandbox, home: Path
) -> None:
    """It holds a password for the proxy's own host, too."""
    assert mct("setup", "--client", "S2S-client", "-y").code == 0
    with proxy() as running:
        for address, credential in (("user:word@", "Basic dXNlcjp3b3Jk"), ("", "")):
            running.asked.clear()
            proxied = {"HTTPS_PROXY": f"http://{address}{running.address}"}
            done = process("verify", env={**proxied, "NO_PROXY": "", "no_proxy": ""})
            assert done.code == 0, done.err
            services = (azure.origin, azure.graph_url, azure.site_url)
            assert {f"CONNECT {url.removeprefix('https://')}" for url in services} <= {
                to for to, _ in running.asked
            }
            assert {shown for _, shown in running.asked} == {credential}
        running.asked.clear()
        spared = {"HTTPS_PROXY": f"http://{running.address}", "no_proxy": "localhost"}
        assert process("verify", env=spared).code == 0
        assert running.asked == []


def test_a_persons_sign_in_takes_nothing_from_netrc(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """azure-identity knows no asyncio for it; it is sent by the same connection."""
    monkeypatch.setenv("NETRC", str(home / ".netrc"))
    assert "Authorization" not in by_thread(b"{}").internal_response.request.headers


def test_a_persons_sign_in_reads_no_more_than_an_answer_may_have() -> None:
    with pytest.raises(ServiceResponseError) as raised:
        by_thread(b"x" * (ANSWER_BYTES + 1))
    assert isinstance(raised.value.__cause__, OddAnswer)


def by_thread(body: bytes) -> Any:
    async def main() -> Any:
        asked = HttpRequest("GET", "https://login.example/x")
        return await asyncio.to_thread(
            ThreadTransport(Wire(Answer(200, body)), "Entra").send, asked
        )

    return asyncio.run(main())


ROUTES = {
    "the state with all its secrets": ("GET", "/_sandbox/world"),
    "a new state": ("PUT", "/_sandbox/world"),
    "a caller who may do everything": ("POST", "/_sandbox/callers"),
    "the log": ("GET", "/_sandbox/requests"),
    "one that is not there": ("GET", "/_sandbox/nothing"),
    "written otherwise": ("GET", "/_SANDBOX/world"),
    "tokens of a managed identity": ("GET", f"/_sandbox/identity{FUNCTION_APP}/msi/token"),
}


@pytest.mark.parametrize(("method", "path"), ROUTES.values(), ids=ROUTES.keys())
def test_a_name_that_leads_here_and_a_page_in_a_browser_are_refused(
    azure: Sandbox, method: str, path: str
) -> None:
    port = azure.origin.rpartition(":")[2]
    for host in (
        "evil.example",
        f"evil.example:{port}",
        f"localhost.evil.example:{port}",
        "127.0.0.2",
        "",
        "a@localhost",
    ):
        answer = azure._http.request(method, azure.origin + path, headers={"Host": host})
        assert answer.status_code == 421, (host, answer.text)
    for page in ("https://evil.example", "null", "", azure.origin):
        answer = azure._http.request(method, azure.origin + path, headers={"Origin": page})
        assert answer.status_code == 403, (page, answer.text)
    assert SITE in str(azure.state()["resources"]), "and nothing was changed"


def test_the_sandbox_answers_programs_on_this_machine(azure: Sandbox, inside: Inside) -> None:
    port = azure.origin.rpartition(":")[2]
    for host in (
        "localhost",
        f"localhost:{port}",
        f"LOCALHOST:{port}",
        f"127.0.0.1:{port}",
        f"[::1]:{port}",
    ):
        answer = azure._http.get(f"{azure.origin}/_sandbox/health", headers={"Host": host})
        assert answer.status_code == 200, host


@pytest.mark.skipif(sys.platform == "win32", reason="modes are of POSIX")
def test_folders_that_the_sandbox_makes_are_its_users_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        state = StateDirectory(tmp_path / "a" / "b" / "sandbox")
        state.administrator()
    finally:
        os.umask(before)
    folders = [tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "sandbox"]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o700] * 3
    assert stat.S_IMODE((folders[-1] / "administrator.json").stat().st_mode) == 0o600


OTHER = "https://contoso-other.example"


def files(mct: Program, tmp_path: Path, *clients: str) -> list[Path]:
    """A credential file of each client."""
    paths = []
    for client in clients:
        paths.append(tmp_path / f"{client}.env")
        assert mct("setup", "--client", client, "--secret-to", f"file:{paths[-1]}", "-y").code == 0
    return paths


def with_value(file: Path, name: str, value: str) -> None:
    lines = [line for line in file.read_text().splitlines() if not line.startswith(f"{name}=")]
    file.write_text("\n".join([f"{name}={value}", *lines]) + "\n")


def calls(azure: Sandbox) -> list[int]:
    """What the site answered to calls that carried a token it took."""
    return [row["status"] for row in azure.log("site") if row["status"] == 200]


def row(ended: Ended, client: str) -> Any:
    (check,) = (
        row for row in ended.document["checks"] if (row["client"], row["check"]) == (client, "call")
    )
    return check


def audience_of(file: Path) -> str:
    (line,) = (line for line in file.read_text().splitlines() if line.startswith("MCT_S2S_SCOPE="))
    return line.partition("=")[2].removesuffix("/.default")


def test_a_token_for_something_else_is_not_sent_to_the_site(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    """A file that asks for a token of Graph would have it sent to whoever runs the App Service."""
    (file,) = files(mct, tmp_path, "A")
    with_value(file, "MCT_S2S_SCOPE", f"{azure.graph_url}/.default")
    azure.forget()
    ended = mct("verify", "--credentials", str(file), "-o", "json")
    assert ended.code == 3
    call = row(ended, "A")
    assert (call["ok"], "was not sent" in call["message"]) == (False, True)
    assert azure.graph_url in call["message"]
    assert len(azure.log("site")) == 1, "the call without a token alone"


def test_a_credential_whose_file_names_another_site_is_not_tried(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    (file,) = files(mct, tmp_path, "A")
    with_value(file, "MCT_S2S_URL", OTHER)
    azure.forget()
    ended = mct("verify", "--credentials", str(file), "-o", "json")
    assert (ended.code, row(ended, "A")["ok"]) == (3, False)
    assert OTHER in row(ended, "A")["message"]
    assert calls(azure) == []
    typed = mct("verify", "--credentials", str(file), "--url", azure.site_url, "-o", "json")
    assert (typed.code, row(typed, "A")["ok"]) == (3, False), "the same site, by whatever name"


def test_a_credential_of_the_sites_other_host_names_is_tried(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    (file,) = files(mct, tmp_path, "A")
    with_value(file, "MCT_S2S_URL", azure.site_url.upper().replace("HTTPS", "https") + "/")
    assert mct("verify", "--credentials", str(file), "-o", "json").code == 0


def test_several_credentials_go_each_to_its_own_site(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    """Today the first file's address got the tokens of all."""
    first, second = files(mct, tmp_path, "A", "B")
    audience = audience_of(first)
    with_value(first, "MCT_S2S_URL", "https://localhost:9")
    azure.forget()
    ended = mct("verify", "--audience", audience, "--credentials", str(first), "--credentials",
                str(second), "-o",
                "json", env={"MCT_S2S_URL": ""})  # fmt: skip
    values = [
        dict(line.partition("=")[::2] for line in file.read_text().splitlines())
        for file in (first, second)
    ]
    assert row(ended, values[0]["AZURE_CLIENT_ID"])["ok"] is None
    assert row(ended, values[1]["AZURE_CLIENT_ID"])["ok"] is True
    assert calls(azure) == [200]


def test_from_inside_a_token_of_another_audience_is_not_sent(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    """A service application with several URIs gives tokens whose audience is another than the one
    asked for.
    """
    (file,) = files(mct, tmp_path, "A")
    audience = audience_of(file)
    (service,) = azure.applications("MCT service (contosolearn)")
    azure.graph(
        "PATCH", f"/applications/{service['id']}", json={"api": {"requestedAccessTokenVersion": 2}}
    )
    azure.forget()
    ended = mct("verify", "--audience", audience, "--credentials", str(file), "-o", "json")
    client_id = azure.applications("A")[0]["appId"]
    assert (ended.code, row(ended, client_id)["ok"]) == (3, False)
    assert "was not sent" in row(ended, client_id)["message"]
    assert len(azure.log("site")) == 1


HOSTILE = [
    "\u2028AZURE_CLIENT_SECRET=x", "\u2029AZURE_CLIENT_SECRET=x", "\u0085AZURE_CLIENT_SECRET=x",
    "\nAZURE_CLIENT_SECRET=x", "\rAZURE_CLIENT_SECRET=x", "\x0bAZURE_CLIENT_SECRET=x",
    "\x0cAZURE_CLIENT_SECRET=x",
    "\x1eAZURE_CLIENT_SECRET=x", "'$(touch owned)'", "`touch owned`", '"; touch owned #', "\u202e",
    "\\",
]  # fmt: skip


@pytest.mark.parametrize("ending", sampled(HOSTILE, 2, salt="endings"), ids=ascii)
def test_a_display_name_adds_no_line_to_the_file(
    mct: Program, azure: Sandbox, tmp_path: Path, ending: str
) -> None:
    """Whoever may rename a registration must not choose what its client signs in with, or what a
    shell runs.
    """
    file = tmp_path / "a.env"
    assert mct("setup", "--client", "A", "--secret-to", f"file:{file}", "-y").code == 0
    (application,) = azure.applications("A")
    azure.graph("PATCH", f"/applications/{application['id']}", json={"displayName": f"A{ending}"})
    words = (
        "rotate-secret",
        "--expiring-within",
        "3000d",
        "--secret-lifetime",
        "never",
        "-y",
        "-o",
        "json",
    )
    rotated = mct(*words)
    assert rotated.code == 0, rotated
    written = Path(rotated.made[0]["savedTo"].removeprefix("file:"))
    lines = written.read_text(encoding="utf-8").splitlines()
    names = [line.partition("=")[0] for line in lines if not line.startswith("#")]
    assert len(names) == len(set(names)) == len(lines) - 1
    assert json.loads(lines[-1].removeprefix("# mct-s2s credential "))["client"].startswith("A")
    shell = [shlex.split(line, comments=True) for line in lines]
    assert all(len(words) == 1 for words in shell[:-1])
    assert shell[-1] == []
