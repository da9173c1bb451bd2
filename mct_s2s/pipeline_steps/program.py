"""Runs mct-s2s, its document into a file; passes the service's signals on."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

_STOP = (signal.SIGINT, signal.SIGTERM)


def run(arguments: Sequence[str], environ: Mapping[str, str], document: Path) -> int:
    """Run mct-s2s of this Python to its end; returns its exit code, of a signal as a shell has it.

    A service that cancels a job signals the step's own process alone. mct-s2s is told, and is given
    the time to deliver secrets that it has made and to say what is not done.
    """
    with (
        document.open("xb") as out,  # new: no file or link that is there already
        subprocess.Popen(  # a session of its own: it is signalled once, by us
            [sys.executable, "-I", "-m", "mct_s2s", *arguments],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=out,
            start_new_session=True,
        ) as process,
        _forwarded(process),
    ):
        code = process.wait()
    return code if code >= 0 else 128 - code


@contextmanager
def _forwarded(process: subprocess.Popen[bytes]) -> Iterator[None]:
    def forward(number: int, _: FrameType | None) -> None:
        process.send_signal(number)

    before = {number: signal.signal(number, forward) for number in _STOP}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
