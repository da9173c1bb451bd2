"""What a pipeline reads from the log of a job: groups of lines, the error, and values that it is to mask.

GitHub's runner and the agent of Azure Pipelines read both streams of a step line by line. So a mask is in the stream in
which its secret is, just before it, and in no other: a file that keeps that stream is given the secret anyway, and no
other file is. A JSON document cannot hold one.
Sources: docs.github.com/actions/reference/workflows-and-actions/workflow-commands;
learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Protocol

from mct_s2s.plain_text import plain

BORDERS = "-----"
"""How the first and the last line of a private key begin: they are the same in every key."""


class Pipeline(Protocol):
    """How one service reads a log. All methods return a line, whole and as it has to be."""

    def group(self, title: str) -> str:
        """What follows belongs together, and can be folded."""
        ...

    def end_group(self) -> str:
        """The end of it."""
        ...

    def error(self, message: str) -> str:
        """The error that a summary of the job shows."""
        ...

    def mask(self, value: str) -> str:
        """From here on, this is shown as `***`."""
        ...


class GitHubActions:
    """Workflow commands."""

    def group(self, title: str) -> str:
        """As the protocol says, for all four."""
        return f"::group::{_percent(plain(title))}"

    def end_group(self) -> str:
        """The end of it."""
        return "::endgroup::"

    def error(self, message: str) -> str:
        """An annotation."""
        return f"::error::{_percent(plain(message))}"

    def mask(self, value: str) -> str:
        """The runner takes it out of the log."""
        return f"::add-mask::{_percent(value)}"


class AzurePipelines:
    """Logging and formatting commands."""

    def group(self, title: str) -> str:
        """As the protocol says, for all four."""
        return f"##[group]{plain(title)}"

    def end_group(self) -> str:
        """The end of it."""
        return "##[endgroup]"

    def error(self, message: str) -> str:
        """An issue of the task."""
        return f"##vso[task.logissue type=error]{_azp(plain(message))}"

    def mask(self, value: str) -> str:
        """The agent takes it out of the log."""
        return f"##vso[task.setsecret]{_azp(value)}"


def pipeline_of(environ: Mapping[str, str] = os.environ) -> Pipeline | None:
    """Who reads the log; `None` where no one is known to."""
    if environ.get("GITHUB_ACTIONS", "").casefold() == "true":
        return GitHubActions()
    return AzurePipelines() if environ.get("TF_BUILD", "").casefold() == "true" else None


def is_unattended(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this is a job of some pipeline: its log is read later, however much it looks like a terminal."""
    ci = environ.get("CI", "").casefold() not in {"", "0", "false"}
    return ci or pipeline_of(environ) is not None


def masks(value: str, environ: Mapping[str, str] = os.environ) -> Iterator[str]:
    """The lines that come before a secret: one for each line of its own, as a log is masked line by line."""
    pipeline = pipeline_of(environ)
    for line in value.splitlines() if pipeline is not None else ():
        if pipeline is not None and line.strip() and not line.startswith(BORDERS):
            yield pipeline.mask(line)


def _percent(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _azp(text: str) -> str:
    return text.replace("%", "%AZP25").replace("\r", "%0D").replace("\n", "%0A")
