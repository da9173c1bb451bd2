"""Completion is typer's own: commands, options and their words, for the shells that it knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import run


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mct-s2s st", {"status"}),
        ("mct-s2s sandbox s", {"serve", "save"}),
        ("mct-s2s setup --cl", {"--client", "--cloud"}),
        ("mct-s2s add-client --credential f", {"federated"}),
        ("mct-s2s rotate-secret Im", set()),
    ],
)
def test_the_tab_key_completes_commands_options_and_words(tmp_path: Path, line: str, expected: set[str]) -> None:
    place = str(len(line.split()) - 1)
    ended = run(env={"_MCT_S2S_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": place}, home=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert set(ended.out.split()) == expected
