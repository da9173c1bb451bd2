"""Removal: access first, by one write of the settings; then what this trust owns in the directory.

A doubted client leaves the allow list, which is this App Service's, and keeps all else. A doubted
service application stops the removal.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from mct_s2s.errors import Refused
from mct_s2s.model.api import Api
from mct_s2s.model.client_credentials import secrets_among
from mct_s2s.model.desired import Removal
from mct_s2s.model.directory_objects import Application, ServicePrincipal
from mct_s2s.model.ids import Tag, client_unique_name, same_id
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.site_settings import Holds
from mct_s2s.planning.belief import (
    Doubted,
    client_trust,
    is_created_by_caller,
    is_named_in_command,
    service_trust,
)
from mct_s2s.planning.changes import (
    AnyChange,
    ApplicationEdits,
    DeleteApplication,
    EnableIdentity,
    NoChange,
    PurgeApplication,
    RemoveCredential,
    RevokeAppRole,
    SettingsSpec,
)
from mct_s2s.planning.clients import (
    clients_called,
    has_unique_name_below,
    identities_called,
    ids_of,
    is_listed,
    members_and_created_clients,
    refuse_several,
    unknown,
)
from mct_s2s.planning.kept import (
    Kept,
    describe_kept,
    reason_to_keep_client,
    reason_to_keep_service,
)
from mct_s2s.planning.not_ours import service_not_ours, why_doubted
from mct_s2s.planning.plan import Plan, Registration
from mct_s2s.planning.removal_notes import (
    RemovalScope,
    Target,
    describe_left_alone,
    describe_removal,
)
from mct_s2s.planning.service_application import SERVICE_KEY, plan_end_of_use
from mct_s2s.planning.service_facts import (
    CLIENT,
    SERVICE,
    confirmed_role,
    is_created_for_this_site,
)
from mct_s2s.planning.site import check_clients_api, plan_site


def plan_removal(removal: Removal, observed: ObservedState) -> Plan:
    """Plan the removal of some clients or of the whole trust. Raises NotThere, Refused."""
    api = observed.api
    check_clients_api(observed)
    if removal.everything:
        targets: list[Target] = [*find_removable(observed)]
        settings = _without_own_settings(observed)
    else:
        targets = _find_targets(removal, observed)
        entries = listed_entries(targets, observed, removal.clients)
        settings = SettingsSpec(api.rows, without=entries, tidy=False)
    plan = plan_targets(RemovalScope(removal, observed, targets))
    if observed.app_service is not None:
        # Access is revoked before anything is deleted: a run that is cut off leaves no access.
        steps = plan_site(observed, settings, restart=removal.restart, revokes_access=True)
        plan = replace(plan, steps=(*steps, *plan.steps))
    plan = replace(plan, notes=(*plan.notes, *_describe_remaining(plan, removal, observed)))
    service = observed.trust.service
    if service is not None and plan.changes:
        decision = service_trust(service, observed, removal.service)
        if isinstance(decision, Doubted):
            raise service_not_ours(service, observed, decision)
    return plan


def _describe_remaining(plan: Plan, removal: Removal, observed: ObservedState) -> Iterator[str]:
    """Say which settings and tokens outlive the removal."""
    api = observed.api
    shown = api.shown(observed.settings)
    if removal.everything and shown and not _is_closed_without_settings(api):
        stay = "stay" if len(shown) > 1 else "stays"
        yield f"{', '.join(shown)} {stay}: without its settings, {api.called} may be open."
    if not api.lists and any(isinstance(step, RevokeAppRole) for step in plan.steps):
        yield (
            "Tokens that were issued before stay valid: 60 to 90 minutes, those of managed "
            "identities up to 24 hours."
        )


def _is_closed_without_settings(api: Api) -> bool:
    """Whether the API refuses everyone without its settings, so that they may all be removed.

    It does if it has a switch or lists that are missing then. Another one may be open to everyone.
    """
    return bool(api.lists) or api.setting(Holds.SWITCH) is not None


def _without_own_settings(observed: ObservedState) -> SettingsSpec:
    api = observed.api
    if not _is_closed_without_settings(api):
        return SettingsSpec(api.rows, tidy=False)
    # A setting whose value is of another kind may be something else's.
    hidden = api.hidden(observed.settings)
    removed = tuple(setting for setting in api.rows if setting not in hidden)
    return SettingsSpec(api.rows, removed=removed, tidy=False)


# Whom it is about: never a guess between two


def find_removable(observed: ObservedState) -> list[ClientApplication | ServicePrincipal]:
    """Find whom this App Service lists, and the clients that were created for it.

    Others that hold the role are not its own.
    """
    service, trust = observed.trust.service, observed.trust
    removable = list[ClientApplication | ServicePrincipal]()
    for client in members_and_created_clients(observed):
        # A service application may call its own API; it is deleted last, by a step of its own.
        if service is not None and client.client_id == service.client_id:
            continue
        is_created_here = has_unique_name_below(client.application, trust.unique_name)
        if is_listed(client, observed) or is_created_here:
            removable.append(client)
    removable += [
        identity
        for identity in trust.identities
        if observed.allowed_object_ids.contains(identity.id)
    ]
    return removable


def _find_targets(removal: Removal, observed: ObservedState) -> list[Target]:
    """Find what each name means. Raises NotThere, Refused."""
    targets_by_name = {name: _targets_called(name, observed) for name in removal.clients}
    for name, targets in targets_by_name.items():
        # An entry of an allow list needs no client in the directory.
        is_known = bool(targets) or bool(listed_entries((), observed, [name]))
        if not is_known and not removal.ignore_missing:
            raise unknown(name, observed, "If it may already be removed, add --ignore-missing.")
    # Two names may mean the same client.
    return list(dict.fromkeys(target for targets in targets_by_name.values() for target in targets))


def _targets_called(name: str, observed: ObservedState) -> list[Target]:
    """The client or identity of that name, at most one of both, or deleted registrations.

    Several of these may have had the name, one after another. Raises Refused.
    """
    service, base = observed.trust.service, observed.trust.unique_name
    word = name.strip().casefold()
    if service is not None and word in {service.client_id, f"api://{service.client_id}"}:
        raise Refused(
            "not-a-client",
            f"'{name}' is the service application, not a client.",
            remedy="To remove everything, run mct-s2s teardown with the same options.",
        )
    clients = clients_called(name, observed)
    identities = identities_called(name, observed.trust.identities)
    refuse_several(name, (*clients, *identities))
    if clients:
        return [*clients, *identities]
    unique_name = client_unique_name(base, name)
    deleted = [
        application
        for application in observed.trust.deleted
        if has_unique_name_below(application, base)
        and (same_id(application.client_id, name.strip()) or application.unique_name == unique_name)
    ]
    return [*identities, *deleted]


def listed_entries(
    targets: Iterable[object], observed: ObservedState, typed: Iterable[str] = ()
) -> frozenset[str]:
    """The entries of the allow lists, in lower case, that name the targets or were typed."""
    identifiers = {name.strip().casefold() for name in typed}
    for target in targets:
        if isinstance(target, ClientApplication):
            identifiers |= ids_of(target)
        elif isinstance(target, ServicePrincipal):
            identifiers.add(target.id)
    entries = set[str]()
    for setting in observed.api.lists:
        entries.update(entry.casefold() for entry in setting.list_in(observed.settings).ids)
    return frozenset(identifiers & entries)


# What happens to them once the App Service no longer allows them


def plan_targets(scope: RemovalScope) -> Plan:
    """Plan what happens in the directory, clients first, the service application last."""
    steps = [step for target in scope.targets for step in _plan_target(target, scope)]
    service = scope.observed.trust.service
    if service is not None and scope.removal.everything:
        # Until it is deleted, a second run finds everything by it.
        steps += _plan_service(service, steps, scope)
    return Plan(
        tuple(steps),
        notes=tuple(describe_removal(scope, steps)),
        left_alone=tuple(describe_left_alone(scope, steps)),
    )


def _plan_service(
    service: Application, steps: Sequence[AnyChange], scope: RemovalScope
) -> list[AnyChange]:
    """Plan to delete the service application after `steps`, or to keep it."""
    kept = reason_to_keep_service(service, scope.removal, scope.observed, steps)
    if kept is None:
        after = [step.key for step in steps]
        return [*_plan_deletion(SERVICE, service, SERVICE_KEY, after, scope.removal)]
    detail = describe_kept(kept, scope.removal, scope.observed)
    registration = Registration(SERVICE_KEY, SERVICE, service, scope.observed.trust.principal)
    return [
        *plan_end_of_use(registration, scope.observed),
        NoChange.kept(service, SERVICE_KEY, SERVICE, detail),
    ]


def _plan_target(target: Target, scope: RemovalScope) -> Iterator[AnyChange]:
    match target:
        case ClientApplication():
            yield from _plan_client(target, scope)
        case ServicePrincipal():
            yield from _plan_identity(target, scope)
        case Application():
            yield _plan_already_deleted(target, scope)


def _plan_client(client: ClientApplication, scope: RemovalScope) -> Iterator[AnyChange]:
    """Plan what happens to a client application: the first rule that applies."""
    removal = scope.removal
    key = f"client:{client.client_id}"
    decision = client_trust(client, scope.observed, removal.service, removal.clients)
    if isinstance(decision, Doubted):
        yield _keep_untouched(client, key, why_doubted(decision))
        return
    if client.client_id in removal.named_elsewhere:
        yield _keep_untouched(client, key, "another App Service of the file names it")
        return
    revocations = [*_plan_revocations(client.principal, key, client.display_name, scope)]
    if not client.is_registered_here:
        # Its registration is in another tenant: only its consent is here.
        yield from revocations
        return
    kept = reason_to_keep_client(client.application, removal, scope.observed)
    if kept is not None:
        yield from _plan_kept_client(client, key, kept, revocations, scope)
        return
    yield from revocations
    secrets = [*_plan_secrets(client.application, key, scope)]
    yield from secrets
    after = [step.key for step in (*revocations, *secrets)]
    yield from _plan_deletion(CLIENT, client.application, key, after, removal)


def _keep_untouched(client: ClientApplication, key: str, why: str) -> NoChange:
    """Say that a client leaves the allow list, and that nothing else of it changes."""
    application = client.application
    if not client.is_registered_here:
        application = Application(client_id=client.client_id)
    application = replace(application, display_name=client.display_name)
    return NoChange.kept(application, key, CLIENT, f"kept, with its admin consent: {why}")


def _plan_kept_client(
    client: ClientApplication,
    key: str,
    kept: Kept,
    revocations: Sequence[RevokeAppRole],
    scope: RemovalScope,
) -> Iterator[AnyChange]:
    """Plan to revoke the access of a client whose registration stays."""
    application = client.application
    service = scope.observed.trust.service
    requested = {access.resource_client_id for access in application.required_access}
    if service is not None and service.client_id in requested:
        registration = Registration(key, CLIENT, application, client.principal)
        detail = f"no longer requests {scope.observed.api.called}"
        edits = ApplicationEdits(no_access_to=service.client_id)
        name = application.display_name
        yield registration.plan_update(f"{key}:access", "API permission", name, detail, edits)
    yield from revocations
    detail = describe_kept(kept, scope.removal, scope.observed)
    # It may go on signing in with them elsewhere.
    credentials = [
        f"{credential.kind.noun} '{credential.name}'"
        if credential.name
        else f"{credential.kind.noun} {credential.key_id}"
        for credential in application.credentials
    ]
    if credentials:
        detail += f"; it keeps its {', '.join(credentials)}"
    # Owners of the registration can write a tag, too.
    places = dict.fromkeys(Tag.VAULT.values(application.tags))
    detail += "".join(f"; a tag of it names keyvault:{place}" for place in places)
    yield NoChange.kept(application, key, CLIENT, detail)


def _plan_revocations(
    principal: ServicePrincipal | None, key: str, name: str, scope: RemovalScope
) -> Iterator[RevokeAppRole]:
    """Plan to revoke the roles that a principal holds by this trust; `key`: that of its step."""
    trust = scope.observed.trust
    if trust.principal is None or principal is None:
        return
    role = confirmed_role(scope.observed, scope.removal.service)
    for assignment in trust.assignments:
        if assignment.principal_id != principal.id:
            continue
        is_role_ours = role is not None and assignment.role_id == role.id
        # Another role of an adopted API is its owner's grant.
        if is_created_for_this_site(scope.observed) or is_role_ours:
            yield RevokeAppRole(
                key=f"{key}:consent:{assignment.id}",
                name=name,
                service=trust.principal.id,
                assignment=assignment.id,
                # Until it is revoked, a second run knows a kept registration for a client.
                after=(f"{key}:access",),
            )


def _plan_secrets(
    application: Application, key: str, scope: RemovalScope
) -> Iterator[RemoveCredential]:
    """Plan to remove our secrets of a registration that was made below this App Service's name."""
    if not has_unique_name_below(application, scope.observed.trust.unique_name):
        return
    for credential in secrets_among(application.credentials):
        if credential.has_our_name:
            yield RemoveCredential(
                key=f"{key}:secret:{credential.key_id}",
                name=application.display_name,
                detail=credential.name or "",
                object_id=application.object_id,
                key_id=credential.key_id,
            )


