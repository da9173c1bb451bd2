"""`mct-s2s snippet`: whose program it is, what it rests on, and that each one runs as it is
printed.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from mct_s2s.model.client_credentials import GITHUB
from mct_s2s.sandbox.state import seed
from ruamel.yaml import YAML

from tests.cli.conftest import Ended, Program, run_here
from tests.conftest import FUNCTION_APP, LOGIC_APP, USER_IDENTITY, Json, Sandbox, without_azure
from tests.pipelines.services import GitHub
from tests.support.sampling import every_cell
from tests.support.sandbox_inside import Inside
from tests.support.secret_search import processes_of

WORKFLOW = "repo:contoso/import:ref:refs/heads/main"
ISSUER = "/_sandbox/issuer/cluster"
POD = "system:serviceaccount:apps:import"
ANSWER = [{"id": 1, "name": "Contoso Learning", "isDefault": True}]
UNDER_GITHUB = ("--credential", "federated", "--github", "contoso/import")

only_with_all = pytest.mark.skipif(not every_cell(), reason="starts programs: --all")


def done(ended: Ended) -> Ended:
    assert ended.code == 0, ended.err
    return ended


@dataclass(frozen=True)
class Clients:
    """A trust with clients of every kind, made once: nothing here changes it."""

    home: Path
    """Where their credentials are saved."""
    inside: Inside
    kept: Json
    """The sandbox's state."""

    def run(self, *words: str, env: Mapping[str, str] | None = None) -> Ended:
        """Run a command of the program."""
        given = {**self.inside.azure.environment, **(env or {})}
        return run_here(*words, env=given, home=self.home, inside=self.inside)

    def snippet(self, *words: str, env: Mapping[str, str] | None = None) -> Ended:
        """Print a program that can be printed."""
        return done(self.run("snippet", *words, env=env))

    def refused(self, *words: str) -> tuple[int, str, str]:
        """Exit code, error code and remedy of one that cannot."""
        ended = self.run("snippet", *words, "-o", "json")
        error = ended.document["error"]
        return ended.code, error["code"], error["remedy"]

    def file(self, ending: str, name: str) -> Path:
        """What was saved for a client."""
        (path,) = self.home.rglob(f"{name}-*.{ending}")
        return path


@pytest.fixture(scope="module")
def made(inside: Inside, seeded: Json, tmp_path_factory: pytest.TempPathFactory) -> Clients:
    home = tmp_path_factory.mktemp("home")
    inside.become(seeded)
    clients = Clients(home, inside, {})
    identities = [
        word
        for resource in (FUNCTION_APP, USER_IDENTITY, LOGIC_APP)
        for word in ("--managed-identity", resource)
    ]
    done(
        clients.run(
            "setup", "--client", "Import", "--client", "Both", *identities, "--no-verify", "-y"
        )
    )
    for name, *options in (
        ("Cert", "--credential", "certificate"),
        ("Vaulted", "--secret-to", f"keyvault:{seed.VAULT}"),
        ("Away", "--secret-to", f"file:{home / 'Düsseldorf.env'}"),
        ("Build", *UNDER_GITHUB),
        ("Both", *UNDER_GITHUB),
        ("Late", "--no-consent", "--secret-lifetime", "20d"),
    ):
        done(clients.run("add-client", name, *options, "-y", "--no-verify"))
    if every_cell():
        federation = (
            "--federated-issuer",
            inside.azure.origin + ISSUER,
            "--federated-subject",
            POD,
        )
        done(
            clients.run(
                "add-client", "Pod", "--credential", "federated", *federation, "-y", "--no-verify"
            )
        )
    return replace(clients, kept=inside.keep())


@pytest.fixture
def clients(made: Clients) -> Iterator[Clients]:
    made.inside.become(made.kept)
    yield made
    made.inside.leave_alone()


@pytest.fixture
def azure(clients: Clients) -> Sandbox:
    return clients.inside.azure


# Whose, and from where


