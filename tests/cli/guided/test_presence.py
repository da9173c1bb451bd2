"""When questions are asked: never of a program, and never of who said that there are none to be asked."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping

import pytest
from mct_s2s.cli.guided.presence import may_ask
from mct_s2s.cli.options import AzureOptions, Output
from mct_s2s.cli.options.setup import SetupOptions
from mct_s2s.cli.options.status import StatusFormat, StatusOptions


class Stream(io.StringIO):
    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def asked(
    options: AzureOptions | None = None, environ: Mapping[str, str] | None = None, **streams: Stream | None
) -> bool:
    """Whether someone at a terminal may be asked; `streams` are those that are something else."""
    with pytest.MonkeyPatch.context() as patch:  # within the test: pytest changes the streams from phase to phase
        for name in ("stdin", "stderr"):
            patch.setattr(sys, name, streams.get(name, Stream(is_terminal=True)))
        return may_ask(options or AzureOptions(), environ or {})


def test_a_person_at_a_terminal_is_asked() -> None:
    assert asked(environ={"TERM": "xterm", "CI": "", "TF_BUILD": "False"})


def test_every_command_counts_text_as_text() -> None:
    """Each has formats of its own."""
    assert asked(StatusOptions())


@pytest.mark.parametrize(
    "options",
    [AzureOptions(output=Output.JSON), StatusOptions(output=StatusFormat.MARKDOWN), SetupOptions(yes=True)],
)
def test_who_wants_no_questions_gets_none(options: AzureOptions) -> None:
    assert not asked(options)


@pytest.mark.parametrize(
    "environ", [{"CI": "true"}, {"CI": "1"}, {"GITHUB_ACTIONS": "true"}, {"TF_BUILD": "True"}, {"TERM": "dumb"}]
)
def test_a_job_with_a_terminal_is_no_person(environ: dict[str, str]) -> None:
    assert not asked(environ=environ)


@pytest.mark.parametrize("name", ["stdin", "stderr"])
def test_both_ends_have_to_be_a_terminal(name: str) -> None:
    assert not asked(None, {"FORCE_COLOR": "1"}, **{name: Stream(is_terminal=False)})
    assert not asked(None, None, **{name: None})
