"""`add-client --from FILE`: many clients in one run, one name a line."""

from __future__ import annotations

from pathlib import Path

from mct_s2s.errors import UsageError
from mct_s2s.local_files import read_given


def read_client_list(path: Path) -> list[str]:
    """The names in a UTF-8 file, in its order; empty lines and lines that begin with `#` are passed over.

    Raises:
        UsageError: it cannot be read, or has no name.
    """
    names: list[str] = []
    reason = "there is no name in it"
    try:
        lines = [line.strip() for line in read_given(path).decode("utf-8-sig").splitlines()]
        names = [line for line in lines if line and not line.startswith("#")]
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text"
    except OSError as error:
        reason = error.strerror or str(error)
    if not names:
        raise UsageError(
            "client-list-unreadable",
            f"Cannot use '{path}': {reason}.",
            remedy="Pass a text file with one name a line; where clients differ, a trust file: mct-s2s apply -f FILE",
        )
    return names
