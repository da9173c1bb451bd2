"""What a command's exit code means. docs/commands.md says it for people."""

from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    DONE = 0
    """Done, healthy, ready; of a dry run: nothing would change."""
    FAILED = 1
    """Azure refused or did not answer, or an error of any kind came after the first change."""
    NOT_BEGUN = 2
    """The request is wrong, or refused as things are. Nothing was written."""
    ATTENTION = 3
    """The command did what it could, and there is something to do: pending, wrong, about to expire,
    left alone.
    """
    NOT_PERMITTED = 4
    """Not signed in, or a right is missing."""
    INTERRUPTED = 130


BY_URGENCY = (
    ExitCode.DONE,
    ExitCode.ATTENTION,
    ExitCode.NOT_PERMITTED,
    ExitCode.FAILED,
    ExitCode.NOT_BEGUN,
)
"""From the code that asks for least to the one that has to be put right first.

A command line that could not begin is in the way of all the rest, so it comes before a failure.
"""


def worst(codes: Iterable[int]) -> int:
    """The code of a command about several sites; an interruption counts most."""

    def urgency(code: int) -> int:
        return BY_URGENCY.index(code) if code in BY_URGENCY else len(BY_URGENCY)

    return max(codes, key=urgency, default=ExitCode.DONE)
