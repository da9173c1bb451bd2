"""Deployment slots: what a swap would do to service-to-service authentication, and how to keep it where it is.

Settings that are not slot settings travel with the code: after a swap the other slot has them. Slot settings are the
site's own business and are never changed here. Source: learn.microsoft.com/azure/app-service/deploy-staging-slots.
"""

from __future__ import annotations

from mct_s2s.model.azure_resources import AppService
from mct_s2s.model.commands import webapp_command
from mct_s2s.model.site_settings import NAMES, ours


def travelling(site: AppService) -> tuple[str, ...]:
    """Those of our settings that a swap would carry away, by the document's names."""
    if site.slot_config is None:
        return ()
    return tuple(name for name in NAMES if name in ours(site.settings) and name.lower() not in site.slot_config.sticky)


def would_travel(site: AppService, changed: tuple[str, ...]) -> str | None:
    """What the reader of a plan that writes settings should know of swaps; `None` where there is nothing to swap.

    Args:
        site: the App Service as it stands.
        changed: the settings that the plan writes.
    """
    if site.slot_config is None:
        return None
    names = [name for name in changed if name.lower() not in site.slot_config.sticky]
    if not names:
        return None
    other = "production" if site.site.resource.slot else ", ".join(site.slot_config.slots)
    return (
        f"A swap with {other} would carry {', '.join(names)} away from '{site.site.label}'. To keep them, make them "
        "slot settings (Configuration, Deployment slot setting)."
    )


def make_sticky(site: AppService) -> str:
    """The command that makes our settings slot settings, with the values that stand: none of them is secret."""
    resource, values = site.site.resource, ours(site.settings)
    sticky = [f"{name}={values[name]}" for name in travelling(site)]
    where = ["--subscription", resource.subscription_id]
    return webapp_command("config appsettings set", resource, *where, "--slot-settings", *sticky)
