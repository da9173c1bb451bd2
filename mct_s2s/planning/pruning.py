"""Clients that a trust file no longer names: `apply --prune` removes them, without it a note does.

One site of the file at a time; a limit keeps a file that lost half of its lines from cutting off
half of the callers.
"""

from collections.abc import Sequence

from mct_s2s.errors import Instruction, Refused
from mct_s2s.model.desired import Pruning, Removal, SettingsScope, Setup
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.planning.belief import Belief, Doubted, client_trust, is_created_by_caller
from mct_s2s.planning.clients import clients_called, is_allowed, is_allowed_by_object_id, is_listed
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.removal import find_removable, listed_entries, plan_targets
from mct_s2s.planning.removal_notes import RemovalScope, describe_left_alone

LARGEST_SHARE = 3
"""`--prune` removes one client of so many at most."""


class TooManyRemovals(Refused):
    """More clients than a third would be removed at one App Service."""

    summary = ""
    """The App Service and its clients, in a line for many App Services."""
    is_about_file = False
    """Whether the clients that were set up for it are too many alone.

    Then the file is likely to be incomplete, for every site of it. Those who may write the settings
    of one App Service could list others, and must not stop what is done at all sites.
    """


def prune(desired: Setup, observed: ObservedState) -> tuple[frozenset[str], Plan]:
    """Plan the removal of clients that are not named, or a note of them. Raises TooManyRemovals.

    Returns the entries, in lower case, that leave the allow lists, too.
    """
    pruning, spec = desired.pruning, desired.service
    if pruning is None or spec is None or desired.settings is SettingsScope.NONE:
        return frozenset(), Plan()
    removable = [
        client for client in find_removable(observed) if not _has_only_our_name(client, observed)
    ]
    named = _find_named(desired, observed)
    targets = [client for client in removable if client not in named]
    removal = Removal(spec, named_elsewhere=pruning.named_elsewhere, is_pruning=True)
    if not pruning.removes:
        return frozenset(), _describe_unnamed(targets, RemovalScope(removal, observed, (), named))
    _refuse_too_many(targets, removable, pruning, desired, observed)
    plan = plan_targets(RemovalScope(removal, observed, targets, named))
    return listed_entries(targets, observed), plan


def _find_named(desired: Setup, observed: ObservedState) -> frozenset[object]:
    """Find the clients and identities that the file names."""
    named = set[object]()
    principals = {source.principal_id for source in observed.identity_resources}
    for identity in observed.trust.identities:
        if identity.id in principals:
            named.add(identity)
    for spec in desired.clients:
        named.update(clients_called(spec.name, observed))
    return frozenset(named)


def _describe_unnamed(
    targets: Sequence[ClientApplication | ServicePrincipal], scope: RemovalScope
) -> Plan:
    """A plan without steps that says which clients stay although nothing names them."""
    notes: tuple[str, ...] = ()
    if targets:
        names = ", ".join(f"'{target.display_name}'" for target in targets)
        notes = (f"Left alone, as nothing names them: {names}. To remove them, add --prune.",)
    mentioned = RemovalScope(scope.removal, scope.observed, (), frozenset({*scope.named, *targets}))
    left_alone: tuple[Instruction, ...] = tuple(describe_left_alone(mentioned, ()))
    return Plan(notes=(*notes, *left_alone))


def _refuse_too_many(
    targets: Sequence[ClientApplication | ServicePrincipal],
    removable: Sequence[ClientApplication | ServicePrincipal],
    pruning: Pruning,
    desired: Setup,
    observed: ObservedState,
) -> None:
    """Refuse to remove more than a third of the clients that can call. Raises TooManyRemovals."""
    callers = [client for client in removable if _can_call(client, observed)]
    losing = [client for client in callers if client in targets]
    if pruning.any_number or not _are_too_many(losing, callers):
        return
    site = observed.app_service
    label = site.label if site is not None else "this App Service"
    refusal = TooManyRemovals(
        "too-many-removals",
        f"--prune would remove {len(losing)} of the {len(callers)} clients of {label} that can "
        "call, which is more than a third.",
        says_unchanged=True,
        introduction="It would remove:",
        remedy="Add to the file what is missing. If it is complete, add --allow-removals.",
        items=[client.display_name for client in losing],
    )
    ours = [client for client in callers if _was_set_up(client, desired, observed)]
    names = ", ".join(client.display_name for client in losing)
    refusal.summary = f"{label}: {names} ({len(losing)} of {len(callers)})"
    refusal.is_about_file = _are_too_many([client for client in losing if client in ours], ours)
    raise refusal


def refused_together(refusals: Sequence[TooManyRemovals]) -> TooManyRemovals:
    """One refusal for all App Services of a file, each with the clients that it would lose."""
    first, *others = refusals
    if not others:
        return first
    return TooManyRemovals(
        first.code,
        f"--prune would remove too many clients at {len(refusals)} App Services: more than a third "
        "of those that can call.",
        says_unchanged=True,
        introduction="They would be removed:",
        remedy=first.advice,
        items=[refusal.summary for refusal in refusals],
    )


def _are_too_many(removed: Sequence[object], clients: Sequence[object]) -> bool:
    return len(removed) > len(clients) // LARGEST_SHARE


def _has_only_our_name(
    client: ClientApplication | ServicePrincipal, observed: ObservedState
) -> bool:
    """Whether a name below this App Service's is all that it has, which anyone can register.

    It is no client then. Each new one would be another plan than was reviewed.
    """
    if isinstance(client, ServicePrincipal) or is_listed(client, observed):
        return False
    application = client.application
    is_known = application.object_id in observed.unfinished
    is_known |= is_created_by_caller(application, observed.caller)
    return not is_known and not observed.trust.has_any_role(client.principal_id)


def _can_call(client: ClientApplication | ServicePrincipal, observed: ObservedState) -> bool:
    """Whether its removal cuts someone off.

    Anyone can register what is called like ours. Only an administrator, or who owns the service
    application, gives it the role.
    """
    if isinstance(client, ServicePrincipal) or is_allowed_by_object_id(client, observed):
        return True
    has_any_role = observed.trust.has_any_role(client.principal_id)
    return has_any_role and is_allowed(client, observed)


def _was_set_up(
    client: ClientApplication | ServicePrincipal, desired: Setup, observed: ObservedState
) -> bool:
    """Whether more than its name says that it was created for this App Service."""
    # A managed identity has no name of ours: anyone may have listed it.
    if isinstance(client, ServicePrincipal) or desired.service is None:
        return False
    decision = client_trust(client, observed, desired.service, desired.names)
    return not isinstance(decision, Doubted) and decision is not Belief.UNTOUCHED
