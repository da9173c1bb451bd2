"""Where each service takes summaries, values for later steps, and a plan to review.

Sources: docs.github.com/actions/reference/workflows-and-actions/workflow-commands;
learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands.
"""

import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from mct_s2s.pipeline_steps import azure_review
from mct_s2s.pipeline_steps.inputs import StepError, required
from mct_s2s.pipeline_steps.shortening import shortened
from mct_s2s.plain_text import plain

SUMMARY_BYTES = 1_000_000
"""GitHub shows no summary of a step beyond 1 MiB."""
_PLAN_BYTES = 60_000
"""An output becomes a variable of another step: Linux takes no variable of 128 KiB, and a comment
has to hold it.
"""


class Host(Protocol):
    """A service that runs pipelines."""

    folder: Path
    """New, this step's alone, and outside the checkout: what is there already belongs to who has
    committed it.
    """

    def summarize(self, markdown: str) -> None:
        """Show a text in the page of the job."""

    def output(self, name: str, value: str) -> None:
        """Give a later step a value, by a name such as `client-id`."""

    def review(self, plan: str) -> None:
        """Show a plan where it is reviewed, or hand it to the job that does."""


class GitHubActions:
    """Files that the runner has made, and reads when the step has ended."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._summary = required(environ, "GITHUB_STEP_SUMMARY")
        self._outputs = required(environ, "GITHUB_OUTPUT")
        self.folder = _folder_in(required(environ, "RUNNER_TEMP"))

    def summarize(self, markdown: str) -> None:
        _append(self._summary, shortened(markdown, SUMMARY_BYTES) + "\n")

    def output(self, name: str, value: str) -> None:
        """The delimiter can't be guessed: a value can't set other outputs."""
        delimiter = f"end-{secrets.token_hex(16)}"
        _append(self._outputs, f"{name}<<{delimiter}\n{value}\n{delimiter}\n")

    def review(self, plan: str) -> None:
        """The job that may write comments is another one."""
        self.output("plan", shortened(plan, _PLAN_BYTES))


class AzurePipelines:
    """Lines of the log. Outputs of a step that is named `mct` are `mct.client_id` and so on."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.folder = _folder_in(required(environ, "AGENT_TEMPDIRECTORY"))

    def summarize(self, markdown: str) -> None:
        """The agent takes the file after the step has ended, so it stays."""
        file = self.folder / f"summary-{secrets.token_hex(4)}.md"
        with file.open("x", encoding="utf-8") as out:
            out.write(markdown)
        print(f"##vso[task.uploadsummary]{file}", flush=True)

    def output(self, name: str, value: str) -> None:
        """A line of the log: `plain` makes one line of it, and no command."""
        escaped = plain(value).replace("%", "%AZP25")
        print(
            f"##vso[task.setvariable variable={name.replace('-', '_')};isOutput=true]{escaped}",
            flush=True,
        )

    def review(self, plan: str) -> None:
        """In a pull request of Azure Repos; elsewhere the plan is in the summary of the run."""
        where = (self._environ.get("BUILD_REASON"), self._environ.get("BUILD_REPOSITORY_PROVIDER"))
        if where == ("PullRequest", "TfsGit"):
            azure_review.comment(self._environ, plan)


def host_of(environ: Mapping[str, str]) -> Host:
    """The service that runs this step."""
    if environ.get("GITHUB_ACTIONS", "").lower() == "true":
        return GitHubActions(environ)
    if environ.get("TF_BUILD", "").lower() == "true":
        return AzurePipelines(environ)
    raise StepError("This is a job neither of GitHub Actions nor of Azure Pipelines.")


def _folder_in(parent: str) -> Path:
    return Path(tempfile.mkdtemp(prefix="mct-s2s-", dir=parent))


def _append(file: str, text: str) -> None:
    """The runner has made the file: where there is none, or a link, nothing would be read."""
    with os.fdopen(
        os.open(file, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW), "w", encoding="utf-8"
    ) as out:
        out.write(text)
