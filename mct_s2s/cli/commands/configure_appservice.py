from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mct_s2s.cli.binding import option
from mct_s2s.cli.options import AdoptingOptions, ChangingOptions
from mct_s2s.model.site_settings import ENABLED, SETTINGS

BODY = "changing"
EXAMPLES = (
    "mct-s2s configure-appservice -a contosolearn --dry-run",
    "mct-s2s configure-appservice -a contosolearn --from handoff.json",
    "mct-s2s configure-appservice -a contosolearn --restore before.json",
)


@dataclass(kw_only=True)
class ConfigureAppserviceOptions(AdoptingOptions, ChangingOptions):
    audience: str | None = option("--audience URI", "Application ID URI.")
    tenant_name: str | None = option("--tenant-name NAME", "The tenant's initial domain.")
    tenant_id: str | None = option("--tenant-id ID", "The tenant's ID.")
    object_id: list[str] = option("--object-id ID", "A managed identity's object ID. Repeatable.", default=list)
    application_id: list[str] = option("--application-id ID", "A client application's appId. Repeatable.", default=list)
    role: str | None = option("--role VALUE", "App role value.")
    handoff: Path | None = option("--from FILE", "Read all values from a file written by setup --handoff.")
    restore: Path | None = option("--restore FILE", "Restore the settings from a backup file.")
    disable: bool = option("--disable", f"Set {ENABLED} to false.")

    @property
    def given(self) -> dict[str, str | list[str]]:
        """What was given for each setting, by its name."""
        options = {row.name: row.option[2:].replace("-", "_") for row in SETTINGS if row.option is not None}
        given = {name: getattr(self, option) for name, option in options.items()}
        return {name: value for name, value in given.items() if value is not None and value != []}
