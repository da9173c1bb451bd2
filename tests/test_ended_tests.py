"""Who ends the tests while one of them runs the program: it is the tests that end."""

import os
import signal
from collections.abc import Callable

import pytest

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
