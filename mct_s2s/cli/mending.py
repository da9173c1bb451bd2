"""`doctor --fix`: the same plan and the same steps as `setup`, for what is set up already."""

from __future__ import annotations

from mct_s2s import clock
from mct_s2s.cli.change import change, exit_code
from mct_s2s.cli.closing import close
from mct_s2s.cli.options import ChangingOptions
from mct_s2s.cli.requests import request_for, service_spec, where
from mct_s2s.cli.run import Run, run
from mct_s2s.cli.session import Needs
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.session import Session
from mct_s2s.errors import NotThere
from mct_s2s.model.commands import own_command
from mct_s2s.model.desired import Desired
from mct_s2s.planning.reports.findings import Severity, diagnose
from mct_s2s.render.console import Terminal
from mct_s2s.render.findings import show_findings

SOMETHING_WRONG = 3


def fix(options: ChangingOptions) -> int:
    """Plan, confirm and apply what mends the setup, and list what it cannot mend; return the process exit code.

    It changes the service application, the App Service's settings, and clients that mct-s2s made and the App Service
    allows already. It adds no client and drops no id.
    """

    async def body(current: Run, session: Session) -> int:
        desired = Desired(
            service_spec(session.target, None, may_create=False), mend=True, restart=not options.no_restart
        )
        try:
            outcome = await change(current, options, session, request_for(session, desired, clock.now()))
        except NotThere as error:
            if error.code == "service-application-missing":
                error.advise("Set it up first:", own_command("setup", "--client", "NAME", where=where(options)))
            raise
        close(current.terminal, options, session, outcome, f"Mended {outcome.request.label}")
        return _close_findings(current.terminal, options, outcome)

    return run(options, Needs(), body)


def _close_findings(terminal: Terminal, options: ChangingOptions, outcome: Outcome) -> int:
    """What is wrong still, each with the command that cures it."""
    after = outcome.after if outcome.applied else outcome.before
    findings = diagnose(after, outcome.request.now, where(options, after))
    problems = tuple(finding for finding in findings if finding.severity is not Severity.NOTE)
    if options.dry_run:
        return exit_code(options, outcome)
    if not terminal.json:
        show_findings(terminal, findings)
    return exit_code(options, outcome) or (SOMETHING_WRONG if problems else 0)
