"""`mct-s2s setup`: app registration, clients and App Service settings, all in one plan."""

from __future__ import annotations

from mct_s2s.cli.guided import guided_setup
from mct_s2s.cli.options.setup import SetupOptions
from mct_s2s.cli.picking import may_ask
from mct_s2s.cli.run import run
from mct_s2s.cli.setting_up import Setup


def setup(options: SetupOptions) -> int:
    """Plan, confirm and apply; return the process exit code."""
    if _names_nothing(options) and may_ask(options):
        return guided_setup(options)
    wanted = Setup.of(options)
    return run(options, wanted.needs, wanted.carry_out)


def _names_nothing(options: SetupOptions) -> bool:
    """Whether neither an App Service nor a client is named: who names one knows the options."""
    return not (options.app_service or options.no_app_service or options.client or options.managed_identity)
