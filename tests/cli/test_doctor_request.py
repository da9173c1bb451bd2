"""`doctor --request` writes a text for an administrator, over nothing but an older one of the same kind."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.conftest import SITE, Sandbox

READ = ("Application.Read.All", "Organization.Read.All")
READER = [("Reader", SITE)]
TITLE = "# Request for permissions: mct-s2s"


@pytest.fixture
def caller(azure: Sandbox) -> dict[str, str]:
    return azure.caller(*READ, "Application.ReadWrite.OwnedBy", arm=READER)


def test_it_is_written_beside_the_checks(mct: Program, caller: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "request.md"
    done = mct("doctor", "-a", SITE, "--request", str(file), env=caller)
    assert done.code == 3
    assert f"Wrote the request to {file}" in done.err
    assert "✗ contosolearn" in done.out
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    text = file.read_text(encoding="utf-8")
    assert text.startswith(TITLE)
    assert f"--role 'Website Contributor' --scope {SITE}" in text
    assert caller["AZURE_CLIENT_SECRET"] not in text
    again = mct("doctor", "-a", SITE, "--request", str(file), env=caller)
    assert (again.code, file.read_text(encoding="utf-8")) == (3, text), "a newer one replaces an older one"


def test_on_standard_output_it_is_alone(mct: Program, caller: dict[str, str]) -> None:
    done = mct("doctor", "-a", SITE, "--request", "-", env=caller)
    assert done.code == 3
    assert done.out.startswith(f"{TITLE}\n")
    assert done.out.rstrip().endswith("This text contains no secrets.")
    assert "✗" not in done.out


def test_beside_a_document_it_is_in_its_file(mct: Program, caller: dict[str, str], tmp_path: Path) -> None:
    done = mct("doctor", "-a", SITE, "--request", str(tmp_path / "r.md"), "-o", "json", env=caller)
    assert done.document["setup"] == "stops"
    assert (tmp_path / "r.md").exists()


def test_there_is_no_file_where_there_is_nothing_to_ask_for(mct: Program, tmp_path: Path) -> None:
    done = mct("doctor", "--request", str(tmp_path / "r.md"))
    assert (done.code, list(tmp_path.glob("r.md*"))) == (0, [])
    assert "There is nothing to ask an administrator for." in done.err


@pytest.mark.parametrize("kind", ["another file", "a link", "a folder", "no folder"])
def test_nothing_else_is_written_over(
    mct: Program, azure: Sandbox, caller: dict[str, str], tmp_path: Path, kind: str
) -> None:
    file, precious = tmp_path / "r.md", tmp_path / "precious"
    precious.write_text("precious")
    if kind == "another file":
        file.write_text("# Notes\n")
    elif kind == "a link":
        file.symlink_to(precious)
    elif kind == "a folder":
        file.mkdir()
    else:
        file = tmp_path / "nowhere" / "r.md"
    azure.forget()
    done = mct("doctor", "-a", SITE, "--request", str(file), "-o", "json", env=caller)
    assert (done.code, done.document["error"]["code"], azure.log("graph")) == (2, "request-unwritable", [])
    assert precious.read_text() == "precious"
    assert kind != "another file" or file.read_text() == "# Notes\n"
