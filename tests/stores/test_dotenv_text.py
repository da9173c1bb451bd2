"""Files of variables: python-dotenv and a shell read in them what was written."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mct_s2s.stores.dotenv_text import assignment, reassigned, variables_in

AWKWARD = [
    "Ab1~cd._-e",
    "~secret",
    "a b",
    "a #b",
    "it's",
    'a"b',
    "$HOME",
    "`id`",
    "${A}",
    "\\\\server\\share\\",
    "C:\\keys\\it's",
    "é",
    "'",
    "!x",
    "a=b",
]


@pytest.mark.parametrize("value", AWKWARD)
@pytest.mark.parametrize("line", ["{}", "export {}", "  {}  ", "\ufeff{}"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_value_is_read_as_it_was_written(value: str, line: str, end: str) -> None:
    assert variables_in(line.format(assignment("A", value)) + end + f"B=1{end}")["A"] == value


@given(st.text(st.sampled_from("aZ0 '\"\\$`~#=é&;"), min_size=1, max_size=8))
def test_whatever_the_value_it_is_read_as_it_was_written_or_refused(value: str) -> None:
    try:
        line = assignment("A", value)
    except ValueError:
        assert "'" in value or "\\" in value
    else:
        assert variables_in(line) == {"A": value}


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a shell")
def test_a_shell_reads_the_same() -> None:
    script = "\n".join(f"{assignment('A', value)}; printf '%s\\0' \"$A\"" for value in AWKWARD)
    read = subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout.decode()
    assert read.split("\0")[:-1] == AWKWARD


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "\x00", "\u2028", "\ud800", "it's $5"])
def test_a_value_that_readers_would_take_differently_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="A"):
        assignment("A", value)


def test_what_users_add_is_read_as_they_mean_it(capfd: pytest.CaptureFixture[str]) -> None:
    text = (
        "# mct-s2s credential {}\r\nexport A='x' # mine\r\n\r\nB = y # mine\nC=a#b\nD=$A\nE=\nnonsense here\nF='open\n"
    )
    assert variables_in(text) == {"A": "x", "B": "y", "C": "a#b", "D": "$A"}
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("A=1\nS=old\nB=2\n", "A=1\nS=new/x\nB=2\n"),
        ("A=1\r\nexport S='o l d' \r\n# S=kept", "A=1\r\nexport S=new/x\r\n# S=kept"),
        ("\ufeffS = old", "\ufeffS=new/x"),
        ("S=\nS=old\nXS=old\n", "S=new/x\nS=new/x\nXS=old\n"),
    ],
)
def test_one_variable_changes_and_no_other_byte(before: str, after: str) -> None:
    assert reassigned(before, "S", "new/x") == after


@pytest.mark.parametrize("text", ["", "A=1\n", "S=\n", "A='x\nS=old\n'\n", "S='x\nA=1\n'\n", "A='\nS=old\n'\nS=old"])
def test_a_file_that_would_change_in_more_than_one_variable_is_left(text: str) -> None:
    with pytest.raises(ValueError, match="S"):
        reassigned(text, "S", "new/x")