@pytest.mark.parametrize(("name", "ending"), [("Import", "env"), ("Cert", "pem")])
def test_a_program_reads_what_is_saved_here(
    clients: Clients, azure: Sandbox, name: str, ending: str
) -> None:
    printed = clients.snippet(name.upper())
    assert str(clients.file(ending, name.lower())) in printed.out
    (application,) = azure.applications(name)
    assert f"client_id={application['appId']}" in printed.out
    assert f"{azure.site_url}/api/v1/organization" in printed.out
    assert printed.err.splitlines()[1:] == []  # but for who signs in, there is nothing to say
    assert azure.writes() == []
    words = (application["appId"], "-l", "python", "-o", "json", "--path", "/api/users?$top=1")
    document = clients.snippet(*words).document
    assert (document["client"], document["language"]) == (name, "python")
    assert '/api/users?$top=1"' in document["text"]


VAULT = f"az keyvault secret show --vault-name {seed.VAULT} --name mct-s2s-contosolearn-vaulted"
TO_GITHUB = "--secret-to 'exec:gh secret set AZURE_CLIENT_SECRET --repo OWNER/REPO'"
APP = "az webapp config appsettings set -g integrations -n reports-func --subscription "


@pytest.mark.parametrize(
    ("words", "out", "err"),
    [
        ("Vaulted", VAULT, ""),  # the registration says which one
        (
            "Away -l github-actions",
            "AZURE_CLIENT_SECRET: ${{ secrets.AZURE_CLIENT_SECRET }}\n",
            TO_GITHUB,
        ),
        (
            "Both -l github-actions",
            "ACTIONS_ID_TOKEN_REQUEST_URL",
            "",
        ),  # a workflow's own token comes first
        ("Both", "client_secret@-", ""),
        ("Build", "", "use --language github-actions for it"),
        ("reports-func -l csharp", "ManagedIdentityId.SystemAssigned", ""),
        ("sync-identity", "--data-urlencode client_id=", ""),
        ("Import -l app-settings", "MCT_S2S_URL=", " --secret-to keyvault:VAULT "),
        ("reports-func -l app-settings", APP, ""),
        ("Late", "", "'Late' has no admin consent"),
        ("Late", "", "mct-s2s rotate-secret"),
    ],
)
def test_a_snippet_fits_its_client_and_says_what_is_missing(
    clients: Clients, words: str, out: str, err: str
) -> None:
    printed = clients.snippet(*words.split())
    assert out in printed.out
    assert err in printed.err
    if not err:
        assert printed.err.splitlines()[1:] == []
    if words.startswith("reports-func"):
        assert not {"client_id", "AZURE_"} & set(re.findall("client_id|AZURE_", printed.out))


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("Import --credentials {home}/Düsseldorf.env", "credentials-of-another-client", ""),
        ("Import --credentials {home}/nothing.env", "credentials-unreadable", ""),
        ("reports-func -l github-actions", "snippet-unsuitable", "curl, python"),
        ("Cert -l app-settings", "snippet-unsuitable", "curl, python"),
        (
            "nightly-import",
            "snippet-unsuitable",
            "ClientType: Service, authentication type Managed identity, aud",
        ),
    ],
)
def test_a_snippet_that_cannot_work_is_refused(
    clients: Clients, words: str, code: str, told: str
) -> None:
    refused = clients.refused(*words.format(home=clients.home).split())
    assert (*refused[:2], told in refused[2]) == (2, code, True)


def test_without_a_service_application_there_is_nothing_to_call(
    clients: Clients, seeded: Json
) -> None:
    clients.inside.become(seeded)
    code, name, remedy = clients.refused("Import")
    assert (code, name) == (2, "service-application-missing")
    setup = "mct-s2s setup --client Import -a contosolearn -g mct-prod"
    assert remedy.startswith(f"Set it up first: {setup}")


def test_a_credential_that_was_saved_elsewhere_is_named(clients: Clients) -> None:
    printed = clients.snippet("Away")
    assert "is not in its usual place on this machine" in printed.err
    assert f". {printed.err.splitlines()[-1].strip()}\n" in printed.out
    file = clients.home / "Düsseldorf.env"
    printed = clients.snippet("Away", "--credentials", str(file))
    assert f". '{file}'\n" in printed.out
    assert "not saved" not in printed.err


