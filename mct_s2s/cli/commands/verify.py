"""`mct-s2s verify`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

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
    """Options of `verify`."""

    first_word = FirstWord("client", "NAME_OR_ID", "The same as --client.")

    client: Annotated[
        list[str], option("--client NAME_OR_ID", "Test this client only: its name or ID. Repeatable.")
    ] = field(default_factory=list)
    credentials: Annotated[list[Path], option("--credentials FILE", "A client's secret file. Repeatable.")] = field(
        default_factory=list
    )
    path: Annotated[str, option("--path PATH", "Path of the MCT API to GET.")] = API_PATH
    audience: Annotated[
        str | None, option("--audience URI", "Test the caller's own call to this Application ID URI.")
    ] = None
    url: Annotated[str | None, option("--url URL", "The MCT site's URL. Default: from Azure.")] = None
