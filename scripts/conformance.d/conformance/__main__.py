"""`python -m conformance`, and `scripts/conformance`."""

from __future__ import annotations

import sys

from mct_s2s.cli.interruption import leave_at_once, too_late


def main() -> int:
    """Load it and run it; the exit codes are those of the program."""
    leave_at_once()
    from conformance.command import main as run  # noqa: PLC0415  # it takes a moment, and may be interrupted

    code = run()
    too_late()
    return code


if __name__ == "__main__":
    sys.exit(main())
