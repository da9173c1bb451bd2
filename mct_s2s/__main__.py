"""`python -m mct_s2s`, and the console script."""

import gc
import sys

# What `signal` is made of: its enumerations take as long to import as all else before `main`, and a
# Ctrl-C in that time would show a traceback.
from _signal import SIG_DFL, SIGINT, default_int_handler, getsignal, signal  # type: ignore[import-not-found]

COLLECTED_AFTER = 400_000
"""Objects: a command makes some 230,000, nearly all while the SDKs are imported, and needs them to
its end.

Looking through them every 700, and once more at the end, took a third of a `status`: 1.25 s of
processor time, not 0.83 s.
"""


def main() -> int:
    """Load the program and run it; the exit code is the contract's."""
    if getsignal(SIGINT) is default_int_handler:
        signal(SIGINT, SIG_DFL)  # until that is imported which tells it better
    gc.set_threshold(COLLECTED_AFTER)
    from mct_s2s.cli.interruption import exit_on_signals, ignore_signals  # noqa: PLC0415  # late: see above

    exit_on_signals()
    from mct_s2s.cli.app import main as run  # noqa: PLC0415  # it takes tenths of a second, and may be interrupted

    code = run()
    ignore_signals()
    gc.freeze()  # the end of the process has no garbage to look for
    return code


if __name__ == "__main__":
    sys.exit(main())
