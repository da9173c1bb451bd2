"""What a pipeline reads from the log of a job: groups of lines, the error, and values that it is to mask.

GitHub's runner and the agent of Azure Pipelines read both streams of a step line by line. So a mask is in the stream in
which its secret is, just before it, and in no other: a file that keeps that stream is given the secret anyway, and no
other file is. A JSON document cannot hold one.
Sources: docs.github.com/actions/reference/workflows-and-actions/workflow-commands;
learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

BORDERS = "-----"
"""How the first and the last line of a private key begin: they are the same in every key."""


class Pipeline(NamedTuple):
    """How one service reads a log: what each command begins with, and how a percent sign is written in it."""

    group: str
    """What follows belongs together, and can be folded."""
    group_end: str
    error: str
    """The error that a summary of the job shows."""
    mask: str
    """From here on, this is shown as `***`."""
    percent: str

    def command(self, start: str, text: str) -> str:
        return start + text.replace("%", self.percent).replace("\r", "%0D").replace("\n", "%0A")


_GITHUB = Pipeline("::group::", "::endgroup::", "::error::", "::add-mask::", "%25")
_AZURE = Pipeline("##[group]", "##[endgroup]", "##vso[task.logissue type=error]", "##vso[task.setsecret]", "%AZP25")


def pipeline_of(environ: Mapping[str, str] = os.environ) -> Pipeline | None:
    """Who reads the log; `None` where no one is known to."""
    if environ.get("GITHUB_ACTIONS", "").casefold() == "true":
        return _GITHUB
    return _AZURE if environ.get("TF_BUILD", "").casefold() == "true" else None


def is_unattended(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this is a job of some pipeline: its log is read later, however much it looks like a terminal."""
    return environ.get("CI", "").casefold() not in {"", "0", "false"} or pipeline_of(environ) is not None


def masks(value: str, environ: Mapping[str, str] = os.environ) -> list[str]:
    """The lines that come before a secret: one for each line of its own, as a log is masked line by line."""
    pipeline = pipeline_of(environ)
    lines = [line for line in value.splitlines() if line.strip() and not line.startswith(BORDERS)]
    return [pipeline.command(pipeline.mask, line) for line in lines] if pipeline is not None else []
