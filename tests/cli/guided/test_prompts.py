"""The questions as they are asked by questionary: keys in, an answer out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from mct_s2s.cli.guided.prompts import Offer, TerminalPrompts
from mct_s2s.errors import Cancelled, Interrupted, UsageError
from mct_s2s.render.console import Terminal
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input

DOWN, UP, ENTER, CTRL_C, CTRL_D, BACKSPACE = "\x1b[B", "\x1b[A", "\r", "\x03", "\x04", "\x7f"
FRUIT: list[Offer[int | None]] = [
    Offer("apple", 1),
    Offer("pear", 2, "a pear"),
    Offer("[red]plum\x1b[2J", None),
    Offer("apple pie", 4),
]

Asks = Callable[[TerminalPrompts], Coroutine[Any, Any, Any]]


def answered(asks: Asks, keys: str) -> Any:
    """What comes of a question when these keys are pressed."""

    async def ask() -> Any:
        with create_pipe_input() as keyboard, create_app_session(input=keyboard):
            keyboard.send_text(keys)
            return await asks(TerminalPrompts(Terminal.open(json=False)))

    return asyncio.run(ask())


def fruit(proposed: int = 0) -> Asks:
    return lambda prompts: prompts.choose("Fruit:", FRUIT, proposed=proposed)


def name(**more: Any) -> Asks:
    return lambda prompts: prompts.text("Name:", **more)


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        (ENTER, 1),
        (DOWN + ENTER, 2),
        (UP + ENTER, 4),
        (DOWN + DOWN + ENTER, None),
        ("pear" + ENTER, 2),
        ("APPLE" + DOWN + ENTER, 4),
        ("pie" + ENTER, 4),
        ("piex" + BACKSPACE + ENTER, 4),
    ],
)
def test_an_entry_is_chosen_by_arrows_and_by_typing(keys: str, chosen: int | None) -> None:
    assert answered(fruit(), keys) == chosen


def test_enter_takes_what_is_proposed() -> None:
    assert answered(fruit(proposed=3), ENTER) == 4


def test_a_line_is_typed_or_taken_as_proposed() -> None:
    assert answered(name(), "  Ada " + ENTER) == "Ada"
    assert answered(name(proposed="etl"), ENTER) == "etl"
    assert answered(name(proposed="etl"), "2" + ENTER) == "etl2"


def test_what_cannot_be_used_is_asked_for_again() -> None:
    def check(text: str) -> None:
        if text != "good":
            raise UsageError("usage", f"Not '{text}'.", remedy="Type good.")

    assert answered(name(check=check, hint="good"), "bad" + ENTER + BACKSPACE * 3 + "good" + ENTER) == "good"


@pytest.mark.parametrize("asks", [fruit(), name()])
def test_ctrl_c_cancels(asks: Asks) -> None:
    with pytest.raises(Interrupted, match=r"^Cancelled\. Nothing was changed\.$") as caught:
        answered(asks, CTRL_C)
    assert caught.value.exit_code == 130


def test_ctrl_d_cancels() -> None:
    with pytest.raises(Cancelled):
        answered(name(), CTRL_D)


def test_the_answer_stays_in_short_and_not_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    answered(fruit(), DOWN + ENTER)
    assert capsys.readouterr().err.endswith("? Fruit: a pear\n")
    answered(fruit(), DOWN + DOWN + ENTER)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("? Fruit: [red]plum\ufffd[2J\n"), (
        "what Azure calls something is text, not markup and no control"
    )
    assert "\x1b[2J" not in err
