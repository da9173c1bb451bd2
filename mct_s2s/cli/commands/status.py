"""`mct-s2s status`: observe and diagnose, once or again and again. Nothing is written."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from mct_s2s import clock
from mct_s2s.cli.binding import option
from mct_s2s.cli.options import AzureOptions
from mct_s2s.cli.requests import request_for, service_spec, where
from mct_s2s.cli.run import Run, run
from mct_s2s.cli.session import Needs
from mct_s2s.engine.observe.observe import observe
from mct_s2s.engine.session import Session
from mct_s2s.errors import DeadlinePassed, S2SError, UsageError
from mct_s2s.inputs.lifetime import duration
from mct_s2s.model.desired import Desired
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning import guards
from mct_s2s.planning.findings import Finding, diagnose, is_healthy
from mct_s2s.render.console import Terminal
from mct_s2s.render.documents import error_document, status_document
from mct_s2s.render.status import show_status
from mct_s2s.render.watching import Watching

SOMETHING_WRONG = 3
FOREVER = 10 * 365 * 86400.0
"""Seconds: a watch has no deadline of its own, but each look has the one of `--timeout`."""


@dataclass(kw_only=True)
class StatusOptions(AzureOptions):
    """Options of `status`."""

    expiring_within: Annotated[
        str,
        option(
            "--expiring-within",
            metavar="DURATION",
            text="Warn this long before the last credential expires (exit code 3).",
        ),
    ] = "30d"
    watch: Annotated[
        float | None,
        option(
            "--watch",
            metavar="SECONDS",
            min=1,
            show_default=False,
            text="Check again every 30 seconds, until Ctrl-C.",
        ),
    ] = None


@dataclass(frozen=True)
class Look:
    """The state at one moment, and what is wrong with it."""

    observed: ObservedState
    findings: tuple[Finding, ...]
    now: datetime
    within: timedelta

    @property
    def document(self) -> dict[str, Any]:
        """`mct-s2s/status/v1`."""
        return status_document(self.observed, self.findings)

    def show(self, terminal: Terminal) -> None:
        """It for a person."""
        show_status(terminal, self.observed, self.findings, self.now, self.within)


def status(options: StatusOptions) -> int:
    """Show the state, once or again and again; return 0 if nothing is missing, wrong or about to expire, else 3."""
    within = duration(options.expiring_within, "--expiring-within")
    if options.watch is not None and not math.isfinite(options.watch):
        raise UsageError("usage", f"Invalid --watch '{options.watch}'.", remedy="Use a number of seconds: --watch 30")

    async def body(current: Run, session: Session) -> int:
        look = await _look(options, session, within)
        if current.terminal.json:
            current.terminal.document(look.document)
        else:
            look.show(current.terminal)
        return 0 if is_healthy(look.findings) else SOMETHING_WRONG

    async def watching(current: Run, session: Session) -> int:
        watch = Watching(current.terminal, options.watch or 0)
        while True:
            try:
                async with asyncio.timeout(options.timeout):
                    look = await _look(options, session, within)
            except S2SError as error:
                watch.failed(error, error_document(error))
            except TimeoutError:
                late = DeadlinePassed("deadline-passed", "Timed out.", remedy="The next check follows.")
                watch.failed(late, error_document(late))
            else:
                watch.seen(look.document, look.show)
            await asyncio.sleep(options.watch or 0)

    if options.watch is None:
        return run(options, Needs(), body)
    return run(replace(options, timeout=FOREVER), Needs(), watching)


async def _look(options: StatusOptions, session: Session, within: timedelta) -> Look:
    now = clock.now()
    desired = Desired(service_spec(session.target, None, may_create=False))
    request = replace(request_for(session, desired, now), without_settings=True)
    observed = await observe(session.azure, request)
    guards.check(observed)
    return Look(observed, diagnose(observed, now, where(options, observed), within), now, within)
