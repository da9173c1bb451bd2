"""`apply`, and any command over all sites of a file: all plans side by side, shown, agreed to once, applied, told."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from mct_s2s import clock
from mct_s2s.cli.apply_report import show_end, show_outcome, show_review
from mct_s2s.cli.binding import typed_options
from mct_s2s.cli.change import confirmed, equipped, exit_code
from mct_s2s.cli.commands.apply import ApplyOptions
from mct_s2s.cli.fleet import FleetSessions, open_sessions
from mct_s2s.cli.options import ChangingOptions
from mct_s2s.cli.run import Run, run_connected, worst
from mct_s2s.cli.site_run import SiteInterface, SiteRun, apply_at_all
from mct_s2s.cli.trust_file import SiteSetup, chosen, read_sites
from mct_s2s.engine.change import prepare
from mct_s2s.engine.request import Request
from mct_s2s.engine.session import Session
from mct_s2s.errors import NotThere, Refused, S2SError
from mct_s2s.model.commands import own_command
from mct_s2s.model.desired import Pruning, Setup
from mct_s2s.planning.reviewed import combined
from mct_s2s.stores.departures import LocalDepartures

Requested = Callable[[SiteSetup, Session], Request]
"""What is asked of one site, once the session says in which subscription it is."""
Check = Callable[[Sequence[SiteRun], str | None], None]
"""Refuses the plans, whose fingerprint it is told, before anything is written."""


def apply(options: ApplyOptions) -> int:
    """Plan all sites, confirm once and apply them side by side; return the exit code of the site that went worst."""
    sites = read_sites(options, typed_options())
    # A registration that any site of the file names has to stay.
    named = (client.name.strip().casefold() for site in sites for client in site.entry.clients)
    unnamed = Pruning(options.prune, options.allow_removals, frozenset(named))

    def requested(site: SiteSetup, session: Session) -> Request:
        request = site.request(session)
        assert isinstance(request.desired, Setup)  # noqa: S101  # what a file says of a site
        desired = replace(request.desired, pruning=unnamed)
        return replace(request, desired=desired, departures=LocalDepartures() if unnamed.removes else None)

    return run_at_all(
        options,
        chosen(sites, options),
        requested,
        check=lambda sites, found: _check_expected(options, sites, found),
        resumes=options.expect is None,
    )


async def _review(current: Run, sites: Sequence[SiteRun], sessions: FleetSessions, requested: Requested) -> None:
    """Make the plan of each site; what is in the way of one is its own error.

    Raises:
        Refused: `too-many-removals`. The file is then likely to be incomplete, and nothing is done at any site.
    """
    by_key = {site.key: site for site in sites}

    async def plan(reached: SiteSetup, session: Session) -> None:
        site = by_key[reached.key]
        setup, ui = reached.setup, SiteInterface(current, site)
        request = equipped(requested(reached, session), setup.options, session, setup.places, ui, current.terminal)
        site.session, site.since, site.read_at = session, time.time(), clock.seconds()
        site.outcome = await prepare(session, request)

    for site, result in zip(sites, await sessions.at_each([site.wanted for site in sites], plan), strict=True):
        site.error = result
    refused = [site.error for site in sites if site.error is not None and site.error.code == "too-many-removals"]
    if refused:
        first, *others = refused
        first.mention((other.headline, "") for other in others)
        raise first


def fingerprint_of(sites: Sequence[SiteRun]) -> str | None:
    """One digest of what would be done at these sites; `None` where that is not known of one of them."""
    digests = [digest for site in sites if (digest := site.fingerprint) is not None]
    return combined(digests) if len(digests) == len(sites) else None


def _check_expected(options: ApplyOptions, sites: Sequence[SiteRun], found: str | None) -> None:
    """Refuse what was not reviewed. Where nothing is left to do, there is nothing to refuse."""
    if options.expect is None or found == options.expect.lower():
        return
    if found is not None and not any(site.is_pending for site in sites):
        return
    failed: list[S2SError] = [site.error for site in sites if site.error is not None]
    only = [word for key in options.only for word in ("--only", key)]
    prune = ["--prune"] * options.prune + ["--allow-removals"] * options.allow_removals
    raise Refused(
        "plan-not-expected",
        "This is not the plan that was reviewed: "
        + ("not every site could be read" if found is None else f"its fingerprint is {found}")
        + ". Nothing was changed.",
        remedy="Review what would be done now:",
        command=own_command("apply", "-f", str(options.file), *only, *prune, "--dry-run"),
        items=[(error.headline, "") for error in failed],
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
    """Plan all sites, confirm once and apply them side by side; return the exit code of the site that went worst."""

    async def body(current: Run) -> int:
        sites = [SiteRun(one) for one in setups]
        async with open_sessions(setups, current.terminal) as sessions:
            await _review(current, sites, sessions, requested)
            found = digest(sites)
            show_review(current.terminal, options, sites, found)
            if check is not None:
                check(sites, found)
            if not options.dry_run and any(site.is_pending for site in sites):
                pending = [site.outcome.plan for site in sites if site.outcome is not None and site.is_pending]
                if not options.yes:
                    await confirmed(current, pending, to=f" to {len(pending)} sites" if len(pending) > 1 else "")
                current.ended_early = lambda why: show_end(
                    current.terminal, options, sites, found, why, resumes=resumes
                )
                await apply_at_all(current, sites, was_asked=not options.yes, exactly=not (options.yes and resumes))
            current.ended_early = None
            show_outcome(current.terminal, options, sites, found)
        was_written = any(site.outcome is not None and site.outcome.applied for site in sites)
        return worst(_exit_code(site, was_written) for site in sites)

    return run_connected(options, body)


def _exit_code(site: SiteRun, was_written: bool) -> int:
    if isinstance(site.error, NotThere) and was_written:
        return S2SError.exit_code  # that of a name that does not exist means that nothing was written
    if site.error is not None or site.outcome is None:
        return site.error.exit_code if site.error is not None else 1
    return exit_code(site.options, site.outcome)