def test_a_workflow_gets_the_secret_of_a_file_and_nothing_else_of_it(
    clients: Clients, tmp_path: Path
) -> None:
    """GitHub masks whatever is a secret: an ID or an address that is one is missing in its logs."""
    (command,) = re.findall(
        "^# Its secret, from where it is: (.*)$",
        clients.snippet("Import", "-l", "github-actions").out,
        re.MULTILINE,
    )
    gh = tmp_path / "gh"
    gh.write_text('#!/bin/sh\necho "$@"\nfor last; do cat "$last"; done\n')
    gh.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    ended = subprocess.run(
        ["sh", "-euc", command], env={"PATH": path}, capture_output=True, text=True, check=True
    )
    secret = re.findall(
        "^AZURE_CLIENT_SECRET=.+$", clients.file("env", "import").read_text(), re.MULTILINE
    )
    assert ended.stdout.splitlines() == ["secret set --env-file -", *secret]


def test_a_lost_key_of_one_client_stops_no_snippet_of_another(clients: Clients) -> None:
    key = clients.file("pem", "cert")
    aside = key.rename(key.with_suffix(".aside"))
    try:
        assert "client_secret@-" in clients.snippet("Import").out
        assert str(key) in clients.snippet("Cert").err
    finally:
        aside.rename(key)


def test_a_secret_that_has_moved_is_read_from_where_it_is_now(clients: Clients) -> None:
    done(
        clients.run("rotate-secret", "Vaulted", "--secret-to", f"keyvault:{seed.VAULT}/moved", "-y")
    )
    assert "--name moved" in clients.snippet("Vaulted").out


def test_an_app_gets_its_settings_by_a_command_without_the_secret(
    clients: Clients, azure: Sandbox
) -> None:
    (application,) = azure.applications("Vaulted")
    printed = clients.snippet("Vaulted", "-l", "app-settings").out
    values = (
        f"AZURE_TENANT_ID={azure.tenant_id}",
        f"AZURE_CLIENT_ID={application['appId']}",
        f"URL={azure.site_url}\n",
    )
    assert [value for value in values if value not in printed] == []
    assert re.search(
        r"'AZURE_CLIENT_SECRET=@Microsoft.KeyVault\(SecretUri=https://\S+/mct-s2s-contosolearn-v",
        printed,
    )
    assert '--name "${APP:?}" --resource-group "${GROUP:?}"' in printed
    assert "AZURE_CLIENT_SECRET=" not in clients.snippet("Import", "-l", "app-settings").out
    shared = clients.snippet("sync-identity", "-l", "app-settings").out
    assert re.search(r"&client_id=(\S+)\n(?s:.*) AZURE_CLIENT_ID=\1 ", shared)


def test_a_snippet_counts_what_keeps_every_client_from_calling(
    clients: Clients, azure: Sandbox
) -> None:
    azure.write_settings({**azure.settings(), "ServiceAuthEnabled": "false"})
    error = clients.snippet("Import").err
    assert "contosolearn has 1 other problem:\n    mct-s2s status -a contosolearn" in error


# Each one runs


class Machine:
    """Where programs are run: they have nothing of ours but the sandbox's address."""

    def __init__(self, inside: Inside, home: Path) -> None:
        self._inside = inside
        self.environment = {**without_azure(), "HOME": str(home), "no_proxy": "localhost,127.0.0.1"}

    def run(self, command: list[str], text: str = "", env: Mapping[str, str] | None = None) -> Any:
        """Run a program to its end, its arguments looked through for secrets; the answer is
        JSON.
        """
        pipe = subprocess.PIPE
        with (
            self._inside.time.flowing(),
            subprocess.Popen(
                command,
                env={**self.environment, **(env or {})},
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                text=True,
            ) as process,
            processes_of(process.pid, "\n".join((env or {}).values())) as leaks,
        ):
            out, err = process.communicate(text, timeout=120)
        assert (process.returncode, leaks) == (0, []), f"{out}\n{err}"
        return json.loads(out)

    def step(self, workflow: str, env: Mapping[str, str]) -> Any:
        """Run the last step of a workflow as its runner does: a file for bash, which ends at the
        first error.
        """
        step = YAML(typ="safe").load(workflow)["jobs"]["call"]["steps"][-1]
        return self.run(["bash", "-e"], step["run"], env)


@pytest.fixture
def machine(inside: Inside, tmp_path: Path) -> Machine:
    return Machine(inside, tmp_path)


def test_curl_runs_as_it_is_pasted(clients: Clients, machine: Machine) -> None:
    """Also where another authority is set for the whole machine."""
    assert (
        machine.run(["sh"], clients.snippet("Import").out, {"CURL_CA_BUNDLE": os.devnull}) == ANSWER
    )


