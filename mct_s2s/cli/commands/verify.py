from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mct_s2s.cli.binding import FirstWord, option
from mct_s2s.cli.options import AzureOptions
from mct_s2s.model.mct_api import API_PATH

BODY = "verifying"
EXAMPLES = (
    "mct-s2s verify -a contosolearn",
    "mct-s2s verify -a contosolearn --client Import",
    "mct-s2s verify --audience api://APP_ID --url https://HOST",
)


@dataclass(kw_only=True)
class VerifyOptions(AzureOptions):
    first_word = FirstWord("client", "NAME_OR_ID", "The same as --client.")

    client: list[str] = option(
        "--client NAME_OR_ID", "Test this client only: its name or ID. Repeatable.", default=list
    )
    credentials: list[Path] = option("--credentials FILE", "A client's secret file. Repeatable.", default=list)
    path: str = option("--path PATH", "Path of the MCT API to GET.", default=API_PATH)
    audience: str | None = option("--audience URI", "Test the caller's own call to this Application ID URI.")
    url: str | None = option("--url URL", "The MCT site's URL. Default: from Azure.")
