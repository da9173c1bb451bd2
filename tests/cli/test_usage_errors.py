"""A word that the parser does not know: told by name, with the nearest right one, exit code 2."""

from __future__ import annotations

import shlex

import pytest
from mct_s2s.cli.app import main

CASES: dict[str, tuple[str, str]] = {
    "stauts": ("Unknown command 'stauts'. Did you mean 'status'?", "mct-s2s --help"),
    "zzzz": ("Unknown command 'zzzz'.", "mct-s2s --help"),
    "sandbox serv": ("Unknown command 'serv'. Did you mean 'serve'?", "mct-s2s sandbox --help"),
    "setup --cleint x": ("Unknown option '--cleint'. Did you mean '--client'?", "mct-s2s setup --help"),
    "setup --cleint=x": ("Unknown option '--cleint'. Did you mean '--client'?", "mct-s2s setup --help"),
    "status -z": ("Unknown option '-z'.", "mct-s2s status --help"),
    "sandbox serve --prot 1": ("Unknown option '--prot'. Did you mean '--port'?", "mct-s2s sandbox serve --help"),
    "-a x status -o text": ("Put -a after the command: mct-s2s status -a …", "mct-s2s status -a x -o text"),
    "--app-service 'a b' verify": (
        "Put --app-service after the command: mct-s2s verify --app-service …",
        "mct-s2s verify --app-service 'a b'",
    ),
    "-a x": ("Put -a after the command: mct-s2s status -a …", "mct-s2s status --help"),
    "sandbox --port 1 serve": (
        "Put --port after the command: mct-s2s sandbox serve --port …",
        "mct-s2s sandbox serve --port 1",
    ),
    "status --auth clii": ("Invalid --auth 'clii'. Did you mean cli? Use one of auto, ", "mct-s2s status --help"),
    "status -oxml": ("Invalid --output 'xml'. Use one of text, json", "mct-s2s status --help"),
    "status --timeout=soon": ("Invalid --timeout 'soon'. Use a number from 0.1 to 86400.", "mct-s2s status --help"),
    "status --timeout nan": ("Invalid --timeout 'nan'. Use a number from 0.1 to 86400.", "mct-s2s status --help"),
    "status --timeout -5": ("Invalid --timeout '-5'. Use a number from 0.1 to 86400.", "mct-s2s status --help"),
    "sandbox serve --port 99999": ("Invalid --port '99999'. Use a number from 1 to 65000.", "sandbox serve --help"),
    "setup a Import": ("Unexpected argument 'Import'. Did you mean --client Import?", "mct-s2s setup --help"),
    "verify Import a": ("Unexpected argument 'a'. Did you mean --app-service a?", "mct-s2s verify --help"),
    "schema status x": ("Unexpected argument 'x'.", "mct-s2s schema --help"),
    "status a -a b": (
        "--app-service 'b' and 'a' cannot be combined.",
        "Remove one of them: 'a' means --app-service 'a'.",
    ),
    "snippet": ("No client given.", "mct-s2s snippet NAME"),
    "help stauts": ("Unknown command 'stauts'. Did you mean 'status'?", "mct-s2s --help"),
    "status -a": ("-a needs a value.", "mct-s2s status --help"),
}


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "399")


@pytest.mark.parametrize("line", CASES)
def test_a_mistake_is_told_with_what_was_meant(line: str, capsys: pytest.CaptureFixture[str]) -> None:
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