def _plan_deletion(
    resource: str, application: Application, key: str, after: Sequence[str], removal: Removal
) -> Iterator[AnyChange]:
    """Plan to delete a registration after the steps `after`, with `--purge` permanently."""
    yield DeleteApplication(
        key=key,
        resource=resource,
        name=application.display_name,
        detail="permanently" if removal.purge else "can be restored for 30 days",
        object_id=application.object_id,
        client_id=application.client_id,
        after=tuple(after),
    )
    if removal.purge:
        yield _plan_purge(application, key, after=(key,))


def _plan_purge(
    application: Application, key: str, after: tuple[str, ...] = ()
) -> PurgeApplication:
    return PurgeApplication(
        key=f"{key}:purge",
        name=application.display_name,
        detail="frees its name and its URI",
        object_id=application.object_id,
        client_id=application.client_id,
        after=after,
    )


def _plan_already_deleted(application: Application, scope: RemovalScope) -> AnyChange:
    """Plan to purge a registration that an earlier run has deleted, or to leave it in the bin."""
    key = f"client:{application.client_id}"
    if scope.removal.purge and _may_purge(application, scope):
        return _plan_purge(application, key)
    since = f" since {application.deleted:%Y-%m-%d}" if application.deleted else ""
    detail = f"already deleted{since}; still in the recycle bin"
    if scope.removal.purge:
        detail += f"; to purge it, name its appId {application.client_id}"
    return NoChange.kept(application, key, CLIENT, detail)


