"""What the reader of a plan that writes settings should know: swaps of slots, and lists that get too long.

Settings that are not slot settings travel with the code: after a swap the other slot has them. Slot settings are the
site's own business and are never changed here. Source: learn.microsoft.com/azure/app-service/deploy-staging-slots.
App Service hands each setting to the app as an environment variable. Azure Resource Manager takes longer ones; the app
then starts without the setting, or not at all. Source: docs/azure-contract.md, section 4.3.
"""

from __future__ import annotations

from collections.abc import Iterable

from mct_s2s.model.azure_resources import AppService
from mct_s2s.model.commands import webapp_command
from mct_s2s.model.site_settings import LISTS, ours
from mct_s2s.planning.app_service.site import merge
from mct_s2s.planning.changes import Results, WriteSettings


def not_sticky(site: AppService, names: Iterable[str] | None = None) -> tuple[str, ...]:
    """Those of some settings, our own by default, that a swap would move to the other slot."""
    if site.slot_config is None:
        return ()
    wanted = ours(site.settings) if names is None else names
    return tuple(name for name in wanted if name.lower() not in site.slot_config.sticky)


def swap_note(site: AppService, changed: tuple[str, ...]) -> str | None:
    """What the reader of a plan that writes settings should know of swaps; `None` where nothing would move."""
    names = not_sticky(site, changed)
    if site.slot_config is None or not names:
        return None
    other = "production" if site.site.resource.slot else ", ".join(site.slot_config.slots)
    what = f"these {len(names)} settings" if 1 < len(names) == len(changed) else ", ".join(names)
    it, setting = ("it", "a slot setting") if len(names) == 1 else ("them", "slot settings")
    return (
        f"Note: swapping with {other} would move {what} away from '{site.site.label}'. To keep {it} "
        f"there, make {it} {setting} (Environment variables, Deployment slot setting)."
    )


def make_sticky(site: AppService) -> str:
    """The command that makes our settings slot settings, with the values that they have: none of them is secret."""
    resource, values = site.site.resource, ours(site.settings)
    sticky = [f"{name}={values[name]}" for name in not_sticky(site)]
    where = ["--subscription", resource.subscription_id]
    return webapp_command("config appsettings set", resource, *where, "--slot-settings", *sticky)


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
