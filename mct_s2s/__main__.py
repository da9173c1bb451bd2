"""`python -m mct_s2s`, and the console script."""

from __future__ import annotations

import sys

from mct_s2s.cli.interruption import exit_on_signals, ignore_signals


def main() -> int:
    """Load the program and run it; the exit code is the contract's."""
    exit_on_signals()
    from mct_s2s.cli.app import main as run  # noqa: PLC0415  # it takes tenths of a second, and may be interrupted

    code = run()
    ignore_signals()
    return code


if __name__ == "__main__":
    sys.exit(main())
