"""`mct-s2s teardown`: remove everything that mct-s2s created for an App Service."""

from __future__ import annotations

from mct_s2s.cli.options.teardown import TeardownOptions
from mct_s2s.cli.removing import remove
from mct_s2s.model.desired import Removal


def teardown(options: TeardownOptions) -> int:
    """Remove everything; return the process exit code."""
    wanted = Removal(
        everything=True,
        keep_registration=options.keep_registration,
        delete_adopted=options.delete_adopted,
        delete_secrets=options.delete_secrets,
        purge=options.purge,
    )
    return remove(options, wanted)
