"""`mct-s2s status`: observe and diagnose, one App Service or many. Nothing is written."""

from __future__ import annotations

from mct_s2s.cli.fleet.files import check_only, sites_of_file
from mct_s2s.cli.fleet.sessions import open_sessions
from mct_s2s.cli.options.status import StatusFormat, StatusOptions
from mct_s2s.cli.run import Run, run, run_connected
from mct_s2s.cli.session import Needs
from mct_s2s.cli.status_reports import exit_code, read_all, read_file, read_one
from mct_s2s.engine.session import Session
from mct_s2s.inputs.lifetime import duration
from mct_s2s.planning.reports.status_report import StatusReport
from mct_s2s.render.console import Terminal
from mct_s2s.render.status import show_report, show_unread
from mct_s2s.render.status_documents import report_document


def status(options: StatusOptions) -> int:
    """Show the state; return 0 if nothing is missing, wrong or about to expire, else 3."""
    within = duration(options.expiring_within, "--expiring-within")
    if options.file is not None:
        setups = sites_of_file(options, all_sites="--all")

        async def of_file(current: Run) -> int:
            async with open_sessions([one.site for one in setups], current.terminal) as sessions:
                return _show(current.terminal, options, await read_file(setups, sessions, within))

        return run_connected(options, of_file)
    check_only(options)

    async def body(current: Run, session: Session) -> int:
        read = read_all if options.all_sites else read_one
        return _show(current.terminal, options, await read(options, session, within))

    return run(options, Needs(target=not options.all_sites), body)


def _show(terminal: Terminal, options: StatusOptions, report: StatusReport) -> int:
    if options.output is StatusFormat.TEXT:
        show_report(terminal, report)
    elif options.output is StatusFormat.JSON:
        terminal.document(report_document(report))
    else:
        from mct_s2s.render.exports import exported  # noqa: PLC0415  # text and JSON need none of it

        terminal.export(exported(report, options.output.value))
    show_unread(terminal, report)
    return exit_code(report)
