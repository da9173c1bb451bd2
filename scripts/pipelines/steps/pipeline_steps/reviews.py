"""The steps around a review: `comment` shows a plan where it is reviewed, `reviewed` finds what was approved."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline_steps import azure_review, github_review
from pipeline_steps.hosts import Host
from pipeline_steps.inputs import Inputs, flag

Environ = Mapping[str, str]


def comment(environ: Environ, folder: Path, _: Host) -> int:
    """Write the plan into the pull request."""
    if flag(environ, "TF_BUILD"):
        azure_review.comment(environ, (folder / "plan.md").read_text(encoding="utf-8"))
    else:
        github_review.comment(environ)
    return 0


def reviewed(environ: Environ, _: Path, host: Host) -> int:
    """A fingerprint that an administrator types comes first: that is how a refused plan is applied after all."""
    typed = Inputs.of(environ).expect
    host.output("fingerprint", typed or github_review.reviewed(environ))
    return 0
