"""`mct-s2s apply`: all sites of a trust file set up as it says, or only shown what that takes."""

from __future__ import annotations

from mct_s2s.cli.applying.reviewing import applied, check_expected, pruning
from mct_s2s.cli.applying.whole_run import run_at_all
from mct_s2s.cli.binding import typed_options
from mct_s2s.cli.options.apply import ApplyOptions
from mct_s2s.cli.trust_file.entries import site_setups
from mct_s2s.inputs.trust_file import Mistakes, read_trust_file


def apply(options: ApplyOptions) -> int:
    """Plan all sites, confirm once and apply them side by side; return the exit code of the site that went worst."""
    mistakes = Mistakes(options.file)
    file = read_trust_file(mistakes)
    setups = site_setups(file, mistakes, options, typed=typed_options(), only=options.only)
    return run_at_all(
        options,
        setups,
        applied(pruning(options, file)),
        check=lambda sites, found: check_expected(options, sites, found),
        resumes=options.expect is None,
    )
