"""The sites of a trust file, for a command that is about one App Service unless a file is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mct_s2s.cli.binding import typed_options
from mct_s2s.cli.trust_file.entries import SiteSetup, site_setups
from mct_s2s.errors import UsageError
from mct_s2s.inputs.trust_file import Mistakes, read_trust_file

OF_ONE_SITE: Mapping[str, str] = {
    "app_service": "--app-service",
    "resource_group": "--resource-group",
    "slot": "--slot",
}
"""Fields of the options that name one App Service, and the options as they are typed; a file names each of its own."""


def sites_of_file(options: Any, **unfit: str) -> tuple[SiteSetup, ...]:
    """What the file says of each site that is meant.

    Args:
        options: `FileOptions` beside those of a command that talks to Azure.
        unfit: options that say nothing beside a file, as `OF_ONE_SITE`.

    Raises:
        UsageError: one of those was typed, or the file has mistakes.
    """
    typed = typed_options()
    for field, name in {**OF_ONE_SITE, **unfit}.items():
        if field in typed:
            raise UsageError(
                "contradictory-options",
                f"{name} cannot be combined with --file, which names the App Services and their clients.",
                remedy=f"Remove {name}, or --file. To choose sites of the file, add --only SITE.",
            )
    mistakes = Mistakes(options.file)
    return site_setups(read_trust_file(mistakes), mistakes, options, typed=typed, only=options.only)


def check_only(options: Any) -> None:
    """Refuse `--only` where there is no file.

    Raises:
        UsageError: as said.
    """
    if options.only:
        raise UsageError("usage", "--only names sites of a trust file.", remedy="Add --file FILE, or remove --only.")
