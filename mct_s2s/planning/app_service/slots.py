"""Deployment slots: what a swap would do to service-to-service authentication, and how to keep it where it is.

Settings that are not slot settings travel with the code: after a swap the other slot has them. Slot settings are the
site's own business and are never changed here. Source: learn.microsoft.com/azure/app-service/deploy-staging-slots.
"""

from __future__ import annotations

from collections.abc import Iterable

from mct_s2s.model.azure_resources import AppService
from mct_s2s.model.commands import webapp_command
from mct_s2s.model.site_settings import ours


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
