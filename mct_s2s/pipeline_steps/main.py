"""One step of a pipeline, from its inputs to the exit code of its job."""

import importlib
import os
import sys
from collections.abc import Sequence

from mct_s2s.pipeline_steps.hosts import host_of
from mct_s2s.pipeline_steps.inputs import StepError
from mct_s2s.pipeline_steps.requests import RequestFailed
from mct_s2s.plain_text import plain
from mct_s2s.render.pipelines import pipeline_of

_STEPS = {
    "plan": "runs",
    "apply": "runs",
    "rotate": "runs",
    "comment": "github_review",
    "reviewed": "github_review",
}
"""Their modules.

A review needs nothing but Python: a job that may write to pull requests installs no package.
"""


_INPUTS = (
    "Its inputs are variables, STEP_FILE for file and so on: scripts/pipelines/github/action.yml "
    "and steps.yml for Azure Pipelines describe each."
)


def program() -> int:
    """Do the step that the command line names."""
    return main(sys.argv[1:])


def main(arguments: Sequence[str]) -> int:
    """Do one step; returns the exit code of the job."""
    if len(arguments) != 1 or arguments[0] not in _STEPS:
        print(f"One step: {', '.join(_STEPS)}. {_INPUTS}", file=sys.stderr)
        return 0 if arguments in (["--help"], ["-h"]) else 2
    (name,) = arguments
    try:
        step = getattr(importlib.import_module(f"mct_s2s.pipeline_steps.{_STEPS[name]}"), name)
        return int(step(os.environ, host_of(os.environ)))
    except (StepError, RequestFailed, OSError) as error:
        pipeline, text = pipeline_of(os.environ), plain(str(error))
        print(
            pipeline.command(pipeline.error, text) if pipeline else f"error: {text}",
            file=sys.stderr,
            flush=True,
        )
        return 2 if isinstance(error, StepError) else 1
