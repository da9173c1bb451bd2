"""What a pipeline reads from a job's log: groups, the error, values to mask.

A mask is in the same stream as its secret, just before it: a file that keeps the other stream gets
neither. Sources: docs.github.com/actions/reference/workflows-and-actions/workflow-commands;
learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands.
"""

import os
from collections.abc import Mapping
from typing import NamedTuple

BORDERS = "-----"
"""The first and the last line of a private key, the same in every key, begin with it."""


class Pipeline(NamedTuple):
    """What each command begins with, and how a percent sign is written in it."""

    group: str
    group_end: str
    error: str
    mask: str
    percent: str

    def command(self, start: str, text: str) -> str:
        return start + text.replace("%", self.percent).replace("\r", "%0D").replace("\n", "%0A")


_GITHUB = Pipeline("::group::", "::endgroup::", "::error::", "::add-mask::", "%25")
_AZURE = Pipeline(
    "##[group]",
    "##[endgroup]",
    "##vso[task.logissue type=error]",
    "##vso[task.setsecret]",
    "%AZP25",
)


def pipeline_of(environ: Mapping[str, str] = os.environ) -> Pipeline | None:
    if environ.get("GITHUB_ACTIONS", "").casefold() == "true":
        return _GITHUB
    return _AZURE if environ.get("TF_BUILD", "").casefold() == "true" else None


def is_unattended(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this is a job, whose log is read later, however much it looks like a terminal."""
    return (
        environ.get("CI", "").casefold() not in {"", "0", "false"}
        or pipeline_of(environ) is not None
    )


def masks(value: str, environ: Mapping[str, str] = os.environ) -> list[str]:
    """The lines that come before a secret; a log is masked line by line."""
    pipeline = pipeline_of(environ)
    lines = [line for line in value.splitlines() if line.strip() and not line.startswith(BORDERS)]
    return [pipeline.command(pipeline.mask, line) for line in lines] if pipeline is not None else []
