"""All plans side by side, before anything is written: what refuses one site, and what refuses all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from mct_s2s import clock
from mct_s2s.cli.applying.site_run import SiteInterface, SiteRun
from mct_s2s.cli.change import equipped
from mct_s2s.cli.commands.apply import ApplyOptions
from mct_s2s.cli.fleet.sessions import FleetSessions
from mct_s2s.cli.fleet.sites import FleetSite
from mct_s2s.cli.fleet.working import at_each_site
from mct_s2s.cli.run import Run
from mct_s2s.engine.change import prepare
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.request import Request
from mct_s2s.engine.session import Session
from mct_s2s.errors import Refused, S2SError
from mct_s2s.model.commands import own_command
from mct_s2s.model.desired import Pruning, ServiceSpec
from mct_s2s.model.trust_file import TrustFile
from mct_s2s.planning.reviewed import combined, fingerprint
from mct_s2s.stores.departures import LocalDepartures


def pruning(options: ApplyOptions, file: TrustFile) -> Pruning:
    """What becomes of clients that the file does not name. A registration that any of its sites names has to stay."""
    named = (client.name.strip().casefold() for site in file.sites.values() for client in site.clients)
    return Pruning(options.prune, options.allow_removals, frozenset(named))


def in_file(request: Request) -> ServiceSpec:
    """The service application as a trust file says it."""
    service = request.desired.service
    assert service is not None  # noqa: S101  # each site of a file has one
    return replace(service, is_in_file=True)


Requested = Callable[[SiteRun, Session], Request]
"""What is asked of one site, once the session says in which subscription it is."""


def applied(unnamed: Pruning) -> Requested:
    """What the file asks for; of clients that it does not name, `unnamed`."""

    def of_site(site: SiteRun, session: Session) -> Request:
        request = site.wanted.setup.request(session)
        return replace(
            request,
            desired=replace(request.desired, service=in_file(request), pruning=unnamed),
            departures=LocalDepartures() if unnamed.removes else None,
        )

    return of_site


async def review(current: Run, sites: Sequence[SiteRun], sessions: FleetSessions, requested: Requested) -> None:
    """Make the plan of each site; what is in the way of one is its own error.

    Raises:
        Refused: `too-many-removals`. The file is then likely to be incomplete, and nothing is done at any site.
    """
    by_key = {site.key: site for site in sites}

    async def plan(reached: FleetSite, session: Session) -> None:
        await _prepare(current, by_key[reached.key], session, requested)

    for site, result in zip(sites, await at_each_site([site.site for site in sites], sessions, plan), strict=True):
        site.error = result
    refused = [site.error for site in sites if site.error is not None and site.error.code == "too-many-removals"]
    if refused:
        first, *others = refused
        first.mention((other.headline, "") for other in others)
        raise first


async def _prepare(current: Run, site: SiteRun, session: Session, requested: Requested) -> None:
    setup, ui = site.wanted.setup, SiteInterface(current, site)
    request = equipped(requested(site, session), setup.options, session, setup.places, ui, current.terminal)
    site.session, site.since, site.read_at = session, time.time(), clock.seconds()
    site.outcome = await prepare(session, request)


def fingerprint_of(sites: Sequence[SiteRun]) -> str | None:
    """One digest of what would be done at these sites; `None` where that is not known of one of them."""
    digests = [site_fingerprint(site.outcome) for site in sites if site.outcome is not None]
    return combined(digests) if len(digests) == len(sites) else None


def site_fingerprint(outcome: Outcome) -> str:
    """The digest of one site's plan; the same for every caller, on every machine."""
    request, plan = outcome.request, outcome.intended or outcome.plan
    return fingerprint(plan, request.now, request.subject(outcome.before))


def check_expected(options: ApplyOptions, sites: Sequence[SiteRun], found: str | None) -> None:
    """Refuse what was not reviewed. Where nothing is left to do, there is nothing to refuse.

    Raises:
        Refused: `plan-not-expected`.
    """
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
