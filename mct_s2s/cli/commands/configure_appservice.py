"""`mct-s2s configure-appservice`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any

from mct_s2s.cli.binding import SEVERAL_OPTIONS, option
from mct_s2s.cli.options import AdoptingOptions, ChangingOptions
from mct_s2s.model.site_settings import ENABLED, SETTINGS

BODY = "changing"
EXAMPLES = (
    "mct-s2s configure-appservice -a contosolearn --dry-run",
    "mct-s2s configure-appservice -a contosolearn --from handoff.json",
    "mct-s2s configure-appservice -a contosolearn --restore before.json",
)


def _setting_options() -> Iterator[Parameter]:
    """An option for each row of the table of settings that has one."""
    for setting in SETTINGS:
        if setting.option is not None:
            text = option(setting.option, setting.option_help)
            kind: Any = Annotated[list[str] if setting.holds.is_list else str | None, text]
            default: list[str] | None = [] if setting.holds.is_list else None
            yield Parameter(setting.name, Parameter.KEYWORD_ONLY, default=default, annotation=kind)


@dataclass(kw_only=True)
class ConfigureAppserviceOptions(AdoptingOptions, ChangingOptions):
    """Options of `configure-appservice`."""

    given: dict[str, str | list[str] | None] = field(
        default_factory=dict, metadata={SEVERAL_OPTIONS: tuple(_setting_options())}
    )
    """What was given for each setting, by its name."""
    handoff: Annotated[
        Path | None, option("--from FILE", "Read all values from a file written by setup --handoff.")
    ] = None
    restore: Annotated[Path | None, option("--restore FILE", "Restore the settings from a backup file.")] = None
    disable: Annotated[bool, option("--disable", f"Set {ENABLED} to false.")] = False
