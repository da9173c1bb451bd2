"""How long an application setting may get: App Service hands it to the app as an environment variable.

Azure Resource Manager takes longer ones; the app then starts without the setting, or not at all. Source:
docs/azure-contract.md, section 4.3.
"""

from __future__ import annotations

from mct_s2s.model.azure_resources import AppService
from mct_s2s.model.site_settings import LISTS
from mct_s2s.planning.app_service.site import merge
from mct_s2s.planning.changes import WriteSettings
from mct_s2s.planning.plan import Results

MOST_ON_WINDOWS = 32_766
"""Characters of a value: learn.microsoft.com/windows/win32/api/processenv/nf-processenv-setenvironmentvariablew:
32,767 with the zero at its end."""
MOST_ON_LINUX = 131_071
"""Bytes of name, `=` and value. Source: execve(2), MAX_ARG_STRLEN: 32 pages of 4 KiB with the zero at the end."""
ID_LENGTH = 37
"""A GUID and its `;`."""


def size_note(site: AppService, write: WriteSettings) -> str | None:
    """What the reader of a plan should know of a list that gets too long for an environment variable.

    Args:
        write: what is going to be written; ids that are not known yet count with their length.
    """
    merged = merge(site.settings, write.spec, Results())
    for setting in LISTS:
        known = setting.value_in(merged) or ""
        later = sum(name == setting.name and not isinstance(one, str) for name, one in write.spec.listed)
        length = len(known) + later * ID_LENGTH
        most = most_characters(site, setting.name)
        if later + len(setting.list_in(merged).ids) and length > most:
            return (
                f"Note: {setting.name} will have {length:,} characters, but '{site.site.label}' can read {most:,} at "
                f"most: about {most // ID_LENGTH:,} clients. Remove some, or let several callers share a client."
            )
    return None


def most_characters(site: AppService, name: str) -> int:
    """The characters that the value of a setting may have."""
    return MOST_ON_LINUX - len(name) - 1 if "linux" in site.site.kind.casefold() else MOST_ON_WINDOWS
