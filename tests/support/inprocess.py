"""The program within the test's own process: all of it but its start, with streams and an
environment of its own.
"""

import contextlib
import io
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from azure.identity._internal import aad_client_base
from mct_s2s.cli.app import main

from tests.cli.schemas import check
from tests.support import tidiness
from tests.support.catalogue import EXITS
from tests.support.simulated_time import SimulatedTime

SIGTERM = 143
_kill = os.kill
BETWEEN_RUNS = 2.0
"""Simulated seconds from one command to the next: nobody types faster, and Azure's times have whole
seconds.
"""


@dataclass(frozen=True)
class Ended:
    """What a run left behind."""

    code: int
    out: str
    err: str
    seconds: float = 0.0
    """How long it took in simulated time."""

    @property
    def document(self) -> Any:
        """Standard output as the one JSON document that it has to be, valid by its schema."""
        import json  # noqa: PLC0415

        document = json.loads(self.out)
        check(document)
        if document["schema"] == "mct-s2s/error/v1" and self.code != SIGTERM:
            # What ends a run after a write is 1.
            assert self.code in EXITS[document["error"]["code"]] | {1}, document["error"]
        return document

    @property
    def made(self) -> list[Any]:
        """The credentials that the run created, among those that its document lists."""
        return [
            credential
            for credential in self.document.get("credentials", [])
            if credential["created"]
        ]


def run_inside(
    words: Sequence[str],
    environment: Mapping[str, str],
    time: SimulatedTime,
    program: Callable[[Sequence[str]], int] = main,
) -> Ended:
    """Run a command line to its end, in simulated time; nobody is at its standard input.

    Raises KeyboardInterrupt: it was ended by a SIGTERM that no test has sent, but who ends the
    tests, such as `timeout`. The program took it for its own.
    """
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    out = _Stream(encoding)
    err = _Stream(encoding)
    began = time.seconds
    sent: list[int] = []

    def kill(pid: int, number: int) -> None:
        sent.append(number)
        _kill(pid, number)

    with pytest.MonkeyPatch.context() as patch, open(os.devnull) as nobody, time.simulated():  # noqa: PTH123
        for name in set(os.environ) - set(environment):
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setattr(sys, "stdin", nobody)
        patch.setattr(os, "kill", kill)
        # A client assertion is valid from now on, by a calendar that the sandbox has to agree with.
        patch.setattr(aad_client_base, "time", _Calendar(time))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = program(words)
    if tidiness.asked_to_end.is_set() or (code == SIGTERM and signal.SIGTERM not in sent):
        raise KeyboardInterrupt
    took = time.seconds - began
    time.move_to(time.seconds + BETWEEN_RUNS)
    return Ended(code, out.text, err.text, took)


@dataclass(frozen=True)
class _Calendar:
    """The module `time`, as far as azure-identity reads the calendar by it."""

    _simulated: SimulatedTime

    def time(self) -> float:
        return self._simulated.timestamp()


class _Stream(io.TextIOWrapper):
    """A stream as a process has it where it leads into a pipe: text over bytes."""

    def __init__(self, encoding: str) -> None:
        self._bytes = io.BytesIO()
        super().__init__(self._bytes, encoding=encoding, newline="\n", write_through=True)

    @property
    def text(self) -> str:
        """All that was written."""
        return self._bytes.getvalue().decode(self.encoding)
