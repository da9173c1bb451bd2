"""Who ends the tests while one of them runs the program: it is the tests that end."""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.support import tidiness
from tests.support.inprocess import SIGTERM, run_inside
from tests.support.simulated_time import SimulatedTime


def _run(end: Callable[[], object]) -> int:
    def program(_: object) -> int:
        usual = signal.signal(signal.SIGTERM, lambda *_: None)
        end()
        signal.signal(signal.SIGTERM, usual)
        return SIGTERM

    return run_inside((), {}, SimulatedTime(), program).code


def test_a_sigterm_from_outside_ends_the_tests_and_is_no_failure_of_one() -> None:
    with pytest.raises(KeyboardInterrupt):
        _run(lambda: signal.raise_signal(signal.SIGTERM))


def test_a_sigterm_that_a_test_sends_is_the_programs() -> None:
    assert _run(lambda: os.kill(os.getpid(), signal.SIGTERM)) == SIGTERM


def test_a_program_that_takes_it_for_ctrl_c_does_not_keep_the_tests_from_ending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tidiness, "asked_to_end", threading.Event())

    def program(_: object) -> int:
        with suppress(KeyboardInterrupt):
            tidiness._interrupt(signal.SIGTERM, None)
        return 130

    with pytest.raises(KeyboardInterrupt):
        run_inside((), {}, SimulatedTime(), program)
