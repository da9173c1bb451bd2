"""One step of a pipeline, from its inputs to the exit code of its job."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mct_s2s.plain_text import plain
from mct_s2s.render.pipelines import pipeline_of

from pipeline_steps.hosts import Host, host_of
from pipeline_steps.inputs import StepError
from pipeline_steps.requests import RequestFailed

Step = Callable[[Mapping[str, str], Path, Host], int]

_RUNS, _REVIEWS = ("plan", "apply", "rotate", "sites"), ("comment", "reviewed")


def main(arguments: Sequence[str]) -> int:
    """Do one step; returns the exit code of the job."""
    if len(arguments) != 1 or arguments[0] not in _RUNS + _REVIEWS:
        print(f"One step: {', '.join(_RUNS + _REVIEWS)}.", file=sys.stderr)
        return 2
    folder = Path(os.environ.get("STEP_INTO") or tempfile.mkdtemp(prefix="mct-s2s-", dir=os.environ.get("RUNNER_TEMP")))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return _step(arguments[0])(os.environ, folder, host_of(os.environ, folder))
    except (StepError, RequestFailed) as error:
        pipeline, text = pipeline_of(os.environ), plain(str(error))
        print(pipeline.error(text) if pipeline else f"error: {text}", file=sys.stderr, flush=True)
        return 2 if isinstance(error, StepError) else 1


def _step(name: str) -> Step:
    """A review needs nothing but Python: a job that may write to pull requests installs no package for it."""
    if name in _REVIEWS:
        from pipeline_steps import reviews  # noqa: PLC0415

        return {"comment": reviews.comment, "reviewed": reviews.reviewed}[name]
    from pipeline_steps import runs  # noqa: PLC0415

    return {"plan": runs.plan, "apply": runs.apply, "rotate": runs.rotate, "sites": runs.sites}[name]
