"""Choose a subscription and an MCT App Service from those that there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mct_s2s.cli.guided.prompts import Offer, Prompts
from mct_s2s.cli.options import AzureOptions
from mct_s2s.engine.observe.app_service_lookup import find_subscription
from mct_s2s.engine.observe.site_survey import survey
from mct_s2s.engine.session import Session
from mct_s2s.errors import NotThere
from mct_s2s.model.azure_resources import Site
from mct_s2s.model.commands import option
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_target import SiteTarget
from mct_s2s.planning.app_service.site_recognition import MctSite, SiteSurvey
from mct_s2s.ports.apply_progress import activity
from mct_s2s.ports.resource_manager import Sites, Subscription
from mct_s2s.render.console import Terminal, prose

MOST_NAMED = 5
"""Function apps whose names are printed: in most subscriptions, all that belong to a site."""


async def choose_subscription(
    prompts: Prompts, session: Session, options: AzureOptions, environ: Mapping[str, str]
) -> tuple[Subscription, bool]:
    """The subscription that is named, or one that is chosen; and whether there were others to choose from.

    Raises:
        NotThere: the one that is named is not there, or there is none.
    """
    named = options.subscription or environ.get("AZURE_SUBSCRIPTION_ID")
    if named:
        return await find_subscription(session.azure.sites, named), False
    seen = sorted(await session.azure.sites.subscriptions(), key=lambda one: one.name.casefold())
    if not seen:
        return await find_subscription(session.azure.sites, None), False  # which says whom to ask
    if len(seen) == 1:
        return seen[0], False
    default = next((at for at, one in enumerate(seen) if session.subscription in {one.id, one.name}), 0)
    rows = columns([(one.name, one.id) for one in seen])
    entries = [Offer(row, one, one.name) for row, one in zip(rows, seen, strict=True)]
    return await prompts.choose("Subscription:", entries, proposed=default), True


async def look_around(sites: Sites, subscription: Subscription) -> SiteSurvey:
    """The sites of a subscription.

    Raises:
        NotThere: it has no web app, or none that the caller can read.
        S2SError: they cannot be listed.
    """
    with activity(f"Reading the web apps of '{subscription.name}'"):
        found = await survey(sites, subscription.id)
    if not found.mct and not found.others:
        raise NotThere(
            "site-not-found",
            f"The subscription '{subscription.name}' has no web app that you can read.",
            remedy=f"Choose another with {option('--subscription', 'NAME')}, or ask its Owner for the role Reader.",
        )
    return found


async def choose_site(prompts: Prompts, terminal: Terminal, found: SiteSurvey) -> Site:
    """One of the MCT sites; only behind a further question one that is not recognised as such."""
    _explain(terminal, found)
    if not found.mct:
        return await _other(prompts, found)
    rows = columns([(one.site.name, one.site.resource.resource_group, state_of(one)) for one in found.mct])
    entries: list[Offer[Site | None]] = [
        Offer(row, one.site, one.site.name) for row, one in zip(rows, found.mct, strict=True)
    ]
    if found.others:
        entries.append(Offer(f"Another web app ({len(found.others)})", None))
    return await prompts.choose("MCT App Service:", entries) or await _other(prompts, found)


async def choose_among(prompts: Prompts, name: str, resources: Sequence[ResourceId]) -> ResourceId:
    """One of several App Services of the same name."""
    entries = [Offer(one.resource_group, one) for one in resources]
    return await prompts.choose(f"Resource group of '{name}':", entries)


def state_of(one: MctSite) -> str:
    """How far a site is set up, in a few words."""
    if one.settings is None:
        return "settings not readable"
    if one.is_set_up:
        return f"set up, {one.allowed} {'client' if one.allowed == 1 else 'clients'}"
    return "set up in part" if one.settings else "not set up yet"


def columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The cells of each row in columns, two spaces apart."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def take(options: AzureOptions, site: Site, *, subscription: bool) -> SiteTarget:
    """Put the choice into the options, as if it had been typed; the target that they then name.

    Args:
        options: of the command.
        site: what was chosen.
        subscription: whether the subscription has to be named, too: there are others.
    """
    options.app_service, options.resource_group = site.name, site.resource.resource_group
    if subscription:
        options.subscription = site.resource.subscription_id
    return SiteTarget(site.name, site.resource.resource_group, site.resource.subscription_id, options.slot or None)


def _explain(terminal: Terminal, found: SiteSurvey) -> None:
    if not found.mct:
        prose(terminal.err, "No web app here is recognised as an MCT site: none has its settings or its function app.")
    named = [one for one in found.function_apps if one.website][:MOST_NAMED]
    others = len(found.function_apps) - len(named)
    if found.function_apps:
        words = [f"{one.name} (belongs to {one.website})" for one in named]
        words += [f"{others} other function {'app' if others == 1 else 'apps'}"] if others else []
        text = f"Function apps are not offered, as the MCT API is not in them: {', '.join(words)}."
        prose(terminal.err, text)


async def _other(prompts: Prompts, found: SiteSurvey) -> Site:
    rows = columns([(one.name, one.resource.resource_group) for one in found.others])
    entries = [Offer(row, one, one.name) for row, one in zip(rows, found.others, strict=True)]
    return await prompts.choose("Web app:", entries)