@only_with_all
@pytest.mark.parametrize("name", ["Import", "Cert"])
def test_a_snippet_of_each_language_runs(clients: Clients, machine: Machine, name: str) -> None:
    assert machine.run(["sh"], clients.snippet(name).out) == ANSWER
    assert machine.run([sys.executable, "-"], clients.snippet(name, "-l", "python").out) == ANSWER
    pem = clients.file("pem", "cert")
    secret = clients.file("env", "import").read_text().splitlines()
    given = {name: value for name, _, value in (line.partition("=") for line in secret)}
    given |= {"pem": str(pem), "AZURE_CLIENT_CERTIFICATE": pem.read_text()}
    assert machine.step(clients.snippet(name, "-l", "github-actions").out, given) == ANSWER


@only_with_all
def test_a_program_runs_with_a_vaults_secret(
    clients: Clients, machine: Machine, azure: Sandbox, tmp_path: Path
) -> None:
    """By an Azure CLI that knows this one secret."""
    text = clients.snippet("Vaulted").out
    (command,) = re.findall(r"AZURE_CLIENT_SECRET=\$\(az (.*)\)\n", text)
    (name,) = re.findall(r"--name (\S+)", command)
    (tmp_path / "value").write_text(azure.vault("GET", f"/secrets/{name}").json()["value"])
    az = tmp_path / "az"
    az.write_text(f'#!/bin/sh\n[ "$*" = "{command}" ] && cat "{tmp_path}/value"\n')
    az.chmod(0o755)
    assert machine.run(["sh"], text, {"PATH": f"{tmp_path}:{os.environ['PATH']}"}) == ANSWER


@only_with_all
def test_a_program_runs_with_a_foreign_token(
    clients: Clients, machine: Machine, azure: Sandbox, tmp_path: Path
) -> None:
    with clients.inside.time.flowing():  # on the calendar of the programs that send it
        (tmp_path / "token").write_text(azure.issued(POD))
    env = {"AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token")}
    assert machine.run(["sh"], clients.snippet("Pod").out, env) == ANSWER
    assert (
        machine.run([sys.executable, "-"], clients.snippet("Pod", "-l", "python").out, env)
        == ANSWER
    )


@only_with_all
def test_a_workflow_runs_with_its_own_token(
    clients: Clients, machine: Machine, azure: Sandbox
) -> None:
    directory = clients.inside.state.directory
    with clients.inside.time.flowing():  # on the calendar of the programs that send it
        token = azure.issued(WORKFLOW, iss=GITHUB)
    directory.foreign_issuers[GITHUB] = directory.hosted_issuers["cluster"]
    text = clients.snippet("Build", "-l", "github-actions").out
    with GitHub(lambda _: token) as github:
        assert machine.step(text, github.oidc(WORKFLOW)) == ANSWER
    assert [asked.query for asked in github.asked] == [
        {"api-version": "2.0", "audience": "api://AzureADTokenExchange"}
    ]


@only_with_all
def test_a_managed_identity_s_program_runs_in_its_resource(
    clients: Clients, machine: Machine, azure: Sandbox
) -> None:
    env = {**azure.identity_environment(FUNCTION_APP), "REQUESTS_CA_BUNDLE": azure.ca_file}
    assert machine.run(["sh"], clients.snippet("reports-func").out, env) == ANSWER
    assert (
        machine.run([sys.executable, "-"], clients.snippet("reports-func", "-l", "python").out, env)
        == ANSWER
    )


@pytest.mark.parametrize(
    ("how", "language"),
    [((), "curl"), (UNDER_GITHUB, "github-actions"), (("--secret-to", "exec:cat"), None)],
    ids=["secret file", "workflow", "given to a program"],
)
def test_a_setup_prints_the_program_that_its_client_can_run(
    mct: Program, how: tuple[str, ...], language: str | None
) -> None:
    done = mct("setup", "--client", "New", *how, "-y")
    assert done.code == 0, done
    printed = [line for line in done.out.splitlines() if "mct-s2s snippet" in line]
    if language is None:
        assert printed == [], "it would have no file to read"
        return
    (line,) = printed
    assert mct(*shlex.split(line)[1:]).out == mct("snippet", "New", "-l", language).out
