"""The steps by themselves: inputs, sign-in, what people and later steps are told, and that no name
forges any of it.
"""

import os
import signal
import stat
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from mct_s2s.pipeline_steps import commands, program, sign_in
from mct_s2s.pipeline_steps.hosts import AzurePipelines, GitHubActions
from mct_s2s.pipeline_steps.inputs import Inputs, StepError
from mct_s2s.pipeline_steps.main import main
from mct_s2s.pipeline_steps.requests import RequestFailed, ask
from mct_s2s.pipeline_steps.results import CreatedCredential, Failure, Results, SiteResult, read
from mct_s2s.pipeline_steps.runs import title_of_apply
from mct_s2s.pipeline_steps.shortening import shortened
from mct_s2s.pipeline_steps.summary import summary
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import run_here
from tests.conftest import Sandbox, free_ports
from tests.pipelines.conftest import Step, outputs_in
from tests.pipelines.runners import TRUST
from tests.pipelines.services import GitHub
from tests.support.sampling import every_cell
from tests.support.sandbox_inside import Inside

FINGERPRINT = "0123456789abcdef" * 4
HOSTILE = (
    "x\n::set-output name=a::b",
    "##vso[task.setvariable variable=PATH]/evil",
    "a\nend-0\nPATH<<b",
    "| `<script>` [a](javascript:b) @everyone |",
    "\x1b[31m\u202e",
)

# Command lines


def test_the_help_of_a_step_says_where_its_inputs_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert (main(["--help"]), main(["destroy"])) == (0, 2)
    for line in capsys.readouterr().err.splitlines():
        assert line.startswith("One step: plan, apply, rotate, comment, reviewed. Its inputs are")


def test_values_are_arguments_and_never_options() -> None:
    asked = {"STEP_FILE": "--cloud=x", "STEP_ONLY": "a b\n --only\n\n$(id)\n", "STEP_PRUNE": "True"}
    assert commands.plan_words(Inputs.of(asked)) == [
        *("apply", "--file=--cloud=x", "--only=a b", "--only=--only", "--only=$(id)", "--prune"),
        *("--dry-run", "--no-preflight", "--output=markdown"),
    ]
    assert commands.rotate_words(
        Inputs.of({"STEP_APP_SERVICE": "-x", "STEP_RESOURCE_GROUP": "y", "STEP_SECRET_TO": "-z"})
    ) == [
        *("rotate-secret", "--app-service=-x", "--resource-group=y", "--secret-to=-z"),
        *("--expiring-within=31d", "--yes", "--output=json"),
    ]


def test_a_fingerprint_that_got_lost_is_no_consent() -> None:
    for command in (commands.apply_words, commands.rotate_words):
        with pytest.raises(StepError, match="expect"):
            command(Inputs.of({"STEP_FILE": "trust.toml"}))
    assert f"--expect={FINGERPRINT}" in commands.rotate_words(
        Inputs.of({"STEP_FILE": "t", "STEP_EXPECT": FINGERPRINT})
    )


@pytest.mark.parametrize(
    "asked",
    [
        {"STEP_EXPECT": "$(fingerprint)"},
        {"STEP_EXPECT": FINGERPRINT[1:]},
        {"STEP_EXPECT": FINGERPRINT.upper()},
        {"STEP_EXPECT": "any"},
        {"STEP_PRUNE": "perhaps"},
        {"STEP_FILE": ""},
        {"STEP_FILE": "", "STEP_APP_SERVICE": "a", "STEP_ONLY": "b"},
        {"STEP_FILE": "", "STEP_APP_SERVICE": "a"},
    ],
)
def test_contradictory_inputs_are_refused_before_anything_runs(asked: dict[str, str]) -> None:
    with pytest.raises(StepError):
        commands.rotate_words(Inputs.of(asked))


