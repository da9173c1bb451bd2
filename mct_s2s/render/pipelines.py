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
    error_in: str
    """The same, up to the path of the file that it is about."""
    path_ends: str
    """Characters that would end that path."""
    command_end: str
    mask: str
    percent: str

    def annotation(self, text: str, file: str = "") -> str:
        """The command that shows an error apart from the log, beside the file that it is about."""
        if not file:
            return self.command(self.error, text)
        path = self.command("", file)
        for character in self.path_ends:
            path = path.replace(character, f"%{ord(character):02X}")
        return self.command(f"{self.error_in}{path}{self.command_end}", text)

    def command(self, start: str, text: str) -> str:
        return start + text.replace("%", self.percent).replace("\r", "%0D").replace("\n", "%0A")


_GITHUB = Pipeline(
    group="::group::",
    group_end="::endgroup::",
    error="::error::",
    error_in="::error file=",
    path_ends=":,",
    command_end="::",
    mask="::add-mask::",
    percent="%25",
)
_AZURE = Pipeline(
    group="##[group]",
    group_end="##[endgroup]",
    error="##vso[task.logissue type=error]",
    error_in="##vso[task.logissue type=error;sourcepath=",
    path_ends=";]",
    command_end="]",
    mask="##vso[task.setsecret]",
    percent="%AZP25",
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
