"""The two streams: results go to standard output, talk goes to standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text
from rich.theme import Theme

THEME = Theme(
    {
        "create": "green",
        "update": "yellow",
        "delete": "red",
        "none": "dim",
        "good": "green",
        "bad": "bold red",
        "warn": "yellow",
        "quiet": "dim",
        "command": "cyan",
        "head": "bold",
    }
)


UNBOUNDED = 400
"""Columns where there is no terminal: a log line is not folded."""


@dataclass
class Terminal:
    """Where a command speaks."""

    out: Console
    err: Console
    json: bool

    @classmethod
    def open(cls, *, json: bool) -> Terminal:
        """The process's own streams. Colours and width follow the terminal; `NO_COLOR` is obeyed."""
        return cls(_console(stderr=False), _console(stderr=True), json)

    @property
    def talks_to_person(self) -> bool:
        """Whether somebody can answer a question."""
        return sys.stdin.isatty() and self.err.is_terminal

    def say(self, text: str | Text = "", style: str | None = None) -> None:
        """Talk: progress, questions, errors."""
        self.err.print(text if isinstance(text, Text) else Text(text), style=style)

    def ask(self, question: str) -> None:
        """A question on standard error; the cursor stays behind it."""
        self.err.print(Text(question), end="")
        self.err.file.flush()

    def result(self, text: str | Text = "", style: str | None = None) -> None:
        """A result for a person."""
        self.out.print(text if isinstance(text, Text) else Text(text), style=style)

    def document(self, document: Mapping[str, Any]) -> None:
        """A result for a program: one JSON document."""
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        sys.stdout.flush()


def _console(*, stderr: bool) -> Console:
    console = Console(theme=THEME, highlight=False, stderr=stderr, soft_wrap=True)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = UNBOUNDED
    return console
