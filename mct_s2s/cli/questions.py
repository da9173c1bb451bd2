"""The questions before anything is changed: yes or no, and a name that is typed to confirm a removal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mct_s2s.cli.streams import ask

if TYPE_CHECKING:
    from mct_s2s.cli.run import Run


async def agrees(run: Run, question: str) -> bool:
    """Ask until the answer is yes or no. Enter alone, and the end of standard input, mean no."""
    while True:
        answer = (await _answer(run, f"{question} [y/N] ")).casefold()
        if answer in {"y", "yes"}:
            return True
        if answer in {"", "n", "no"}:
            return False
        run.terminal.say("Please answer y or n.")


async def types(run: Run, question: str, name: str) -> bool:
    """Ask until a name is typed, or nothing, which means no."""
    while True:
        answer = await _answer(run, f"{question} ")
        if not answer or answer.casefold() == name.casefold():
            return bool(answer)
        run.terminal.say(f"That is not '{name}'. To cancel, press Enter.")


async def _answer(run: Run, question: str) -> str:
    with _asking(run):
        line = await ask(run.terminal, question)
    if not line.endswith("\n"):
        run.terminal.say()  # Ctrl-D, which a terminal does not show
    return line.strip()


@contextmanager
def _asking(run: Run) -> Iterator[None]:
    """Mark that a question is open; it stays so where Ctrl-C ends it."""
    run.is_asking = True
    yield
    run.is_asking = False
