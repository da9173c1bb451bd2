"""`mct-s2s teardown`."""

from __future__ import annotations

from dataclasses import dataclass

from mct_s2s.cli.options import RemovalOptions

BODY = "changing"
EXAMPLES = ("mct-s2s teardown -a contosolearn --dry-run", "mct-s2s teardown -a contosolearn --keep-registration")


@dataclass(kw_only=True)
class TeardownOptions(RemovalOptions):
    """Options of `teardown`."""
