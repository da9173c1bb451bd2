"""Clients of a trust that nothing asks for: mentioned and left alone, or removed beside what is added.

Never more than a third of them at once, unless that is said: a file that lost half of its lines must not cut off half
of the callers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mct_s2s.errors import Item, Refused
from mct_s2s.model.desired import Pruning, Removal, ServiceSpec, SettingsScope, Setup
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.trust import ClientApplication
from mct_s2s.planning.changes import AnyChange, UpdateApplication
from mct_s2s.planning.registrations.membership import clients_called, ids_of
from mct_s2s.planning.registrations.service import EXPOSE
from mct_s2s.planning.removing.removal import after_access
from mct_s2s.planning.removing.removal_targets import (
    RemovalTargets,
    clients_of,
    known_identities,
    listed_entries,
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


def prune(desired: Setup, observed: ObservedState, spec: ServiceSpec) -> Pruned:
    """What becomes of the clients that `desired` does not name.

    Raises:
        Refused: more are to be removed than may be at once.
    """
    pruning = desired.pruning
    if pruning is None or desired.settings is SettingsScope.NONE:
        return Pruned()
    applications, identities = clients_of(observed, spec), known_identities(observed)
    targets = _unnamed(desired, observed, spec.unique_name, applications, identities)
    names = [client.display_name for client in targets.clients]
    names += [identity.display_name for identity in targets.identities]
    if not names:
        return Pruned()
    if not pruning.removes:
        return Pruned(notes=(f"Left alone, as nothing names them: {_list(names)}. To remove them, add --prune.",))
    _check_number(names, len(applications) + len(identities), pruning, observed)
    removal = Removal(kept=pruning.kept, is_pruning=True)
    rest = after_access(removal, targets, observed, spec)
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


def _unnamed(
    desired: Setup,
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
