"""Files of variables: python-dotenv and a shell read in them what was written."""

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mct_s2s.stores.dotenv import assignment, variables_in

AWKWARD = [
    "Ab1~cd._-e",
    "~secret",
    "a b",
    "a #b",
    "it's",
    'a"b',
    "$HOME",
    "`id`",
    "C:\\Users\\job$\\key.pem",
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
