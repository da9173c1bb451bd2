"""Questions on a terminal: a list to choose from, and a line to type. They are asked on standard error.

No entry of a list is ever disabled: while a list is filtered, questionary 2.1.1 takes one that is, or looks for an
enabled one forever (`InquirerControl.is_selection_disabled` indexes the list as it is without the filter).
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from rich.text import Text

from mct_s2s.errors import CANCELLED, Cancelled, Interrupted, S2SError
from mct_s2s.plain_text import plain
from mct_s2s.render.console import Terminal

if TYPE_CHECKING:
    from prompt_toolkit.output import Output

Value = TypeVar("Value")
Check = Callable[[str], object]
"""Raises `S2SError` for what cannot be used."""

_AGAIN = "Run the same command again when you are ready."
_STYLE = {
    "qmark": "fg:ansicyan bold",
    "question": "bold",
    "instruction": "fg:ansibrightblack",
    "pointer": "fg:ansicyan bold",
    "highlighted": "fg:ansicyan",
    "answer": "fg:ansicyan",
    "selected": "",
    "text": "",
    "bottom-toolbar": "noreverse",
    "validation-toolbar": "fg:ansired",
}
"""Colours of the terminal's own palette, readable on a dark and on a light background."""


@dataclass(frozen=True)
class Offer(Generic[Value]):
    """One entry of a list."""

    text: str
    value: Value
    answer: str | None = None
    """What stays on the screen when it is chosen, where that is less than its text."""


class Prompts(Protocol):
    """Who asks: a person at the terminal answers, in tests a script."""

    async def choose(self, question: str, entries: Sequence[Offer[Value]], *, proposed: int = 0) -> Value:
        """The value of the entry that is chosen.

        Args:
            question: with its mark at the end.
            entries: one at least.
            proposed: the index of the entry that Enter takes.

        Raises:
            Interrupted: Ctrl-C.
        """
        ...

    async def text(self, question: str, *, proposed: str = "", check: Check = str, hint: str = "") -> str:
        """A line without blanks around it.

        Args:
            question: as above.
            proposed: what the line begins with, to be changed or taken.
            check: refuses what cannot be used; the question then stays.
            hint: what is expected, shown beside the question.

        Raises:
            Interrupted: Ctrl-C.
            Cancelled: Ctrl-D.
        """
        ...


class TerminalPrompts:
    """Asks with questionary. What was answered stays on the screen as one short line.

    Args:
        terminal: where that line is printed.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    async def choose(self, question: str, entries: Sequence[Offer[Value]], *, proposed: int = 0) -> Value:
        """As `Prompts` says; typing narrows the list."""
        import questionary  # noqa: PLC0415  # and prompt_toolkit: a tenth of a second, only for who is asked

        # The values are indexes: questionary takes an entry without a value for its text.
        choices = [questionary.Choice(plain(entry.text), value=at) for at, entry in enumerate(entries)]

        def ask() -> Any:
            return questionary.select(
                plain(question),
                choices,
                default=choices[proposed],
                pointer=">",
                instruction="(arrow keys, type to filter)" if len(entries) > 1 else "(Enter)",
                use_jk_keys=False,
                use_search_filter=True,
                style=questionary.Style.from_dict(_STYLE),
                erase_when_done=True,
            ).unsafe_ask_async()

        at: int = await _answer(ask)
        chosen = entries[at]
        self._keep(question, chosen.text if chosen.answer is None else chosen.answer)
        return chosen.value

    async def text(self, question: str, *, proposed: str = "", check: Check = str, hint: str = "") -> str:
        """As `Prompts` says."""
        import questionary  # noqa: PLC0415  # as above

        def ask() -> Any:
            return questionary.text(
                plain(question),
                default=plain(proposed),
                instruction=f"({plain(hint)})" if hint else None,
                validate=lambda typed: _verdict(check, typed, hint),
                validate_while_typing=False,
                style=questionary.Style.from_dict(_STYLE),
                erase_when_done=True,
            ).unsafe_ask_async()

        typed = str(await _answer(ask)).strip()
        self._keep(question, typed)
        return typed

    def _keep(self, question: str, answer: str) -> None:
        self._terminal.say(Text.assemble(("? ", "command"), (f"{question} ", "head"), (answer, "command")))


def _verdict(check: Check, typed: str, hint: str) -> bool | str:
    """Whether what was typed can be used, or one line that says why not."""
    try:
        check(typed.strip())
    except S2SError as error:
        return plain(f"Expected: {hint}" if hint else error.headline)
    return True


async def _answer(ask: Callable[[], Awaitable[Any]]) -> Any:
    try:
        with _on_standard_error():
            return await ask()
    except KeyboardInterrupt as pressed:
        raise Interrupted("interrupted", CANCELLED, remedy=_AGAIN) from pressed
    except EOFError as pressed:
        raise Cancelled("cancelled", CANCELLED, remedy=_AGAIN) from pressed


@contextmanager
def _on_standard_error() -> Iterator[None]:
    """Standard output is for results, and may lead into a file."""
    from prompt_toolkit.application import create_app_session  # noqa: PLC0415  # as above
    from prompt_toolkit.output import create_output  # noqa: PLC0415

    with create_app_session(output=_without_reports(create_output(stdout=sys.stderr))):
        yield


def _without_reports(output: Output) -> Output:
    """An output that does not ask where the cursor is: a slow terminal's answer would be read as typed text."""
    if hasattr(output, "enable_cpr"):
        output.enable_cpr = False
    return output
