"""`status`: observe and diagnose one App Service, every one of the subscription, or those of a trust file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from mct_s2s import clock
from mct_s2s.activity import activity
from mct_s2s.cli.commands import StatusOptions
from mct_s2s.cli.fleet import AtEach, open_sessions, read_every_site
from mct_s2s.cli.options import AzureOptions
from mct_s2s.cli.requests import look, where
from mct_s2s.cli.run import PROBLEMS, CommandRun, run, run_connected, worst
from mct_s2s.cli.session import Needs
from mct_s2s.cli.trust_file import check_only, chosen, read_sites
from mct_s2s.cli.work import SiteWork
from mct_s2s.engine.session import Session
from mct_s2s.errors import S2SError
from mct_s2s.inputs.lifetime import duration
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId, SiteTarget
from mct_s2s.planning.reports.findings import diagnose
from mct_s2s.planning.reports.status import SiteStatus, StatusReport, UnreadSite
from mct_s2s.render.console import Terminal
from mct_s2s.render.documents import report_document
from mct_s2s.render.status import show_report, show_unread


def status(options: StatusOptions) -> int:
    """Show the state; return 0 if nothing is missing, wrong or about to expire, else 3."""
    within = duration(options.expiring_within, "--expiring-within")
    if options.file is not None:
        setups = chosen(read_sites(options, "all_sites"), options)

        async def of_file(current: CommandRun) -> int:
            async with open_sessions(setups, current.terminal) as at_each:
                return _show(current.terminal, options, await _read_file(setups, at_each, within))

        return run_connected(options, of_file)
    check_only(options)

    async def body(current: CommandRun, session: Session) -> int:
        if options.all_sites:
            return _show(current.terminal, options, await _read_all(options, session, within))
        only = _status(options, await _observed(session, session.target), within)
        return _show(current.terminal, options, _report(within, [only], is_list=False))

    return run(options, Needs(target=not options.all_sites), body)


def _show(terminal: Terminal, options: StatusOptions, report: StatusReport) -> int:
    if options.output == "text":
        show_report(terminal, report)
    elif options.output == "json":
        terminal.document(report_document(report))
    else:
        from mct_s2s.render.exports import FORMATS  # noqa: PLC0415  # text and JSON need none of it

        terminal.verbatim(FORMATS[options.output](report))
    show_unread(terminal, report)
    return worst([0 if report.is_healthy else PROBLEMS, *(one.error.exit_code for one in report.failed)])


async def _read_file(setups: Sequence[SiteWork], at_each: AtEach[SiteStatus], within: timedelta) -> StatusReport:
    """The App Services of a trust file, side by side; what one of them raises is its own."""

    async def read_one(site: SiteWork, session: Session) -> SiteStatus:
        status = _status(site.work.options, await _observed(session, session.target), within, site.work.desired.adopt)
        return replace(status, key=site.key)

    with activity(f"Reading {len(setups)} site{'s' * (len(setups) != 1)}"):
        found = await at_each(read_one)
    named = zip(setups, found, strict=True)
    read = [UnreadSite(of.target, one, key=of.key) if isinstance(one, S2SError) else one for of, one in named]
    return _report(within, read)


async def _read_all(options: AzureOptions, session: Session, within: timedelta) -> StatusReport:
    """Every MCT App Service of the subscription."""
    found, unchecked = await read_every_site(session, lambda target: _observed(session, target))
    read = [
        UnreadSite.found(app, one) if isinstance(one, S2SError) else _status(options, one, within) for app, one in found
    ]
    return _report(within, read, unchecked)


def _report(
    within: timedelta,
    sites: Sequence[SiteStatus | UnreadSite],
    unchecked: Sequence[ResourceId] = (),
    *,
    is_list: bool = True,
) -> StatusReport:
    read = tuple(one for one in sites if isinstance(one, SiteStatus))
    failed = tuple(one for one in sites if isinstance(one, UnreadSite))
    return StatusReport(clock.now(), within, read, failed, tuple(unchecked), is_list=is_list)


async def _observed(session: Session, target: SiteTarget | None) -> ObservedState:
    _, observed = await look(session, clock.now(), target, without_settings=True)
    return observed


def _status(
    options: AzureOptions, observed: ObservedState, within: timedelta, adopted: str | None = None
) -> SiteStatus:
    named = where(options, observed.site)
    return SiteStatus(observed, diagnose(observed, clock.now(), named, within, adopted), named)
