"""`python -m conformance`, and `scripts/conformance`."""

from __future__ import annotations

import sys

from mct_s2s.cli.interruption import exit_on_signals, ignore_signals


def main() -> int:
    """Load it and run it; the exit codes are those of the program."""
    exit_on_signals()
    from conformance.command import main as run  # noqa: PLC0415  # it takes a moment, and may be interrupted

    code = run()
    ignore_signals()
    return code


if __name__ == "__main__":
    sys.exit(main())
