"""`status`, of one App Service, every one of the subscription, or those of a trust file."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from mct_s2s import clock
from mct_s2s.cli.commands import StatusOptions
from mct_s2s.cli.file_site import FileSite
from mct_s2s.cli.fleet import read_every_site, read_file_sites
from mct_s2s.cli.options import refuse_site_beside_all
from mct_s2s.cli.requests import api_of, looked_for_secrets
from mct_s2s.cli.run import CommandRun, run, run_connected
from mct_s2s.cli.session import Services
from mct_s2s.cli.trust_file import check_only, chosen, file_words, read_sites
from mct_s2s.engine.request import Session
from mct_s2s.exit_codes import ExitCode, worst
from mct_s2s.model.commands import command
from mct_s2s.model.duration import duration
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.planning.reports.findings import diagnose
from mct_s2s.planning.reports.status import SiteStatus, StatusReport, UnreadSite
from mct_s2s.render.console import Terminal
from mct_s2s.render.status import show_report, show_unread


def status(options: StatusOptions) -> int:
    api_of(options)  # its mistakes are told before anyone signs in
    within = duration(options.expiring_within, "--expiring-within")

    def diagnosed(found: ObservedState, adopted: str | None = None) -> SiteStatus:
        return SiteStatus(found, diagnose(found, within, adopted))

    def finish(
        terminal: Terminal,
        sites: Sequence[SiteStatus | UnreadSite],
        unchecked: Sequence[ResourceId] = (),
        *,
        is_list: bool = True,
        setting_up: str = "",
    ) -> int:
        read = tuple(site for site in sites if isinstance(site, SiteStatus))
        failed = tuple(site for site in sites if isinstance(site, UnreadSite))
        report = StatusReport(
            clock.now(), within, read, failed, tuple(unchecked), is_list, setting_up
        )
        return _show(terminal, report, options.output)

    if options.file is not None:
        setups = chosen(read_sites(options, "all_sites"), options)

        async def of_file(current: CommandRun) -> int:
            async def read_one(site: FileSite, session: Session) -> SiteStatus:
                found = await looked_for_secrets(site.options, session, file=site.request.file)
                return replace(diagnosed(found, site.request.desired.adopt), key=site.key)

            read = await read_file_sites(setups, current.terminal, read_one)
            return finish(
                current.terminal, read, setting_up=command("mct-s2s", "apply", *file_words(options))
            )

        return run_connected(options, of_file)
    check_only(options)
    if options.all_sites:
        refuse_site_beside_all()

    async def body(current: CommandRun, session: Session) -> int:
        if not options.all_sites:
            only = diagnosed(await looked_for_secrets(options, session))
            return finish(current.terminal, [only], is_list=False)
        found, unchecked = await read_every_site(
            session, api_of(options), partial(looked_for_secrets, options)
        )
        read = [one if isinstance(one, UnreadSite) else diagnosed(one) for one in found]
        return finish(current.terminal, read, unchecked)

    return run(options, Services(target=not options.all_sites), body)


def _show(terminal: Terminal, report: StatusReport, output: str) -> int:
    """Show it in the format that was asked for; return the exit code."""
    if output == "text":
        show_report(terminal, report)
    elif output == "json":
        document = "status-list" if report.is_list else "status"
        terminal.document(document, report if report.is_list else report.sites[0])
    else:
        from mct_s2s.render.exports import FORMATS  # noqa: PLC0415  # text and JSON need none of it

        terminal.verbatim(FORMATS[output](report))
    show_unread(terminal, report.failed, report.unchecked)
    health = ExitCode.DONE if report.is_healthy else ExitCode.ATTENTION
    return worst([health, *(site.error.exit_code for site in report.failed)])
