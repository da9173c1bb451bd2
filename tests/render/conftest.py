"""The two streams of a command, opened as the product opens them and read by the test."""

import io
import re
import sys

import pytest
from mct_s2s.render.console import Terminal

VARIABLES = (
    "COLUMNS", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "NO_COLOR", "FORCE_COLOR",
    "CI", "GITHUB_ACTIONS", "TF_BUILD",
)  # fmt: skip
"""What a test must not take from whoever runs it."""
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Stream(io.StringIO):
    """A standard stream that says whether it is a terminal, and counts how often it is flushed."""

    def __init__(self, *, is_terminal: bool = False) -> None:
        super().__init__()
        self._is_terminal = is_terminal
        self.unflushed = ""

    def isatty(self) -> bool:
        return self._is_terminal

    def write(self, text: str) -> int:
        self.unflushed += text
        return super().write(text)

    def flush(self) -> None:
        self.unflushed = ""


class Screen:
    """A `Terminal` and what has been printed on it."""

    def __init__(self, terminal: Terminal, out: Stream, err: Stream) -> None:
        self.terminal = terminal
        self.out_stream, self.err_stream = out, err

    @property
    def out(self) -> str:
        """Standard output without escape sequences."""
        return _ESCAPES.sub("", self.out_stream.getvalue())

    @property
    def err(self) -> str:
        """Standard error without escape sequences."""
        return _ESCAPES.sub("", self.err_stream.getvalue())


class Screens:
    """Opens screens; without a width there is no `COLUMNS`, as in a pipeline."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setenv("LINES", "50")

    def __call__(
        self,
        width: int | None = None,
        *,
        is_terminal: bool = False,
        colors: bool = True,
        json: bool = False,
    ) -> Screen:
        out, err = Stream(is_terminal=is_terminal), Stream(is_terminal=is_terminal)
        with self._monkeypatch.context() as opening:
            if width is not None:
                opening.setenv("COLUMNS", str(width))
            if not colors:
                opening.setenv("NO_COLOR", "1")
            opening.setattr(sys, "stdout", out)
            opening.setattr(sys, "stderr", err)
            terminal = Terminal.open(json=json)
        terminal.out.file, terminal.err.file = out, err
        self._monkeypatch.setattr(sys, "stdout", out)  # documents go there directly
        return Screen(terminal, out, err)


@pytest.fixture
def screens(monkeypatch: pytest.MonkeyPatch) -> Screens:
    return Screens(monkeypatch)


def line_with(text: str, *facts: str) -> str:
    """The one line that holds all these facts.

    Raises:
        AssertionError: no line holds them, or more than one does.
    """
    lines = [line for line in text.splitlines() if all(fact in line for fact in facts)]
    assert len(lines) == 1, f"{len(lines)} lines with {facts} in:\n{text}"
    return lines[0]


def pasteable(text: str) -> list[str]:
    """Every line as somebody copies it: without the indentation and the arrow before a command."""
    return [line.strip().removeprefix("→").strip() for line in text.splitlines()]
