"""What `--help` prints: whole lines, for a terminal and for a pipe."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Program

COMMANDS = [
    (), ("setup",), ("add-client",), ("configure-appservice",), ("rotate-secret",), ("remove-client",), ("teardown",),
    ("status",), ("verify",), ("doctor",), ("schema",), ("sandbox",), ("sandbox", "serve"),
]  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_line_of_help_is_padded_in_a_pipe(mct: Program, words: tuple[str, ...]) -> None:
    ended = mct(*words, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert "Usage: mct-s2s" in ended.out
    assert [line for line in ended.out.splitlines() if line != line.rstrip()] == []
    assert not ended.out.startswith("\n")
