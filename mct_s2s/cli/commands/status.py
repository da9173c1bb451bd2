"""`status`: of one App Service, every one of the subscription, or those of a trust file."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from mct_s2s.cli.binding import option
from mct_s2s.cli.options import AzureOptions, FileOptions, output_option, refuse_site_beside_all

if TYPE_CHECKING:
    from mct_s2s.planning.reports.status import StatusReport
    from mct_s2s.render.console import Terminal


@dataclass(kw_only=True)
class StatusOptions(FileOptions, AzureOptions):
    examples = (
        "mct-s2s status -a contosolearn",
        "mct-s2s status -a contosolearn --expiring-within 60d -o json",
        "mct-s2s status --all -o csv",
        "mct-s2s status -f trust.toml -o markdown",
    )
    output: str = output_option("csv", "markdown")
    expiring_within: str = option(
        "--expiring-within DURATION",
        "Warn this long before the last credential expires (exit code 3).",
        default="30d",
    )
    all_sites: bool = option("--all", "Show every MCT App Service of the subscription.")


def status(options: StatusOptions) -> int:
    from mct_s2s import clock
    from mct_s2s.cli.command_run import CommandRun, run_in_session, run_with_deadline
    from mct_s2s.cli.file_site import FileSite
    from mct_s2s.cli.fleet import read_every_site, read_file_sites
    from mct_s2s.cli.options_to_request import api_of, looked_for_secrets
    from mct_s2s.cli.session import Services
    from mct_s2s.cli.trust_file_requests import check_only, chosen, read_sites, set_up_command
    from mct_s2s.engine.request import Session
    from mct_s2s.model.duration import duration
    from mct_s2s.model.observed import ObservedState
    from mct_s2s.model.resource_id import ResourceId
    from mct_s2s.planning.reports.findings import diagnose
    from mct_s2s.planning.reports.status import SiteStatus, StatusReport, UnreadSite
    from mct_s2s.render.console import Terminal

    api_of(options)  # its mistakes are told before anyone signs in
    within = duration(options.expiring_within, "--expiring-within")

    def diagnosed(state: ObservedState, adopted: str | None = None) -> SiteStatus:
        return SiteStatus(state, diagnose(state, within, adopted))

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

        async def of_file(command_run: CommandRun) -> int:
            async def read_one(site: FileSite, session: Session) -> SiteStatus:
                state = await looked_for_secrets(site.options, session, site.request)
                return replace(diagnosed(state, site.request.desired.adopt), key=site.key)

            read = await read_file_sites(setups, command_run.terminal, read_one)
            not_set_up = [
                site.key for site in read if isinstance(site, SiteStatus) and not site.is_set_up
            ]
            return finish(
                command_run.terminal, read, setting_up=set_up_command(options, not_set_up)
            )

        return run_with_deadline(options, of_file)
    check_only(options)
    if options.all_sites:
        refuse_site_beside_all()

    async def body(command_run: CommandRun, session: Session) -> int:
        if not options.all_sites:
            only = diagnosed(await looked_for_secrets(options, session))
            return finish(command_run.terminal, [only], is_list=False)
        states, unchecked = await read_every_site(
            session, api_of(options), partial(looked_for_secrets, options)
        )
        read = [state if isinstance(state, UnreadSite) else diagnosed(state) for state in states]
        return finish(command_run.terminal, read, unchecked)

    return run_in_session(options, Services(target=not options.all_sites), body)


def _show(terminal: "Terminal", report: "StatusReport", output: str) -> int:
    """Show it in the format that was asked for; return the exit code."""
    from mct_s2s.exit_codes import ExitCode, worst
    from mct_s2s.render.diagnostics import annotate_sites
    from mct_s2s.render.status import show_report, show_unread

    if output == "text":
        show_report(terminal, report)
    elif output == "json":
        from mct_s2s.render.documents import StatusDocument, StatusListDocument

        terminal.document(
            StatusListDocument.of(report) if report.is_list else StatusDocument.of(report.sites[0])
        )
    else:
        from mct_s2s.render.exports import FORMATS  # text and JSON need none of it

        terminal.verbatim(FORMATS[output](report))
    annotate_sites(terminal, {site.title: site.problems for site in report.sick})
    show_unread(terminal, report.failed, report.unchecked)
    health = ExitCode.DONE if report.is_healthy else ExitCode.ATTENTION
    return worst([health, *(site.error.exit_code for site in report.failed)])
