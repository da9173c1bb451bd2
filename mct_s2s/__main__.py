"""`python -m mct_s2s`, and the console script."""

from __future__ import annotations

import sys

from mct_s2s.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
