"""A word that the parser does not know: told by name, with the nearest right one, exit code 2.

The commonest are pictures of `test_screens_of_mistakes.py`.
"""

from __future__ import annotations

import shlex

import pytest
from mct_s2s.cli.app import main

CASES: dict[str, tuple[str, str]] = {
    "zzzz": ("No such command 'zzzz'.", "mct-s2s --help"),
    "sandbox serv": ("No such command 'serv'. Did you mean 'serve'?", "mct-s2s sandbox --help"),
    "status -z": ("No such option: -z", "mct-s2s status --help"),
    "sandbox --port 1 serve": (
        "No such option: --port",
        "Options follow the command: mct-s2s sandbox COMMAND --port …",
    ),
    "status -oxml": ("Invalid --output 'xml'. Use one of text, json", "mct-s2s status --help"),
    "status --timeout=soon": ("Invalid --timeout 'soon'. Input should be a valid number", "mct-s2s status --help"),
    "status --timeout nan": ("Invalid --timeout 'nan'.", "mct-s2s status --help"),
    "status --timeout -5": ("Invalid --timeout '-5'. Input should be greater than or equal to 0.1.", "status --help"),
    "sandbox serve --port 99999": ("Invalid --port '99999'.", "mct-s2s sandbox serve --help"),
    "status a -a b": (
        "--app-service 'b' and 'a' cannot be combined.",
        "Remove one of them: 'a' means --app-service 'a'.",
    ),
    "snippet": ("No client given.", "mct-s2s snippet NAME"),
    "help stauts": ("No such command 'stauts'. Did you mean 'status'?", "mct-s2s --help"),
    "status -a": ("Option '-a' requires an argument.", "mct-s2s status --help"),
}


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "399")


@pytest.mark.parametrize("line", CASES)
def test_a_mistake_is_named_with_what_was_meant_or_the_help_that_explains_it(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(shlex.split(line)) == 2
    out, err = capsys.readouterr()
    message, remedy = CASES[line]
    assert out == ""
    assert f"error: {message}" in err
    assert err.rstrip().endswith(remedy)


def test_a_variable_that_is_wrong_is_told_by_its_own_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MCT_S2S_AUTH", "magic")
    assert main(["status"]) == 2
    assert "Invalid MCT_S2S_AUTH 'magic'." in capsys.readouterr().err
