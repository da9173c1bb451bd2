"""Clients of a trust that nothing asks for: mentioned and left alone, or removed beside what is added.

Never more than a third of them at once, unless that is said: a file that lost half of its lines must not cut off half
of the callers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mct_s2s.errors import Item, Refused
from mct_s2s.model.desired import Desired, Pruning, Removal, SettingsScope
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.trust import ClientApplication
from mct_s2s.planning.changes import AnyChange, UpdateApplication
from mct_s2s.planning.registrations.membership import clients_called, ids_of, members
from mct_s2s.planning.registrations.service import EXPOSE
from mct_s2s.planning.removing.removal import after_access, base_of
from mct_s2s.planning.removing.removal_targets import (
    RemovalTargets,
    known_identities,
    listed_entries,
    made_for,
)

LARGEST_SHARE = 3
"""One client of so many may be removed at once, rounded down: of one or two clients none."""


@dataclass(frozen=True)
class Pruned:
    """What a plan has beside what it adds."""

    entries: frozenset[str] = frozenset()
    """Entries, in lower case, that leave the allow lists."""
    steps: tuple[AnyChange, ...] = ()
    notes: tuple[Item, ...] = ()

    @property
    def keys(self) -> frozenset[str]:
        """Those of the steps."""
        return frozenset(step.key for step in self.steps)


def prune(desired: Desired, observed: ObservedState, unique_name: str) -> Pruned:
    """What becomes of the clients that `desired` does not name.

    Args:
        desired: whom it names, and whether the others are removed.
        observed: the trust and the App Service.
        unique_name: the key of the service application that belongs to this App Service.

    Raises:
        Refused: more are to be removed than may be at once.
    """
    pruning = desired.pruning
    if pruning is None or desired.settings is SettingsScope.NONE:
        return Pruned()
    applications, identities = _all_clients(observed, base_of(observed, unique_name))
    targets = _unnamed(desired, observed, unique_name, applications, identities)
    names = [client.display_name for client in targets.clients]
    names += [identity.display_name for identity in targets.identities]
    if not names:
        return Pruned()
    if not pruning.removes:
        return Pruned(notes=(f"Left alone, as nothing names them: {_list(names)}. To remove them, add --prune.",))
    _check_number(names, len(applications) + len(identities), pruning, observed)
    removal = Removal(kept=pruning.kept, is_pruning=True)
    rest = after_access(removal, targets, observed, unique_name)
    return Pruned(frozenset(entry.casefold() for entry in targets.entries), rest.steps, rest.notes)


def beside(steps: list[AnyChange], pruned: Pruned) -> tuple[AnyChange, ...]:
    """The steps that remove, so that they take nothing back of what the others add.

    The tags of the service application are written whole, and a replica that is asked for them may be behind.
    """
    added = next((s.edits.tags for s in steps if isinstance(s, UpdateApplication) and s.key == EXPOSE), ())
    return tuple(
        replace(step, edits=replace(step.edits, tags=added))
        if isinstance(step, UpdateApplication) and step.edits.forget
        else step
        for step in pruned.steps
    )


def _all_clients(
    observed: ObservedState, base: str
) -> tuple[tuple[ClientApplication, ...], tuple[ServicePrincipal, ...]]:
    """Everyone who is consented to or allowed, and what was made for this trust and is neither."""
    service, of_trust = observed.trust.service, members(observed)
    made = (
        client
        for client in observed.trust.clients
        if client not in of_trust and client.application is not None and made_for(client.application, base)
    )
    return (
        tuple(client for client in (*of_trust, *made) if service is None or client.client_id != service.client_id),
        known_identities(observed),
    )


def _unnamed(
    desired: Desired,
    observed: ObservedState,
    unique_name: str,
    applications: tuple[ClientApplication, ...],
    identities: tuple[ServicePrincipal, ...],
) -> RemovalTargets:
    named = {
        client.client_id.casefold()
        for spec in desired.clients
        for client in clients_called(spec.name, observed, unique_name)
    }
    principals = {(resource.principal_id or "").casefold() for resource in observed.identity_resources}
    clients = tuple(client for client in applications if client.client_id.casefold() not in named)
    others = tuple(identity for identity in identities if identity.id.casefold() not in principals)
    meant = {one.id.casefold() for one in others}.union(*(ids_of(client) for client in clients))
    entries = tuple(entry for entry in listed_entries(observed) if entry.casefold() in meant)
    return RemovalTargets(clients, others, entries)


def _check_number(names: list[str], everyone: int, pruning: Pruning, observed: ObservedState) -> None:
    allowed = everyone // LARGEST_SHARE
    if pruning.any_number or len(names) <= allowed:
        return
    site = observed.app_service.site.label if observed.app_service is not None else "this App Service"
    raise Refused(
        "too-many-removals",
        f"--prune would remove {len(names)} of the {everyone} clients of {site}, which is more than a third. "
        "Nothing was changed. It would remove:",
        remedy="If the file is complete, add --allow-removals. Otherwise add to it what is missing: mct-s2s export",
        items=names,
    )


def _list(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
