"""`mct-s2s configure-appservice`: write the App Service settings only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any

from mct_s2s import clock
from mct_s2s.cli.binding import SEVERAL_OPTIONS, option
from mct_s2s.cli.change import change, exit_code
from mct_s2s.cli.closing import close
from mct_s2s.cli.options import ChangingOptions
from mct_s2s.cli.requests import check_role, request_for, service_spec
from mct_s2s.cli.run import Run, run
from mct_s2s.cli.session import Needs
from mct_s2s.engine.session import Session
from mct_s2s.errors import UsageError
from mct_s2s.inputs.backup import read_backup
from mct_s2s.inputs.handoff import given_values, read_handoff
from mct_s2s.model.desired import Desired, GivenValues, SettingsScope
from mct_s2s.model.settings_backup import Backup
from mct_s2s.model.site_settings import ENABLED, ROLE, SETTINGS


def _setting_options() -> Iterator[Parameter]:
    """An option for each row of the table of settings that has one."""
    for setting in SETTINGS:
        if setting.option is not None:
            text = option(setting.option, text=setting.option_help)
            kind: Any = Annotated[list[str] if setting.holds.is_list else str | None, text]
            default: list[str] | None = [] if setting.holds.is_list else None
            yield Parameter(setting.name, Parameter.KEYWORD_ONLY, default=default, annotation=kind)


@dataclass(kw_only=True)
class ConfigureOptions(ChangingOptions):
    """Options of `configure-appservice`."""

    given: dict[str, str | list[str] | None] = field(
        default_factory=dict, metadata={SEVERAL_OPTIONS: tuple(_setting_options())}
    )
    """What was given for each setting, by its name."""
    handoff: Annotated[
        Path | None, option("--from", metavar="FILE", text="Read all values from a file written by setup --handoff.")
    ] = None
    restore: Annotated[
        Path | None, option("--restore", metavar="FILE", text="Restore the settings from a backup file.")
    ] = None
    disable: Annotated[bool, option("--disable", text=f"Set {ENABLED} to false.")] = False


def configure_appservice(options: ConfigureOptions) -> int:
    """Plan the settings, confirm and apply; return the process exit code."""
    given = _given(options)
    role = given.value(ROLE)
    check_role(role)
    backup = _backup(options)
    directory = not options.disable and backup is None and not given.need_no_directory

    async def body(current: Run, session: Session) -> int:
        now = clock.now()
        service = service_spec(session.target, None, role, may_create=False)
        desired = Desired(
            service if directory else None,
            settings=SettingsScope.OFF if options.disable else SettingsScope.ALL,
            given=given,
            allow_consented=True,
            restart=not options.no_restart,
            backup=backup,
        )
        request = replace(request_for(session, desired, now), part="the App Service configuration")
        outcome = await change(current, options, session, request)
        verb = "Disabled service-to-service authentication on" if options.disable else "Configured"
        close(current.terminal, options, session, outcome, f"{verb} {request.label}")
        return exit_code(options, outcome)

    return run(options, Needs(directory=directory), body)


def _backup(options: ConfigureOptions) -> Backup | None:
    if options.restore is None:
        return None
    if any(options.given.values()) or options.handoff or options.disable:
        raise UsageError(
            "contradictory-options",
            "--restore cannot be combined with other values: it restores all settings.",
            remedy="Run --restore FILE first, then configure-appservice with the values.",
        )
    return read_backup(options.restore)


def _given(options: ConfigureOptions) -> GivenValues:
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
