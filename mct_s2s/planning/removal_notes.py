"""What a reader of a removal has to know beside its steps: what stays, and who else is affected."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mct_s2s.errors import Instruction, UsageError
from mct_s2s.model.commands import az_command, identity_removal
from mct_s2s.model.desired import Removal
from mct_s2s.model.directory_objects import Application, ServicePrincipal
from mct_s2s.model.ids import Tag, client_base
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.resource_id import USER_ASSIGNED_IDENTITIES, ResourceId
from mct_s2s.model.secret_place import PlaceKind, SecretPlace
from mct_s2s.planning.belief import Doubted, client_trust
from mct_s2s.planning.changes import (
    AnyChange,
    DeleteApplication,
    RevokeAppRole,
)
from mct_s2s.planning.clients import has_unique_name_below
from mct_s2s.planning.kept import describe_use
from mct_s2s.planning.service_facts import is_created_for_this_site, other_users, wanted_role_value

Target = ClientApplication | ServicePrincipal | Application
"""A client, a managed identity, or the deleted registration of a client."""


@dataclass(frozen=True)
class RemovalScope:
    """Who is removed at one App Service, and who is named to stay."""

    removal: Removal
    observed: ObservedState
    targets: Sequence[Target]
    named: frozenset[object] = frozenset()
    """Clients that stay, as the trust file names them."""


def describe_removal(scope: RemovalScope, steps: Sequence[AnyChange]) -> Iterator[Instruction]:
    yield from _describe_kept_consents(scope)
    yield from _describe_enabled_identities(scope)
    yield from _describe_lost_elsewhere(scope, steps)
    yield from _describe_clients_of_others(scope, steps)
    yield from _describe_other_users(scope, steps)
    yield from _describe_kept_secrets(scope, steps)


def describe_left_alone(scope: RemovalScope, steps: Sequence[AnyChange]) -> Iterator[Instruction]:
    """Say how to revoke the access of those that hold the role and are not removed."""
    adopt = scope.removal.service.adopt
    adopting = ("--service-app", adopt) if adopt else ()
    for holder in _remaining_holders(scope, steps):
        if is_of_another_site(holder, scope.observed):
            continue
        holder_id = holder.client_id if isinstance(holder, ClientApplication) else holder.id
        what = f"'{holder.display_name}' holds the app role and keeps its access. To revoke it:"
        yield Instruction(what, scope.observed.command("remove-client", *adopting, about=holder_id))


def is_of_another_site(
    client: ClientApplication | ServicePrincipal, observed: ObservedState
) -> bool:
    """Whether it was created for another App Service, whose access this one does not revoke."""
    if isinstance(client, ServicePrincipal) or client.application.unique_name is None:
        return False
    base = client_base(client.application.unique_name)
    return base is not None and base != observed.trust.unique_name


def _describe_kept_consents(scope: RemovalScope) -> Iterator[Instruction]:
    """Say which clients leave the allow list and keep their consent, as they are not believed."""
    removal, observed = scope.removal, scope.observed
    # A teardown and a trust file name no client, so that there is no name to type instead.
    if removal.everything or removal.is_pruning:
        return
    for target in scope.targets:
        if not isinstance(target, ClientApplication) or not target.principal_id:
            continue
        decision = client_trust(target, observed, removal.service, removal.clients)
        if isinstance(decision, Doubted):
            what = f"'{target.display_name}' keeps its admin consent. To revoke it, name its appId:"
            yield Instruction(what, observed.command("remove-client", about=target.client_id))


def _describe_enabled_identities(scope: RemovalScope) -> Iterator[Instruction]:
    for target in scope.targets:
        if not isinstance(target, ServicePrincipal):
            continue
        disable = _disabling_command(target)
        if disable is not None:
            what = (
                f"The managed identity of '{target.display_name}' stays enabled. If nothing else "
                "uses it, run:"
            )
            yield Instruction(what, disable)


def _disabling_command(identity: ServicePrincipal) -> str | None:
    """The command that disables it; `None` for a user-assigned identity, which is a resource."""
    try:
        resource = ResourceId.parse(identity.resource_id or "")
    except UsageError:
        return None
    return None if resource.type == USER_ASSIGNED_IDENTITIES else identity_removal(resource)


def _describe_lost_elsewhere(
    scope: RemovalScope, steps: Sequence[AnyChange]
) -> Iterator[Instruction]:
    """Warn of roles that are lost at other App Services, too: they share the API."""
    observed = scope.observed
    service = observed.trust.service
    if service is None:
        return
    if is_created_for_this_site(observed) and not other_users(service, observed):
        return
    revoked = _revoked_assignments(steps)
    principals_losing_it = {
        assignment.principal_id
        for assignment in observed.trust.assignments
        if assignment.id in revoked
    }
    for target in scope.targets:
        keeping = ""
        if isinstance(target, ServicePrincipal):
            principal_id: str = target.id
            # Without lists, the role is revoked whichever name was used.
            if observed.api.lists:
                keeping = " By its display name instead of its ID, it keeps the role."
        elif isinstance(target, ClientApplication):
            # A client that was made for this App Service is used by no other one.
            if has_unique_name_below(target.application, observed.trust.unique_name):
                continue
            principal_id = target.principal_id
        else:
            continue
        if principal_id in principals_losing_it:
            yield Instruction(
                f"'{target.display_name}' loses the app role of '{service.display_name}' at every "
                f"App Service that uses this service application.{keeping}"
            )


def _describe_clients_of_others(
    scope: RemovalScope, steps: Sequence[AnyChange]
) -> Iterator[Instruction]:
    names = [
        f"'{holder.display_name}'"
        for holder in _remaining_holders(scope, steps)
        if is_of_another_site(holder, scope.observed)
    ]
    if names:
        yield Instruction(
            "Created for another App Service, and still allowed here by the same app role: "
            f"{', '.join(names)}."
        )


def _describe_other_users(scope: RemovalScope, steps: Sequence[AnyChange]) -> Iterator[Instruction]:
    """Say whose tag keeps the service application, and how the tag goes."""
    service = scope.observed.trust.service
    if service is None or not scope.removal.everything:
        return
    users = other_users(service, scope.observed)
    is_deleted = any(
        isinstance(step, DeleteApplication) and step.client_id == service.client_id
        for step in steps
    )
    if users and not is_deleted:
        yield Instruction(
            f"{describe_use(users)} the service application '{service.display_name}', as a tag of "
            "it says. The teardown there removes the tag. If it is no longer true, delete the "
            "registration in the portal."
        )


def _describe_kept_secrets(
    scope: RemovalScope, steps: Sequence[AnyChange]
) -> Iterator[Instruction]:
    """Say how to delete the key vault secrets of clients that are deleted."""
    deleted = {step.client_id for step in steps if isinstance(step, DeleteApplication)}
    for client in scope.observed.trust.clients:
        if client.client_id not in deleted:
            continue
        for place in dict.fromkeys(Tag.VAULT.values(client.application.tags)):
            vault, name = SecretPlace(PlaceKind.KEY_VAULT, place).vault_and_secret
            delete = az_command("keyvault secret delete", "--vault-name", vault, "--name", name)
            # A tag of the registration names it, which its owner can write, too.
            what = (
                f"The key vault secret '{place}', which a tag of the registration names, is kept. "
                "If it is this client's, run:"
            )
            yield Instruction(what, delete)


def _remaining_holders(
    scope: RemovalScope, steps: Iterable[AnyChange]
) -> list[ClientApplication | ServicePrincipal]:
    """Who goes on calling an API without lists, although the file or the teardown names no one."""
    observed, removal = scope.observed, scope.removal
    service = observed.trust.service
    removes_the_rest = removal.everything or removal.is_pruning
    # Where the API has lists, the role alone gives no access.
    if service is None or observed.api.lists or not removes_the_rest:
        return []
    role = service.role(removal.service.role or wanted_role_value(observed))
    if role is None:
        return []
    revoked = _revoked_assignments(steps)
    principals = {
        assignment.principal_id
        for assignment in observed.trust.assignments
        if assignment.role_id == role.id and assignment.id not in revoked
    }
    holders: list[ClientApplication | ServicePrincipal] = [
        client for client in observed.trust.clients if client.principal_id in principals
    ]
    holders += [identity for identity in observed.trust.identities if identity.id in principals]
    return [
        holder
        for holder in holders
        if holder not in scope.named and not _is_named_elsewhere(holder, removal)
    ]


def _is_named_elsewhere(holder: ClientApplication | ServicePrincipal, removal: Removal) -> bool:
    """Whether the trust file names it at another App Service."""
    if isinstance(holder, ClientApplication):
        return holder.client_id.casefold() in removal.named_elsewhere
    return (holder.resource_id or "").casefold() in removal.named_elsewhere


def _revoked_assignments(steps: Iterable[AnyChange]) -> frozenset[str]:
    return frozenset(step.assignment for step in steps if isinstance(step, RevokeAppRole))
