"""`mct-s2s configure-appservice`: write the App Service settings only."""

from __future__ import annotations

from dataclasses import replace

from mct_s2s import clock
from mct_s2s.cli.change import change, exit_code
from mct_s2s.cli.closing import close
from mct_s2s.cli.options.configure_appservice import ConfigureAppserviceOptions
from mct_s2s.cli.requests import check_role, request_for, service_spec
from mct_s2s.cli.run import Run, run
from mct_s2s.cli.session import Needs
from mct_s2s.engine.session import Session
from mct_s2s.errors import UsageError
from mct_s2s.inputs.backup import read_backup
from mct_s2s.inputs.handoff import given_values, read_handoff
from mct_s2s.model.desired import Desired, GivenValues, SettingsScope
from mct_s2s.model.site_settings import ROLE, Backup


def configure_appservice(options: ConfigureAppserviceOptions) -> int:
    """Plan the settings, confirm and apply; return the process exit code."""
    given = _given(options)
    check_role(given.value(ROLE))
    backup = _backup(options)
    directory = not options.disable and backup is None and not given.need_no_directory

    async def body(current: Run, session: Session) -> int:
        now = clock.now()
        service = service_spec(session.target, None, adopt=options.service_app, may_create=False)
        desired = Desired(
            service if directory else None,
            settings=SettingsScope.OFF if options.disable else SettingsScope.ALL,
            given=given,
            settings_only=True,
            restart=not options.no_restart,
            backup=backup,
        )
        request = replace(request_for(session, desired, now), part="the App Service configuration")
        outcome = await change(current, options, session, request)
        verb = "Disabled service-to-service authentication on" if options.disable else "Configured"
        close(current.terminal, options, session, outcome, f"{verb} {request.label}")
        return exit_code(options, outcome)

    return run(options, Needs(directory=directory), body)


def _backup(options: ConfigureAppserviceOptions) -> Backup | None:
    if options.restore is None:
        return None
    if any(options.given.values()) or options.handoff or options.disable:
        raise UsageError(
            "contradictory-options",
            "--restore cannot be combined with other values: it restores all settings.",
            remedy="Run --restore FILE first, then configure-appservice with the values.",
        )
    return read_backup(options.restore)


def _given(options: ConfigureAppserviceOptions) -> GivenValues:
    typed = {
        name: [value] if isinstance(value, str) else value for name, value in options.given.items() if value is not None
    }
    if options.handoff is None:
        return given_values(typed)
    if any(typed.values()):
        raise UsageError(
            "contradictory-options",
            "--from cannot be combined with single values: the file contains them all.",
            remedy="Remove either --from or the single values.",
        )
    return read_handoff(options.handoff)
