"""`mct-s2s status`: observe and diagnose, once or again and again, one App Service or many. Nothing is written."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import NoReturn

from mct_s2s.cli.fleet.files import check_only, sites_of_file
from mct_s2s.cli.fleet.sessions import open_sessions
from mct_s2s.cli.options.status import StatusFormat, StatusOptions
from mct_s2s.cli.run import Run, run, run_connected
from mct_s2s.cli.session import Needs
from mct_s2s.cli.status_reports import exit_code, read_file, read_many, read_one
from mct_s2s.engine.session import Session
from mct_s2s.errors import DeadlinePassed, S2SError, UsageError
from mct_s2s.inputs.lifetime import duration
from mct_s2s.planning.reports.status_report import StatusReport
from mct_s2s.render.console import Terminal
from mct_s2s.render.documents import error_document
from mct_s2s.render.status import show_report
from mct_s2s.render.status_documents import report_document
from mct_s2s.render.status_list import show_unread
from mct_s2s.render.watching import Watching

FOREVER = 10 * 365 * 86400.0
"""Seconds: a watch has no deadline of its own, but each look has the one of `--timeout`."""


def status(options: StatusOptions) -> int:
    """Show the state, once or again and again; return 0 if nothing is missing, wrong or about to expire, else 3."""
    within = duration(options.expiring_within, "--expiring-within")
    _check_watch(options)
    each, options = options.timeout, options if options.watch is None else replace(options, timeout=FOREVER)
    if options.file is not None:
        return _of_file(options, within, each)
    check_only(options)
    # The registrations of the tenant alone are the directory's matter.
    needs = Needs(arm=options.all_sites or not options.tenant_wide, target=not options.is_list)

    async def body(current: Run, session: Session) -> int:
        return await _show(current, options, each, lambda: _read(options, session, within))

    return run(options, needs, body)


def _of_file(options: StatusOptions, within: timedelta, each: float) -> int:
    setups = sites_of_file(options, all_sites="--all", tenant_wide="--tenant-wide")

    async def body(current: Run) -> int:
        async with open_sessions([one.site for one in setups], current.terminal) as sessions:
            return await _show(current, options, each, lambda: read_file(setups, sessions, within))

    return run_connected(options, body)


Read = Callable[[], Awaitable[StatusReport]]


async def _show(current: Run, options: StatusOptions, each: float, read: Read) -> int:
    if options.watch is not None:
        await _watch(current.terminal, options.watch, each, read)
    report = await read()
    _print(current.terminal, report, options.output)
    return exit_code(report)


async def _watch(terminal: Terminal, pause: float, each: float, read: Read) -> NoReturn:
    """Look again and again; `each` look has so many seconds."""
    watch = Watching(terminal, pause)
    while True:
        try:
            async with asyncio.timeout(each):
                report = await read()
        except S2SError as error:
            watch.failed(error, error_document(error))
        except TimeoutError:
            late = DeadlinePassed("deadline-passed", "Timed out.", remedy="The next check follows.")
            watch.failed(late, error_document(late))
        else:
            _watched(watch, report)
        await asyncio.sleep(pause)


async def _read(options: StatusOptions, session: Session, within: timedelta) -> StatusReport:
    if not options.is_list:
        return await read_one(options, session, within)
    return await read_many(options, session, within, all_sites=options.all_sites, tenant_wide=options.tenant_wide)


def _print(terminal: Terminal, report: StatusReport, output: StatusFormat) -> None:
    if output is StatusFormat.TEXT:
        show_report(terminal, report)
    elif output is StatusFormat.JSON:
        terminal.document(report_document(report))
    else:
        from mct_s2s.render.exports import exported  # noqa: PLC0415  # text and JSON need none of it

        terminal.export(exported(report, output.value))
    if output is not StatusFormat.TEXT:
        show_unread(terminal, report)


def _watched(watch: Watching, report: StatusReport) -> None:
    watch.seen(report_document(report), lambda terminal: show_report(terminal, report))


def _check_watch(options: StatusOptions) -> None:
    """Refuse what `--watch` cannot do.

    Raises:
        UsageError: no number of seconds, or a format that is not printed again and again.
    """
    if options.watch is None:
        return
    if not math.isfinite(options.watch):
        raise UsageError("usage", f"Invalid --watch '{options.watch}'.", remedy="Use a number of seconds: --watch 30")
    if options.output not in {StatusFormat.TEXT, StatusFormat.JSON}:
        raise UsageError(
            "usage",
            f"--watch can't print the format '{options.output}'.",
            remedy="Use --output text or --output json, or run it without --watch from a timer.",
        )
