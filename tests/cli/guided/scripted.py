"""Someone who answers questions by a script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from mct_s2s.cli.guided.prompts import Check, Offer
from mct_s2s.errors import CANCELLED, Interrupted

Value = TypeVar("Value")
ENTER = ""
"""Takes what is proposed."""
CTRL_C = "\x03"


@dataclass
class Scripted:
    """`Prompts` that take each answer from a list: the beginning of an entry, or a line."""

    answers: list[str]
    asked: list[str] = field(default_factory=list)
    """The questions with what was offered."""

    async def choose(self, question: str, entries: Sequence[Offer[Value]], *, proposed: int = 0) -> Value:
        self.asked.append(f"{question} {' | '.join(entry.text for entry in entries)}")
        answer = self._next()
        if answer == ENTER:
            return entries[proposed].value
        (chosen,) = [entry for entry in entries if entry.text.startswith(answer)]
        return chosen.value

    async def text(self, question: str, *, proposed: str = "", check: Check = str, hint: str = "") -> str:
        del hint
        self.asked.append(f"{question} {proposed}".rstrip())
        answer = self._next() or proposed
        check(answer)
        return answer

    def _next(self) -> str:
        answer = self.answers.pop(0)
        if answer == CTRL_C:
            raise Interrupted("interrupted", CANCELLED, remedy="Again.")
        return answer
