"""Entries of a trust file that meet: two that are one App Service, two secrets in one place."""

from __future__ import annotations

from collections.abc import Sequence

from mct_s2s.inputs.client_places import ClientPlaces
from mct_s2s.inputs.trust_file_mistakes import Mistakes
from mct_s2s.model.site_target import SiteTarget
from mct_s2s.model.trust_file import ClientEntry, SiteEntry

_PROFILE_SAYS = ("cloud", "tenant", "subscription")


def check_sites(sites: Sequence[tuple[SiteEntry, SiteTarget]], mistakes: Mistakes) -> None:
    """Find entries that are, or may be, the same App Service: each would undo what the other one says."""
    by_name: dict[tuple[str, str], list[tuple[SiteEntry, SiteTarget]]] = {}
    for entry, target in sites:
        namesakes = by_name.setdefault((target.name.casefold(), (target.slot or "").casefold()), [])
        for other, there in namesakes:
            if _may_be_same(entry, target, other, there):
                mistakes.add(
                    entry.line,
                    entry.where(),
                    f"the App Service '{target.label}' is in line {other.line} already",
                    "Remove one of the two, or say the resource-group of both if they are different ones.",
                )
                break
        namesakes.append((entry, target))


def _may_be_same(entry: SiteEntry, target: SiteTarget, other: SiteEntry, there: SiteTarget) -> bool:
    """Whether nothing that both say tells them apart; the name, which both have, may not be unique."""
    pairs = [(target.group, there.group), (target.subscription, there.subscription)]
    if entry.profile is not None and other.profile is not None:
        mine, theirs = entry.profile.options, other.profile.options
        pairs += [(mine.get(key), theirs.get(key)) for key in _PROFILE_SAYS]
    return all(not one or not two or one.casefold() == two.casefold() for one, two in pairs)


def check_places(sites: Sequence[tuple[SiteEntry, SiteTarget, ClientPlaces]], mistakes: Mistakes) -> None:
    """Find clients whose secrets would go to the same place, each over the other's."""
    taken: dict[tuple[str, ...], tuple[SiteEntry, ClientEntry]] = {}
    for site, target, places in sites:
        for client in site.clients:
            place = places.destination(target.label, client.name.strip())
            if place is None or "secret-to" not in client.options:
                continue
            other_site, other = taken.setdefault(place, (site, client))
            if other is not client:
                mistakes.add(
                    client.lines.get("secret-to", client.line),
                    client.where("secret-to"),
                    f"the secret of '{other.name}' of {other_site.key} goes there, too (line {other.line})",
                    "Give each client a place of its own.",
                    "secret-place-shared",
                )
