"""Both services, as far as they run our files: what a job sees, each of its scripts in bash, and
who it signs in as.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mct_s2s.sandbox.state import seed
from ruamel.yaml import YAML

from tests.conftest import SITE, Sandbox, without_azure
from tests.pipelines.conftest import outputs_in
from tests.support.sandbox_inside import Inside
from tests.support.secret_search import processes_of, secrets_in

ROOT = Path(__file__).parents[2]
PIPELINES = ROOT / "scripts" / "pipelines"
GITHUB_SHELL = ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail")
"""Source: docs.github.com/actions/reference/workflows-and-actions/workflow-syntax,
`jobs.<job_id>.steps[*].shell`.
"""
FULL_COMMIT = 40
CACHE = {"PIP_CACHE_DIR": str(Path.home() / ".cache" / "pip")}
_INSTALLS = re.compile(r'exec "\$[\w/.-]+/install" "\$\w+/mct-s2s"')
NOTHING: Mapping[str, str] = MappingProxyType({})
CLOUD = ("MCT_S2S_CLOUD", "AZURE_AUTHORITY_HOST", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""Where the sandbox is. Without the login host, no token of a job would be sent to it."""


def load(path: Path, *, as_text: bool = False) -> Any:
    """A YAML file; for Azure Pipelines, whose own parser knows only texts, `as_text`."""
    return YAML(typ="base" if as_text else "safe").load(path.read_text(encoding="utf-8"))


# Expressions of pipeline files, as far as ours go: a lookup; anything else is an error.

_GITHUB = re.compile(r"\$\{\{(.*?)\}\}")
_LOOKUP = re.compile(r"\s*([a-z_][\w.-]*)\s*")
_PARAMETER = re.compile(r"\$\{\{\s*parameters\.(\w+)\s*\}\}")
_MACRO = re.compile(r"\$\(([\w.]+)\)")


def on_github(text: object, contexts: Mapping[str, Any]) -> str:
    """A value of a workflow or an action. What is not there is empty, as on GitHub."""
    return _GITHUB.sub(lambda match: _github(match[1], contexts), _scalar(text))


def on_azure(text: object, parameters: Mapping[str, object], variables: Mapping[str, str]) -> str:
    """A value of a template: parameters when it is expanded, variables when it runs.

    Unknown ones stay, as there.
    """
    expanded = _PARAMETER.sub(lambda match: _scalar(parameters[match[1]]), _scalar(text))
    return _MACRO.sub(lambda match: variables.get(match[1], match[0]), expanded)


def _github(expression: str, contexts: Mapping[str, Any]) -> str:
    match = _LOOKUP.fullmatch(expression)
    assert match, f"not evaluated: {expression}"
    value: Any = contexts
    for name in match[1].split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return "" if value is None else _scalar(value)


