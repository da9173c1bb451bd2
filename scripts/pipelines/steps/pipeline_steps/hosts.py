"""Where each service takes what a step says: the page of the job, and values for later steps.

Sources: docs.github.com/actions/reference/workflows-and-actions/workflow-commands;
learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from mct_s2s.plain_text import plain

from pipeline_steps.inputs import StepError
from pipeline_steps.shortening import shortened

SUMMARY_BYTES = 1_000_000
"""GitHub shows no summary of a step beyond 1 MiB."""


class Host(Protocol):
    """A service that runs pipelines."""

    def summarize(self, markdown: str) -> None:
        """Show a text in the page of the job."""
        ...

    def output(self, name: str, value: str) -> None:
        """Give a later step a value, by a name such as `client-id`."""
        ...


class GitHubActions:
    """Files that the runner names, and reads when the step has ended."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._summary, self._outputs = environ.get("GITHUB_STEP_SUMMARY"), environ.get("GITHUB_OUTPUT")

    def summarize(self, markdown: str) -> None:
        """As the protocol says, here and below."""
        _append(self._summary, shortened(markdown, SUMMARY_BYTES) + "\n")

    def output(self, name: str, value: str) -> None:
        """The delimiter can't be guessed: a value can't set other outputs."""
        delimiter = f"end-{secrets.token_hex(16)}"
        _append(self._outputs, f"{name}<<{delimiter}\n{value}\n{delimiter}\n")


class AzurePipelines:
    """Lines of the log. Outputs of a step that is named `mct` are `mct.client_id` and so on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def summarize(self, markdown: str) -> None:
        """The agent takes the file after the step has ended, so it stays."""
        file = self._folder / f"summary-{secrets.token_hex(4)}.md"
        file.write_text(markdown, encoding="utf-8")
        print(f"##vso[task.uploadsummary]{file}", flush=True)

    def output(self, name: str, value: str) -> None:
        """A value of several lines is none of a variable: it is in a file."""
        if "\n" not in value:
            escaped = plain(value).replace("%", "%AZP25")
            print(f"##vso[task.setvariable variable={_variable(name)};isOutput=true]{escaped}", flush=True)


def host_of(environ: Mapping[str, str], folder: Path) -> Host:
    """The service that runs this step.

    Raises:
        StepError: it is none of the two.
    """
    if environ.get("GITHUB_ACTIONS", "").lower() == "true":
        return GitHubActions(environ)
    if environ.get("TF_BUILD", "").lower() == "true":
        return AzurePipelines(folder)
    raise StepError("This is a job neither of GitHub Actions nor of Azure Pipelines.")


def _append(file: str | None, text: str) -> None:
    if file:
        with Path(file).open("a", encoding="utf-8") as out:
            out.write(text)


def _variable(name: str) -> str:
    return name.replace("-", "_")