# What later steps and people are told


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_one_output_and_no_command(
    value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {name: tmp_path / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.touch()
    given = {name: str(file) for name, file in files.items()}
    GitHubActions({**given, "RUNNER_TEMP": str(tmp_path)}).output("sites", value)
    assert outputs_in(files["GITHUB_OUTPUT"].read_text()) == {
        "sites": "\n".join(value.splitlines())
    }
    AzurePipelines({"AGENT_TEMPDIRECTORY": str(tmp_path)}).output("client-id", value)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.count("##vso[") == 1


def test_an_output_that_cannot_be_written_is_an_error(step: Step, tmp_path: Path) -> None:
    """… and goes through no link: a fingerprint is never left out, and nothing else takes its
    place.
    """
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "link"
    elsewhere.touch()
    link.symlink_to(elsewhere)
    for file, code in ((tmp_path / "gone", 1), (link, 1), ("", 2)):
        given = {"GITHUB_ACTIONS": "true", "STEP_EXPECT": FINGERPRINT, "GITHUB_OUTPUT": str(file)}
        assert step("reviewed", given).code == code
    assert elsewhere.read_text() == ""


@pytest.mark.parametrize("planted", ["file", "link"])
def test_a_document_takes_the_place_of_nothing_that_is_there(planted: str, tmp_path: Path) -> None:
    document, elsewhere = tmp_path / "plan.md", tmp_path / "elsewhere"
    elsewhere.touch()
    document.touch() if planted == "file" else document.symlink_to(elsewhere)
    with pytest.raises(FileExistsError):
        program.run(["--version"], os.environ, document)
    assert (document.read_text(), elsewhere.read_text()) == ("", "")


@pytest.mark.parametrize("name", HOSTILE)
def test_names_on_a_page_are_text(name: str) -> None:
    credential = CreatedCredential(name, "secret", "2027-11-26T00:00:00Z", f"file:/{name}")
    failure = Failure("client-unknown", name, f"mct-s2s {name}")
    site = SiteResult(
        name,
        Counter(create=1),
        (credential,),
        url=name,
        left_to_others=2,
        verified=False,
        failure=failure,
    )
    ok = SiteResult("b", Counter(create=2, none=3), left_to_others=1, verified=False)
    text = summary("MCT: applied", Results((site, ok), failure))
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert not any(mark in page for mark in ("<script", "<a ", "##vso[", "\x1b", "\u202e"))
    assert (page.count("<td>"), page.count("<table>"), page.count("<pre>")) == (2 * 3 + 4, 2, 2)
    assert "goes away with it" in text
    assert "| b | 2 created, 1 left to someone else, the test of a client failed |" in text


@pytest.mark.parametrize(
    ("remedy", "prose", "command"),
    [
        ("mct-s2s add-client Import", "", "mct-s2s add-client Import"),
        ("Review it: mct-s2s apply -f t", "Review it:", "mct-s2s apply -f t"),
        ("Use a shorter lifetime.", "Use a shorter lifetime.", ""),
        ("Run: mct-s2s setup Or ask a person.", "Run: mct-s2s setup Or ask a person.", ""),
        ("Add --all, or use mct-s2s apply.", "Add --all, or use mct-s2s apply.", ""),
    ],
)
def test_a_block_of_a_page_has_a_command_alone(remedy: str, prose: str, command: str) -> None:
    message = "Too short:\n  - site a\n  - site b\n  The service said no."
    page = summary("MCT", Results((), Failure("x", message, remedy)))
    tokens = MarkdownIt("commonmark").parse(page)
    assert [token.content for token in tokens if token.type == "fence"] == (
        [f"{command}\n"] if command else []
    )
    assert not prose or f"<p>{prose}</p>" in MarkdownIt("commonmark").render(page)
    assert page.splitlines()[2:8] == [
        "Too short:", "", "- site a", "- site b", "", "The service said no.",
    ]  # fmt: skip


def test_the_page_of_a_refused_apply_says_so_and_its_log_what_to_do(
    step: Step, tmp_path: Path
) -> None:
    asked = {"STEP_FILE": str(tmp_path / "gone.toml"), "STEP_EXPECT": FINGERPRINT}
    done = step("apply", {"GITHUB_ACTIONS": "true", **asked})
    assert done.code == 2
    assert done.summary.startswith("# MCT: apply failed\n")
    assert done.err.startswith("→ "), "the program writes the error itself there"


def test_a_run_that_was_killed_is_a_failure(tmp_path: Path) -> None:
    assert read(tmp_path / "nothing.json").failure is not None
    (tmp_path / "half.json").write_text('{"schema": "mct-s2s/result')
    assert read(tmp_path / "half.json").failure is not None


@given(
    st.lists(
        st.sampled_from(["```sh", "````", "```", "| a | b |", "text", "", "  ```"]), max_size=30
    ),
    st.integers(120, 400),
)
def test_a_short_text_fits_and_leaves_no_block_open(lines: list[str], size: int) -> None:
    text = "\n".join(lines)
    short = shortened(text, size)
    assert len(short.encode()) <= size
    if short == text:
        return
    body, _, note = short.rpartition("\n\n**This is not all")
    assert note
    fence = ""
    for line in body.splitlines():
        mark = line.strip() if line.strip().startswith("```") else ""
        ticks = mark[: len(mark) - len(mark.lstrip("`"))]
        fence = "" if fence and ticks.startswith(fence) else fence or ticks
    assert not fence, short


def test_a_plan_is_cut_between_sites_and_says_so_at_its_fingerprint() -> None:
    sections = [
        f"<details><summary>site-{number}</summary>\n\n```text\n{'x' * 80}\n```\n\n</details>\n"
        for number in range(30)
    ]
    page = "\n".join(["# Plan for 30 sites", "", "Fingerprint: `0123`", "", *sections])
    short = shortened(page, 2_000)
    assert len(short.encode()) <= 2_000
    kept = short.count("<details>")
    assert kept == short.count("</details>") > 10
    above, named = short.split("Fingerprint: `0123`\n\n")
    assert above == "# Plan for 30 sites\n\n"
    assert named.startswith(f"**{30 - kept} plans are too long to be shown here: site-{kept}, ")
    assert f"and {30 - kept - 10} more.** The whole text is in the log" in named
    assert named.rstrip().endswith("</details>")


def test_a_site_that_does_not_fit_is_cut_and_closed() -> None:
    block = "\n".join(["```", *["y" * 20] * 100, "```"])
    page = f"Fingerprint: `0`\n\n<details open><summary>a</summary>\n\n{block}\n</details>"
    short = shortened(page, 500)
    assert len(short.encode()) <= 500
    assert short.startswith("Fingerprint: `0`\n\n**This is not all")
    assert short.endswith("y\n```\n</details>\n")


# Sign-in


def test_a_token_is_in_a_private_file_while_it_is_needed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {"idToken": "a-token", "servicePrincipalId": "app", "tenantId": "tenant"}
    with sign_in.signed_in({**asked, "TF_BUILD": "True"}, tmp_path) as environment:
        file = Path(environment["AZURE_FEDERATED_TOKEN_FILE"])
        assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("a-token", 0o600)
        assert file.is_relative_to(tmp_path)
        assert (environment["AZURE_CLIENT_ID"], environment["AZURE_TENANT_ID"]) == ("app", "tenant")
    assert list(tmp_path.iterdir()) == []
    assert "a-token" not in capsys.readouterr().out


def test_github_s_token_is_renewed_meanwhile(
    github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is valid for five minutes, the program may run for longer; a renewal that fails changes
    nothing.
    """
    monkeypatch.setattr(sign_in, "_SECONDS", 0.01)
    tokens = iter(range(1_000_000))
    github.token_for = lambda _: f"token-{next(tokens)}"
    asked = {**github.oidc("repo:contoso/learn:pull_request"), "STEP_CLIENT_ID": "app"}
    with sign_in.signed_in(asked, tmp_path) as environment:
        file = Path(environment["AZURE_FEDERATED_TOKEN_FILE"])
        first = file.read_text()
        github.failures += [(401, {}), (200, {"value": ""}), (200, [])]
        while github.failures or file.read_text() == first:
            time.sleep(0.005)
        assert file.read_text().startswith("token-")
    assert {request.query["audience"] for request in github.asked} == {"api://AzureADTokenExchange"}


def test_a_job_that_has_signed_in_before_stays_signed_in(github: GitHub, tmp_path: Path) -> None:
    """As `azure/login` does: the job's right to a token is none of ours without a client-id."""
    with sign_in.signed_in(
        {**github.oidc("x"), "AZURE_CONFIG_DIR": "/az"}, tmp_path
    ) as environment:
        assert environment == {"AZURE_CONFIG_DIR": "/az"}
    assert github.asked == []


def test_the_jobs_own_tokens_and_files_reach_no_program(tmp_path: Path) -> None:
    """Its tokens, and the files by which a program that is handed a secret could steer
    later steps.
    """
    kept = {
        "PATH": "/bin",
        "HOME": "/h",
        "MCT_S2S_TIMEOUT": "60",
        "GITHUB_ACTIONS": "true",
        "TF_BUILD": "True",
    }
    doors = (
        *(
            "ACTIONS_ID_TOKEN_REQUEST_URL",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
            "ACTIONS_RUNTIME_TOKEN",
            "GITHUB_TOKEN",
        ),
        *(
            "GITHUB_OUTPUT",
            "GITHUB_ENV",
            "GITHUB_PATH",
            "STEP_GITHUB_TOKEN",
            "STEP_EXPECT",
            "INPUT_TOKEN",
        ),
        *(
            "SYSTEM_ACCESSTOKEN",
            "idToken",
            "servicePrincipalKey",
            "ENDPOINT_AUTH_SYSTEMVSSCONNECTION",
        ),
    )
    with sign_in.signed_in({**kept, **dict.fromkeys(doors, "a-token")}, tmp_path) as environment:
        assert {name for name in environment if not name.startswith("AZURE_")} == set(kept)


@pytest.mark.parametrize(
    "address",
    [
        "http://example.com/token", "http://127.0.0.1:80@example.com/", "http://localhost:80@example.com/",
        "http://127.0.0.1.example.com/", "file:///etc/passwd", "https://[half",
    ],
)  # fmt: skip
def test_a_token_goes_to_no_other_kind_of_address(address: str) -> None:
    with pytest.raises(RequestFailed):
        ask("GET", address, "a-token")


# The program


@pytest.mark.skipif(not every_cell(), reason="starts a sandbox of its own: --all")
def test_a_job_that_is_cancelled_lets_the_program_end(tmp_path: Path) -> None:
    """Services signal the step's process alone: it passes that on, and waits."""
    served = tmp_path / "served"
    ended = threading.Event()
    environment = {**os.environ, "MCT_S2S_SANDBOX_DIR": str(tmp_path / "sandbox")}

    def cancel() -> None:
        while not ended.wait(0.05):
            if served.exists() and "ready" in served.read_text():
                os.kill(os.getpid(), signal.SIGTERM)
                return

    thread = threading.Thread(target=cancel)
    before = signal.getsignal(signal.SIGTERM)
    thread.start()
    code = program.run(["sandbox", "serve", "--port", str(free_ports(16))], environment, served)
    ended.set()
    thread.join()
    assert "ready" in served.read_text()
    assert code == 143
    assert signal.getsignal(signal.SIGTERM) == before


def test_an_unknown_step_is_refused(step: Step) -> None:
    assert step("destroy", {}).code == 2


# What mct-s2s writes is what they read


class Reader:
    """Runs a command and reads its document as a step does."""

    def __init__(self, azure: Sandbox, inside: Inside, home: Path) -> None:
        self.azure, self.inside, self.home = azure, inside, home

    def __call__(self, *words: str) -> tuple[int, Results]:
        named = {"MCT_S2S_APP_SERVICE", "MCT_S2S_RESOURCE_GROUP"}
        env = {key: value for key, value in self.azure.environment.items() if key not in named}
        ended = run_here(*words, "-o", "json", env=env, home=self.home, inside=self.inside)
        document = self.home / "result.json"
        document.write_text(ended.out)
        return ended.code, read(document)


@pytest.fixture
def run(azure: Sandbox, inside: Inside, tmp_path: Path) -> Reader:
    return Reader(azure, inside, tmp_path)


def test_a_site_that_fails_stands_beside_one_that_does_not(run: Reader) -> None:
    trust = run.home / "trust.toml"
    trust.write_text(TRUST + '\n[sites.gone]\napp-service = "no-such-site"\n')
    code, results = run("apply", "-f", str(trust), "--yes")
    learn, failed = results.sites
    assert (code, failed.name, failed.changed) == (1, "gone", False)
    assert failed.failure is not None
    assert failed.failure.code == "site-not-found"
    assert [
        (credential.client, credential.saved_to.split("/")[0]) for credential in learn.created
    ] == [("Import", f"keyvault:{seed.VAULT}")]
    (application,) = run.azure.applications("Import")
    assert dict(learn.clients)["Import"] == application["appId"]
    assert (learn.url, learn.verified) == (run.azure.site_url, True)
    assert title_of_apply(results) == "MCT: applied", "as one of them was"
    page = summary("MCT: applied", results)
    assert "| gone | failed (site-not-found) |  |" in page
    assert "## gone failed" in page

    code, results = run(
        "add-client", "Other", "-a", "contosolearn", "--credential", "none", "--dry-run"
    )
    (site,) = results.sites
    assert (code, site.name, site.url, site.changed) == (
        3,
        run.azure.site_url.removeprefix("https://"),
        run.azure.site_url,
        True,
    )


def test_an_error_of_the_whole_command_is_told_once(run: Reader) -> None:
    trust = run.home / "trust.toml"
    trust.write_text(TRUST + "colour = 1\n")
    code, results = run("apply", "-f", str(trust), "--yes")
    assert (code, results.sites) == (2, ())
    assert results.failure is not None
    assert results.failure.code == "trust-file-malformed"
    assert "colour" in summary("MCT: applied", results)
