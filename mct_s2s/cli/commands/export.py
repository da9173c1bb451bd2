from __future__ import annotations

from dataclasses import dataclass

from mct_s2s.cli.binding import option
from mct_s2s.cli.options import AzureOptions

BODY = "export"
EXAMPLES = ("mct-s2s export -a contosolearn > trust.toml", "mct-s2s export --all > trust.toml")


@dataclass(kw_only=True)
class ExportOptions(AzureOptions):
    all_sites: bool = option("--all", "Export every MCT App Service of the subscription.")
