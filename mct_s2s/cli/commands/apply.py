"""`mct-s2s apply`: a trust file, brought about at all of its sites, or only shown."""

from __future__ import annotations

from collections.abc import Sequence

from mct_s2s.cli.applying.carrying_out import apply_at_all
from mct_s2s.cli.applying.reporting import show_end, show_outcome, show_review
from mct_s2s.cli.applying.reviewing import check_expected, fingerprint_of, pruning, review
from mct_s2s.cli.applying.site_run import SiteRun
from mct_s2s.cli.binding import typed_options
from mct_s2s.cli.change import exit_code
from mct_s2s.cli.exit_codes import worst
from mct_s2s.cli.fleet.sessions import open_sessions
from mct_s2s.cli.options.apply import ApplyOptions
from mct_s2s.cli.questions import agrees
from mct_s2s.cli.run import Run, run_connected
from mct_s2s.cli.trust_files import site_setups
from mct_s2s.errors import CANCELLED, Cancelled, UsageError
from mct_s2s.inputs.trust_file import read_trust_file
from mct_s2s.planning.changes.access import DisableIdentity


def apply(options: ApplyOptions) -> int:
    """Plan all sites, confirm once and apply them side by side; return the exit code of the site that went worst."""
    file = read_trust_file(options.file)
    setups = site_setups(file, options, typed=typed_options(), only=options.only)
    unnamed = pruning(options, file)

    async def body(current: Run) -> int:
        sites = [SiteRun(one) for one in setups]
        async with open_sessions([site.site for site in sites], current.terminal) as sessions:
            await review(current, sites, sessions, unnamed)
            found = fingerprint_of(sites)
            show_review(current.terminal, options, sites, found)
            check_expected(options, sites, found)
            if not options.dry_run and any(site.is_pending for site in sites):
                await _agree(current, options, sites)
                current.ended_early = lambda why: show_end(current.terminal, options, sites, found, why)
                await apply_at_all(current, sites, was_asked=not options.yes)
            current.ended_early = None
            show_outcome(current.terminal, options, sites, found)
        return worst(_exit_code(site) for site in sites)

    return run_connected(options, body)


async def _agree(current: Run, options: ApplyOptions, sites: Sequence[SiteRun]) -> None:
    """Ask once for all sites.

    Raises:
        Cancelled: the answer is no.
        UsageError: no one is there to ask.
    """
    if options.yes:
        return
    terminal = current.terminal
    if terminal.json or not terminal.talks_to_person:
        raise UsageError(
            "confirmation-missing",
            "Cannot ask for confirmation: this is not an interactive terminal. Nothing was changed.",
            remedy="Add --yes to apply the changes, or --dry-run to see the plans only.",
        )
    pending = [site for site in sites if site.is_pending]
    off = [
        step.name
        for site in pending
        for step in (site.outcome.plan.changes if site.outcome else ())
        if isinstance(step, DisableIdentity)
    ]
    warning = f"This disables the managed identity of {', '.join(off)}. " if off else ""
    several = f" to {len(pending)} sites" if len(pending) > 1 else ""
    if not await agrees(current, f"{warning}Apply{several}?"):
        raise Cancelled("cancelled", CANCELLED, remedy="Run the same command again when you are ready.")


def _exit_code(site: SiteRun) -> int:
    if site.error is not None or site.outcome is None:
        return site.error.exit_code if site.error is not None else 1
    return exit_code(site.options, site.outcome)
