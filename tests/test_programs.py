"""Which file is started where a program is named."""

from pathlib import Path

import pytest
from mct_s2s.programs import find_program


def program(folder: Path, name: str) -> str:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return str(file)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with programs that someone put there."""
    folder = tmp_path / "here"
    for name in ("az", "az.cmd", "azd.exe"):
        program(folder, name)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("path", ["{bin}", ":{bin}", ".:{bin}", "bin:{bin}"])
@pytest.mark.parametrize(
    ("platform", "name", "file"),
    [("linux", "az", "az"), ("win32", "az", "az.cmd"), ("win32", "az.cmd", "az.cmd")],
)
def test_a_program_is_found_on_the_path_and_never_in_the_current_folder(
    here: Path, tmp_path: Path, path: str, platform: str, name: str, file: str
) -> None:
    program(here / "bin", file)
    environ = {"PATH": path.format(bin=tmp_path / "bin"), "PATHEXT": ".EXE;.CMD"}
    assert find_program(name, environ, platform) is None
    there = program(tmp_path / "bin", file)
    assert find_program(name, environ, platform) == there


def test_a_program_that_is_named_with_its_folder_is_that_file(here: Path) -> None:
    assert find_program("./az", {"PATH": "/usr/bin"}) == "./az"
    assert find_program("./azd", {"PATH": "/usr/bin"}) is None


def test_a_folder_or_a_file_that_cannot_be_started_is_no_program(tmp_path: Path) -> None:
    (tmp_path / "az").mkdir()
    (tmp_path / "azd").write_text("")
    for name in ("az", "azd"):
        assert find_program(name, {"PATH": str(tmp_path)}) is None
