"""The question before anything is written, on a real terminal."""

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Program, at_terminal
from tests.conftest import Sandbox
from tests.support.secret_search import secrets_in

SETUP = ("setup", "--client", "One")


def _asked(
    azure: Sandbox, home: Path, *answers: str, words: tuple[str, ...] = SETUP, question: str = "Apply? [y/N] "
) -> tuple[int, str]:
    """Answer a command's question, as often as it is asked; exit code and what was shown."""
    run, shown = at_terminal(azure, home, *words, columns=120), ""
    for answer in answers:
        run.expect_exact(question)
        shown += run.before + run.after
        run.send(answer)
    shown += run.read()
    run.close()
    assert len(secrets_in(shown)) == int("show" in words)
    return run.exitstatus, shown


@pytest.mark.parametrize(("answers", "code"), [(("maybe\n", "no\n"), 1), (("\x04",), 1), (("\x03",), 130)])
def test_no_and_ctrl_c_change_nothing(answers: tuple[str, ...], code: int, azure: Sandbox, tmp_path: Path) -> None:
    ended, shown = _asked(azure, tmp_path, *answers)
    assert (ended, shown.splitlines()[-1].endswith("Cancelled. Nothing was changed.")) == (code, True), shown
    assert ("Please answer y or n." in shown) is (len(answers) > 1)
    assert "error" not in shown, "it is what the user wanted"
    assert azure.writes() == []


@pytest.mark.parametrize(("early", "answer"), [("y\n", "\n"), ("y\r", "\x04"), ("y", "\n")])
def test_what_was_typed_before_the_question_was_there_answers_nothing(
    early: str, answer: str, azure: Sandbox, tmp_path: Path
) -> None:
    run = at_terminal(azure, tmp_path, *SETUP)
    run.send(early)
    run.expect_exact("Apply? [y/N] ")
    run.send(answer)
    assert "Cancelled. Nothing was changed." in run.read()
    run.close()
    assert (run.exitstatus, azure.writes()) == (1, [])


def test_yes_does_it_and_a_secret_is_shown_once_beside_the_steps(azure: Sandbox, tmp_path: Path) -> None:
    """The list of steps, which is drawn again and again, makes room for it."""
    ended, shown = _asked(azure, tmp_path, "y\n", words=(*SETUP, "--secret-to", "show"))
    assert (ended, azure.restarts(), "admin consent" in shown) == (0, 1, True), shown
    assert shown.count("shown here once: ") == 1
    plain = re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", shown)
    line = next(line for line in plain.splitlines() if "shown here once: " in line)
    assert line.startswith("Secret of One  expires ")
    assert secrets_in(line.rpartition(": ")[2]) != [], "whole, and on a line of its own"


NAME = "type the App Service's name, contosolearn: "


def test_everything_is_removed_by_typing_the_name(azure: Sandbox, tmp_path: Path, mct: Program) -> None:
    assert mct("setup", "--client", "One", "--managed-identity", "reports-func", "-y").code == 0
    azure.forget()
    ended, shown = _asked(azure, tmp_path, "y\n", "\n", words=("teardown",), question=NAME)
    assert (ended, azure.writes()) == (1, []), shown
    assert "That is not 'contosolearn'. To cancel, press Enter." in shown, "a yes is no name"
    assert "This disables the managed identity of reports-func. To remove all of this, type " in shown
    assert "Its roles in other subscriptions cannot be checked" in " ".join(shown.split())
    ended, shown = _asked(azure, tmp_path, "ContosoLearn\n", words=("teardown",), question=NAME)
    assert (ended, azure.made_by_us()) == (0, []), shown
