"""A command over all sites of a file, from the plans to its end: shown, agreed to once, applied, told."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mct_s2s.cli.applying.carrying_out import apply_at_all
from mct_s2s.cli.applying.reporting import show_end, show_outcome, show_review
from mct_s2s.cli.applying.reviewing import Requested, applied, check_expected, fingerprint_of, pruning, review
from mct_s2s.cli.applying.site_run import SiteRun
from mct_s2s.cli.binding import typed_options
from mct_s2s.cli.change import exit_code
from mct_s2s.cli.commands.apply import ApplyOptions
from mct_s2s.cli.exit_codes import worst
from mct_s2s.cli.fleet.sessions import open_sessions
from mct_s2s.cli.options import ChangingOptions
from mct_s2s.cli.questions import agrees
from mct_s2s.cli.run import Run, run_connected
from mct_s2s.cli.trust_file.entries import SiteSetup, site_setups
from mct_s2s.errors import CANCELLED, Cancelled, NotThere, S2SError, UsageError
from mct_s2s.inputs.trust_file import Mistakes, read_trust_file
from mct_s2s.planning.changes import DisableIdentity

Check = Callable[[Sequence[SiteRun], str | None], None]
"""Refuses the plans, whose fingerprint it is told, before anything is written."""


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


def run_at_all(
    options: ChangingOptions,
    setups: Sequence[SiteSetup],
    requested: Requested,
    *,
    check: Check | None = None,
    digest: Callable[[Sequence[SiteRun]], str | None] = fingerprint_of,
    resumes: bool = True,
) -> int:
    """Plan all sites, confirm once and apply them side by side; return the exit code of the site that went worst.

    Args:
        options: the command's.
        setups: the sites.
        requested: what is asked of each.
        check: called with the plans and their fingerprint.
        digest: the fingerprint.
        resumes: whether the same command goes on where it was ended.
    """

    async def body(current: Run) -> int:
        sites = [SiteRun(one) for one in setups]
        async with open_sessions([site.site for site in sites], current.terminal) as sessions:
            await review(current, sites, sessions, requested)
            found = digest(sites)
            show_review(current.terminal, options, sites, found)
            if check is not None:
                check(sites, found)
            if not options.dry_run and any(site.is_pending for site in sites):
                await _agree(current, options, sites)
                current.ended_early = lambda why: show_end(
                    current.terminal, options, sites, found, why, resumes=resumes
                )
                await apply_at_all(current, sites, was_asked=not options.yes, exactly=not (options.yes and resumes))
            current.ended_early = None
            show_outcome(current.terminal, options, sites, found)
        was_written = any(site.outcome is not None and site.outcome.applied for site in sites)
        return worst(_exit_code(site, was_written) for site in sites)

    return run_connected(options, body)


async def _agree(current: Run, options: ChangingOptions, sites: Sequence[SiteRun]) -> None:
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


def _exit_code(site: SiteRun, was_written: bool) -> int:
    if isinstance(site.error, NotThere) and was_written:
        return S2SError.exit_code  # that of a name that does not exist means that nothing was written
    if site.error is not None or site.outcome is None:
        return site.error.exit_code if site.error is not None else 1
    return exit_code(site.options, site.outcome)
