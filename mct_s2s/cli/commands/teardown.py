from __future__ import annotations

from mct_s2s.cli.options import RemovalOptions

BODY = "changing"
EXAMPLES = ("mct-s2s teardown -a contosolearn --dry-run", "mct-s2s teardown -a contosolearn --keep-registration")

TeardownOptions = RemovalOptions
