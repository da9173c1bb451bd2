"""`configure-appservice`."""

from dataclasses import dataclass
from pathlib import Path

from mct_s2s.cli.binding import option
from mct_s2s.cli.options import ChangingOptions
from mct_s2s.errors import UsageError, contradiction
from mct_s2s.model.site_settings import WORDS, Holds


@dataclass(kw_only=True)
class ConfigureAppserviceOptions(ChangingOptions):
    takes_handoff = True
    examples = (
        "mct-s2s configure-appservice -a contosolearn --dry-run",
        "mct-s2s configure-appservice -a contosolearn --from handoff.json",
        "mct-s2s configure-appservice -a contosolearn --restore before.json",
    )
    audience: str | None = option("--audience URI", "Application ID URI.")
    tenant_name: str | None = option("--tenant-name NAME", "The tenant's initial domain.")
    tenant_id: str | None = option("--tenant-id ID", "The tenant's ID.")
    object_id: list[str] = option(
        "--object-id ID", "A managed identity's object ID. Repeatable.", default=list
    )
    application_id: list[str] = option(
        "--application-id ID", "A client application's appId. Repeatable.", default=list
    )
    role: str | None = option("--role VALUE", "App role value.")
    handoff: Path | None = option(
        "--from FILE", "Read all values from a file written by setup --handoff."
    )
    restore: Path | None = option("--restore FILE", "Restore the settings from a backup file.")
    disable: bool = option("--disable", "Switch service-to-service authentication off.")

    @property
    def given(self) -> dict[Holds, list[str]]:
        options = {
            holds: word.option[2:].replace("-", "_")
            for holds, word in WORDS.items()
            if word.option is not None
        }
        values = {holds: getattr(self, option) for holds, option in options.items()}
        return {
            name: value if isinstance(value, list) else [value]
            for name, value in values.items()
            if value not in (None, [])
        }


def configure_appservice(options: ConfigureAppserviceOptions) -> int:
    from mct_s2s import clock
    from mct_s2s.cli.change import run_change
    from mct_s2s.cli.options_to_request import api_of, change_request, check_role
    from mct_s2s.inputs.user_files import given_values, read_backup, read_handoff
    from mct_s2s.model.desired import Desired, Restore, ServiceSpec, SettingsScope, Setup

    typed = options.given
    whole = {
        "--restore": options.restore is not None,
        "--from": options.handoff is not None,
        "--disable": options.disable,
    }
    alone = [option for option, is_given in whole.items() if is_given]
    if alone and len(alone) + len(typed) > 1:
        others = [*alone[1:], *(WORDS[holds].option or "" for holds in typed)]
        raise contradiction(f"{alone[0]} cannot be combined with {', '.join(others)}.")
    api, given_for = api_of(options), None
    for holds in (*typed, *([Holds.SWITCH] if options.disable else [])):
        if api.setting(holds) is None:
            name = WORDS[holds].option or "--disable"
            raise UsageError(
                "no-such-setting",
                f"{api.called[0].upper()}{api.called[1:]} has no setting for {name}.",
                remedy=f"Remove {name}. What its settings hold is said by its description.",
            )
    if options.handoff is not None:
        settings, given_for = read_handoff(options.handoff, api)
    else:
        settings = given_values(typed, api)
    check_role(api.value(Holds.ROLE, settings), api)
    if options.restore is None:
        asks_directory = not options.disable and not api.need_no_directory(settings)
        service = (
            ServiceSpec(adopt=options.service_app, may_create=False) if asks_directory else None
        )
        scope = SettingsScope.OFF if options.disable else SettingsScope.ALL
        desired: Desired = Setup(
            service, settings=scope, given=settings, given_for=given_for, settings_only=True
        )
    else:
        desired = Restore(backup=read_backup(options.restore))
    return run_change(options, change_request(options, desired, clock.now()))
