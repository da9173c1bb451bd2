"""The guided way as a person goes it: keys typed at a terminal, and Ctrl-C at its questions."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from tests.conftest import Sandbox, program, without_azure
from tests.support.sampling import sampled
from tests.support.secret_search import secrets_in

DOWN, ENTER, CTRL_C = "\x1b[B", "\r", "\x03"
SECONDS = 60
"""Against hanging only."""

GUIDED = [
    ("MCT App Service:", ENTER),
    ("Where does the client run", "git"),
    ("git", ENTER),
    ("Repository:", f"acme/etl{ENTER}"),
    ("Name of the client:", ENTER),
    ("Another client?", ENTER),
]
"""What is waited for, and the keys that are pressed then."""


class Person:
    """Someone at a terminal of 80 columns and 24 lines, whose shell runs one command."""

    def __init__(self, azure: Sandbox, home: Path, *words: str) -> None:
        private = {"HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "XDG_STATE_HOME": str(home / "state")}
        environment = {**without_azure(), **azure.environment, **private, "TERM": "xterm-256color"}
        for name in ("MCT_S2S_APP_SERVICE", "MCT_S2S_RESOURCE_GROUP", "CI", "GITHUB_ACTIONS", "TF_BUILD"):
            environment.pop(name, None)
        line = f"{shlex.join(program(words))}; echo code=$?; stty -a"
        self._shell = pexpect.spawn(
            "/bin/sh", ["-c", line], env=environment, dimensions=(24, 80), timeout=SECONDS, encoding="utf-8"
        )
        self._seen = ""

    def close(self) -> None:
        """Leave, whatever is still running."""
        self._shell.close(force=True)

    def waits_for(self, text: str) -> None:
        """Look at the screen until a text is there."""
        self._shell.expect_exact(text)
        self._seen += self._shell.before + text

    def types(self, keys: str) -> None:
        """Press keys."""
        self._shell.send(keys)

    def ended(self) -> tuple[int, str]:
        """The exit code, and everything that was shown, without control sequences."""
        self._shell.expect(pexpect.EOF)
        shown, _, end = re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", self._seen + self._shell.before).rpartition("code=")
        assert {"icanon", "echo", "isig"} <= set(re.split(r"[\s;]+", end)), f"the terminal is not as it was: {end}"
        assert "Traceback" not in shown
        assert secrets_in(shown) == []
        return int(end.split()[0]), shown


@pytest.fixture
def person(azure: Sandbox, tmp_path: Path) -> Iterator[Callable[..., Person]]:
    """Makes a person at a terminal who runs a command."""
    there: list[Person] = []

    def here(*words: str) -> Person:
        there.append(Person(azure, tmp_path, *words))
        return there[-1]

    yield here
    for one in there:
        one.close()


def goes(person: Person, steps: list[tuple[str, str]]) -> None:
    for text, keys in steps:
        person.waits_for(text)
        person.types(keys)


def test_setup_is_done_by_keys_and_ends_with_its_command_line(person: Callable[..., Person], azure: Sandbox) -> None:
    someone = person("setup")
    goes(someone, [*GUIDED, ("Apply? [y/N]", f"maybe{ENTER}"), ("Apply? [y/N]", f"y{ENTER}")])
    code, shown = someone.ended()
    assert code == 0, shown
    assert "Please answer y or n." in shown
    assert "? Where does the client run that calls the API? In GitHub Actions" in shown
    command = "mct-s2s setup -a contosolearn -g mct-prod"
    line = shown[shown.rindex("The same without questions:") :].replace("\r\n", "")
    assert f"{command} --cloud {azure.origin} --credential federated --github acme/etl --client etl" in line
    assert azure.restarts() == 1


@pytest.mark.parametrize("at", sampled(range(len(GUIDED)), 1, of_all=len(GUIDED), salt="Ctrl-C"))
def test_ctrl_c_at_a_question_cancels_and_leaves_the_terminal_as_it_was(
    at: int, person: Callable[..., Person], azure: Sandbox
) -> None:
    someone = person("setup")
    goes(someone, [*GUIDED[:at], (GUIDED[at][0], CTRL_C)])
    code, shown = someone.ended()
    assert (code, azure.writes()) == (130, []), shown
    assert "Cancelled. Nothing was changed." in shown


def test_another_command_offers_the_sites_too(person: Callable[..., Person], azure: Sandbox) -> None:
    someone = person("status")
    goes(someone, [("MCT App Service:", ENTER)])
    code, shown = someone.ended()
    assert (code, azure.writes()) == (3, []), shown
    assert "To skip the question next time, add:\r\n-a contosolearn -g mct-prod" in shown
    assert "mct-s2s setup -a contosolearn -g mct-prod" in shown