def _may_purge(deleted: Application, scope: RemovalScope) -> bool:
    """Whether a deleted registration may be purged: no one can undo that."""
    observed = scope.observed
    # What is in the recycle bin under this name may be another team's.
    is_known = deleted.object_id in {*observed.unfinished, *observed.deleted_here}
    is_ours = is_known or is_created_by_caller(deleted, observed.caller)
    return is_ours or is_named_in_command(deleted, scope.removal)


def _plan_identity(identity: ServicePrincipal, scope: RemovalScope) -> Iterator[AnyChange]:
    """Plan to revoke an identity's role. It stays enabled: no one can see what else uses it."""
    key = f"identity:{identity.id}"
    name = identity.display_name
    revocations = list[RevokeAppRole]()
    if _revokes_role_of(identity, scope):
        revocations = [*_plan_revocations(identity, key, name, scope)]
    yield from revocations
    keeps_role = scope.observed.trust.has_any_role(identity.id) and not revocations
    detail = "kept enabled, with its app role" if keeps_role else "kept enabled"
    resource = EnableIdentity.resource
    yield NoChange(key=key, resource=resource, name=name, detail=detail, id=identity.id)


def _revokes_role_of(identity: ServicePrincipal, scope: RemovalScope) -> bool:
    """Whether the identity's role goes, too, which other App Services may rely on.

    Where the API has lists, it does if the operator named the identity by one of its ids.
    """
    typed = {name.strip().casefold() for name in scope.removal.clients}
    # A teardown names no client, so that the roles of identities stay.
    # Without lists, the role is the access that was to be removed, whichever name was used.
    if typed and not scope.observed.api.lists:
        return True
    identifiers = {identity.id, identity.client_id, (identity.resource_id or "").casefold()}
    return not identifiers.isdisjoint(typed)