def _scalar(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass
class Machine:
    """Where jobs run: a folder for each, and nothing of ours in the environment but the way to the
    sandbox.
    """

    inside: Inside
    home: Path
    log: str = ""
    """What all jobs so far have printed."""
    leaks: list[str] = field(default_factory=list)
    """Secrets in it, and in the list of processes."""

    def __post_init__(self) -> None:
        """The folders; mct-s2s is installed already, as this Python has it."""
        self.workspace, self.temporary = self.home / "workspace", self.home / "temporary"
        for folder in (self.workspace, self.temporary):
            folder.mkdir(parents=True)
        (self.temporary / "mct-s2s").symlink_to(sys.prefix)

    def plants(self) -> list[Path]:
        """What a pull request commits in the way of the steps' files: folders, files and links with
        their names.
        """
        target = self.home / "elsewhere"
        target.write_text("as it was")
        planted = [target]
        for folder in (
            self.workspace,
            self.workspace / "mct-s2s",
            self.workspace / "mct-s2s-results",
        ):
            folder.mkdir(exist_ok=True)
            for name in ("plan.md", "planned.json", "result.json", "summary.md", "token"):
                (folder / name).symlink_to(target)
            planted.append(folder / "outputs.env")
            planted[-1].write_text("as it was")
        return planted

    def environment(self) -> dict[str, str]:
        """What every process on it sees."""
        azure = self.inside.azure.environment
        trusted = {name: azure[name] for name in CLOUD}
        return {
            **without_azure(),
            **trusted,
            "HOME": str(self.home),
            **CACHE,
            "no_proxy": "localhost,127.0.0.1",
        }

    def bash(
        self, shell: tuple[str, ...], script: str, environment: Mapping[str, str]
    ) -> tuple[int, str]:
        """Run a script from a file to its end; returns its exit code and what it printed, errors
        too.
        """
        if _INSTALLS.fullmatch(script):
            return 0, ""  # test_files.py runs it
        file = self.temporary / "script.sh"
        file.write_text(script, encoding="utf-8")
        given = {**self.environment(), **environment}
        with (
            self.inside.time.flowing(),
            subprocess.Popen(
                [*shell, str(file)], cwd=self.workspace, env=given, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            ) as process,
            processes_of(process.pid, "\n".join(given.values())) as leaks,
        ):  # fmt: skip
            printed, _ = process.communicate(timeout=240)
        self.log += printed
        masked = "\n".join(
            line for line in printed.splitlines() if "add-mask" in line or "setsecret" in line
        )
        self.leaks += [*leaks, *secrets_in(printed, masked)]
        return process.returncode, printed


@dataclass(frozen=True)
class Ran:
    """A job that has ended."""

    code: int
    log: str
    outputs: dict[str, Any]
    summary: str


@dataclass
class GitHubRunner:
    """Runs a workflow's jobs, one at a time, with the actions of this repository from where they
    are.
    """

    machine: Machine
    github: Mapping[str, str]
    """The variables of the runner."""
    contexts: dict[str, Any]
    """`github`, `vars`, `inputs` of the run."""

    def job(
        self,
        workflow: Any,
        name: str,
        needs: Mapping[str, Any] | None = None,
        *,
        oidc: Mapping[str, str] = NOTHING,
    ) -> Ran:
        """Run a job; `oidc` are the variables of `id-token: write`."""
        job = workflow["jobs"][name]
        steps = dict[str, Any]()
        granted = {**workflow["permissions"], **job.get("permissions", {})}
        given = {**self.github, **(oidc if granted.get("id-token") == "write" else {})}
        contexts = {**self.contexts, "steps": steps, "needs": needs or {}}
        log = summary = ""
        code = 0
        for step in job["steps"]:
            uses = str(step["uses"])
            if uses.startswith("actions/checkout@"):
                assert len(uses.partition("@")[2]) == FULL_COMMIT
                assert step["with"]["persist-credentials"] is False
                continue
            folder = ROOT / uses.removeprefix("mct-s2s/mct-s2s/").partition("@")[0]
            sent = {key: on_github(text, contexts) for key, text in step.get("with", {}).items()}
            ran = self._action(folder, sent, given)
            steps[step.get("id", "")] = {"outputs": ran.outputs}
            log = log + ran.log
            summary = summary + ran.summary
            code = ran.code
            if code:
                break
        outputs = {key: on_github(text, contexts) for key, text in job.get("outputs", {}).items()}
        return Ran(code, log, outputs, summary)

    def _action(self, folder: Path, sent: Mapping[str, str], given: Mapping[str, str]) -> Ran:
        """Run a composite action's steps until one fails; its outputs are there in any case."""
        action = load(folder / "action.yml")
        assert set(sent) <= set(action["inputs"])
        defaults = {
            key: on_github(item.get("default", ""), self.contexts)
            for key, item in action["inputs"].items()
        }
        steps: dict[str, Any] = {}
        contexts = {**self.contexts, "inputs": {**defaults, **sent}, "steps": steps}
        log = summary = ""
        code = 0
        for step in action["runs"]["steps"]:
            files = {
                "GITHUB_OUTPUT": self.machine.temporary / "output",
                "GITHUB_STEP_SUMMARY": self.machine.temporary / "page",
            }
            for file in files.values():
                file.write_text("")
            environment = {
                key: on_github(text, contexts) for key, text in step.get("env", {}).items()
            }
            environment |= {key: str(file) for key, file in files.items()}
            places = {"GITHUB_ACTION_PATH": str(folder), "RUNNER_TEMP": str(self.machine.temporary)}
            assert "${{" not in step["run"]
            code, printed = self.machine.bash(
                GITHUB_SHELL, step["run"], {**given, **places, **environment}
            )
            log += printed
            summary += files["GITHUB_STEP_SUMMARY"].read_text()
            steps[step.get("id", "")] = {"outputs": outputs_in(files["GITHUB_OUTPUT"].read_text())}
            if code:
                break
        outputs = {
            key: on_github(item["value"], contexts)
            for key, item in action.get("outputs", {}).items()
        }
        return Ran(code, log, outputs, summary)


def federated(
    azure: Sandbox, subject: str, graph: tuple[str, ...], arm: tuple[tuple[Any, str], ...]
) -> str:
    """The appId of an application that a service's token for this subject signs in as."""
    client_id = azure.caller(*graph, arm=list(arm))["AZURE_CLIENT_ID"]
    trusts_too(azure, client_id, subject)
    return client_id


def trusts_too(azure: Sandbox, client_id: str, subject: str) -> None:
    """One more subject for an application."""
    path = f"/applications(appId='{client_id}')/federatedIdentityCredentials"
    issuer = f"{azure.origin}/_sandbox/issuer/cluster"
    sent = {
        "name": re.sub(r"\W", "-", subject),
        "issuer": issuer,
        "subject": subject,
        "audiences": ["api://AzureADTokenExchange"],
    }
    azure.graph("POST", path, json=sent)


@dataclass
class AzureAgent:
    """Runs the steps of our template with the parameters of a pipeline."""

    machine: Machine
    agent: Mapping[str, str]
    """Variables of the run, by the names that a process sees."""
    service_connection: Mapping[str, str]
    """What the task AzureCLI gives its script: the application, its tenant, and a token of the
    service connection.
    """

    def steps(
        self, template: Any, parameters: Mapping[str, object], variables: Mapping[str, str]
    ) -> Ran:
        """Run them until one fails.

        Outputs are those that the log sets, summaries those that it names.
        """
        sent = {
            parameter["name"]: parameter.get("default", "") for parameter in template["parameters"]
        } | dict(parameters)
        given = {
            name
            for name in parameters
            if name not in {parameter["name"] for parameter in template["parameters"]}
        }
        assert not given
        places = {
            "PIPELINE_WORKSPACE": str(self.machine.home),
            "AGENT_TEMPDIRECTORY": str(self.machine.temporary),
        }
        source = self.machine.home / "mct-s2s"
        if not source.exists():
            source.symlink_to(ROOT)
        log = ""
        code = 0
        for step in template["steps"]:
            if "checkout" in step:
                continue
            task = "task" in step
            script = step["inputs"]["inlineScript"] if task else step["bash"]
            assert "${{" not in script
            assert "$(" not in script
            environment = {
                key: on_azure(text, sent, variables) for key, text in step.get("env", {}).items()
            }
            environment |= self.service_connection if task else {}
            code, printed = self.machine.bash(
                ("bash",), script, {**self.agent, **places, **environment}
            )
            log += printed
            if code:
                break
        return Ran(code, log, *_logged(log))


_OTHER_COMMANDS = ("##vso[task.setsecret]", "##vso[task.logissue type=error]")


def _logged(log: str) -> tuple[dict[str, str], str]:
    """What the agent takes from a log: variables for later jobs, and files for the page of
    the run.
    """
    outputs = {}
    pages = []
    for line in log.splitlines():
        if match := re.fullmatch(
            r"##vso\[task\.setvariable variable=(\w+);isOutput=true\](.*)", line
        ):
            outputs[match[1]] = match[2].replace("%AZP25", "%")
        elif match := re.fullmatch(r"##vso\[task\.uploadsummary\](.+)", line):
            pages.append(Path(match[1]).read_text(encoding="utf-8"))
        else:
            assert "##vso" not in line or line.startswith(_OTHER_COMMANDS), line
    return outputs, "\n".join(pages)


# A trust file, and the two applications that a pipeline signs in as: one that may read, one that
# may write.

READ = ("Application.Read.All", "Organization.Read.All")
WRITE = (*READ, "Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All")
LOOK = (
    {"name": "MCT plan", "actions": ["*/read", "Microsoft.Web/sites/config/list/action"]},
    seed.SUBSCRIPTION,
)
FIND, SETTINGS = ("Reader", seed.SUBSCRIPTION), ("Website Contributor", SITE)
NAMES, SECRETS = (
    ("Key Vault Reader", seed.SUBSCRIPTION),
    ("Key Vault Secrets Officer", seed.SUBSCRIPTION),
)
HOSTILE = "$(id) `id` ${{ github.token }} ##vso[a] ::error::a |<b>"
TRUST = f"""
[sites.learn]
app-service = "contosolearn"

[[sites.learn.clients]]
name = "Import"
secret-to = "keyvault:{seed.VAULT}"
"""
PWNED = "pwned"
MORE = f"""
[[sites.learn.clients]]
name = "Away"
secret-to = "exec:touch {PWNED}"

[[sites.learn.clients]]
name = {json.dumps(HOSTILE)}
credential = "none"
"""


def reader(azure: Sandbox, subject: str) -> str:
    """The appId of the one for plans."""
    return federated(azure, subject, READ, (LOOK, NAMES))


def writer(azure: Sandbox, subject: str) -> str:
    """The appId of the one that applies and rotates."""
    return federated(azure, subject, WRITE, (FIND, SETTINGS, SECRETS))
