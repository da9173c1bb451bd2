"""What a setup plans for each client: an app registration or a managed identity.

Step 2 of the seed document (docs/azure-contract.md, section 1). Deleted names are taken for 30
days, so deleted registrations are restored:
learn.microsoft.com/graph/api/directory-deleteditems-list.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from mct_s2s.errors import Instruction, NotThere, Refused
from mct_s2s.model.azure_resources import IdentityResource, same_origin
from mct_s2s.model.client_credentials import EXPIRING_WITHIN, Federation, NewCredential, SecretNote
from mct_s2s.model.commands import az_command
from mct_s2s.model.desired import ClientSpec, Setup
from mct_s2s.model.directory_objects import Application, RequiredAccess
from mct_s2s.model.ids import ClientId, PrincipalId, Tag, client_unique_name, is_guid
from mct_s2s.model.observed import ClientApplication, ObservedState, Trust
from mct_s2s.model.resource_id import SCALE_SETS
from mct_s2s.planning.api_address import is_api_of
from mct_s2s.planning.belief import Doubted, client_trust
from mct_s2s.planning.changes import (
    AddCredential,
    AnyChange,
    ApplicationEdits,
    AssignAppRole,
    Deferred,
    EnableIdentity,
    NoChange,
    Output,
    OutputRef,
)
from mct_s2s.planning.clients import (
    clients_called,
    find_registered_client,
    is_adopted_by_file,
    is_allowed,
)
from mct_s2s.planning.content import asks_for_more
from mct_s2s.planning.credential_plan import (
    ClientState,
    describe_another,
    describe_lost,
    describe_outdated_vault,
    plan_credential,
)
from mct_s2s.planning.federation import describe_missing_ids
from mct_s2s.planning.membership import has_confirmed_role, is_client_already
from mct_s2s.planning.not_ours import adoption, not_ours, restoring
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.service_application import (
    SERVICE_KEY,
    SERVICE_UPDATE_KEY,
    PlannedService,
    role_not_named,
)
from mct_s2s.planning.service_facts import CLIENT, has_identifier, site_tags
from mct_s2s.planning.short_lifetime import ShortLifetime, typed
from mct_s2s.planning.unnamed_credentials import describe_unnamed, unnamed_credentials

_IDENTITY_OF_CLUSTER = (
    "Pods do not sign in with the cluster's own identity.",
    "Name the user-assigned identity that the pods use (workload identity): --managed-identity ID",
)
UNUSABLE_IDENTITIES = {
    "microsoft.containerservice/managedclusters": _IDENTITY_OF_CLUSTER,
    "microsoft.kubernetes/connectedclusters": _IDENTITY_OF_CLUSTER,
    "microsoft.containerinstance/containergroups": (
        "A container group gets a system-assigned identity only when it is created.",
        (
            "Create it again with one (az container create --assign-identity), then run the same "
            "command again."
        ),
    ),
}
"""Why the system-assigned identity of a type of resource is no client, and what to do.

Source: docs/azure-contract.md, 4.4.
"""


# Deleted registrations: planned as if they were there, and restored


def add_deleted(desired: Setup, observed: ObservedState) -> ObservedState:
    """Add the deleted registrations whose names this run would create. Raises NotThere."""
    if desired.service is None:
        return observed
    trust = observed.trust
    if trust.service is None:
        # What is named is not created anew in place of a deleted one, which its owner may have
        # deleted for a reason.
        refuse_deleted(desired.service.adopt, observed, but=trust.unique_name)
        refuse_deleted(observed.service_in_settings, observed, but=trust.unique_name)
        trust = replace(trust, service=_deleted_service(trust))
    for spec in desired.clients:
        deleted = _deleted_of_name(client_unique_name(trust.unique_name, spec.name), trust)
        if deleted is None:
            continue
        if any(client.is_registered_here for client in clients_called(spec.name, observed)):
            continue
        client = ClientApplication(_with_stored_credential(deleted, spec, observed))
        trust = replace(trust, clients=(*trust.clients, client))
    return replace(observed, trust=trust)


def _deleted_of_name(unique_name: str, trust: Trust) -> Application | None:
    """The first deleted registration of that name: several may have had it, one after another."""
    named = (row for row in trust.deleted if row.unique_name == unique_name)
    return next(named, None)


def _deleted_service(trust: Trust) -> Application | None:
    deleted = _deleted_of_name(trust.unique_name, trust)
    return replace(deleted, credentials=()) if deleted is not None else None


def _with_stored_credential(
    deleted: Application, spec: ClientSpec, observed: ObservedState
) -> Application:
    """Keep only the credential in the client's file: no one knows who holds the others."""
    note = observed.note_of(spec.name)
    # A vault's tags are others' to write, and may name a credential of theirs.
    stored = note.delivered if note.vault is None else None
    kept = tuple(credential for credential in deleted.credentials if credential.key_id == stored)
    return replace(deleted, credentials=kept)


def refuse_deleted(named: str | None, observed: ObservedState, but: str = "") -> None:
    """Refuse what is named and deleted, unless it has the `uniqueName` `but`. Raises NotThere."""
    if not named:
        return
    for row in observed.trust.deleted:
        if has_identifier(row, named.strip()) and row.unique_name != but:
            raise NotThere(
                "registration-deleted",
                f"'{row.display_name}' (appId {row.client_id}) is deleted and still in the "
                "recycle bin.",
                remedy="Restore it, then run the same command again:",
                command=restoring(row, observed.graph),
            )


# Client applications


def _find_or_blank_client(name: str, observed: ObservedState) -> ClientApplication:
    """Find the one registration of that name, or a blank one, to be created. Raises NotThere."""
    client = find_registered_client(name, observed)
    if client is not None:
        return client
    # An appId names what exists: nothing is created for one.
    if is_guid(name):
        refuse_deleted(name, observed)
        raise NotThere(
            "client-unknown",
            f"No app registration in this tenant has the appId '{name}'.",
            remedy="Copy the Application (client) ID from its overview page in the portal, or use "
            "a display name to create one.",
        )
    return ClientApplication()


@dataclass(frozen=True)
class _CredentialSteps:
    """The steps for a client's credential, and what its registration has to say of it."""

    changes: tuple[AnyChange, ...]
    vault_tags: tuple[str, ...]
    """The tag of the key vault secret that holds one afterwards, where the tag is missing."""

    @property
    def is_added(self) -> bool:
        return any(isinstance(change, AddCredential) for change in self.changes)


def plan_client(
    spec: ClientSpec, service: PlannedService, observed: ObservedState
) -> tuple[Deferred[ClientId], Plan]:
    """Plan what a client application lacks; return its appId, too. Raises NotThere, Refused.

    `existing` is what is there, `client` the same as it will be, with the place of its credential.
    """
    existing = _find_or_blank_client(spec.name, observed)
    client = _client_state(spec, existing, service, observed)
    credential = _plan_client_credential(spec, client, observed)
    new = _new_client(spec, service, credential, observed)
    changes = [
        *client.plan_creation(new),
        *client.plan_principal(spec.name),
        *credential.changes,
        *_plan_access(spec, client, service, new, credential),
    ]

    left_to_others: tuple[AssignAppRole, ...] = ()
    has_role = observed.trust.has_role(existing.principal_id, service.role)
    consent = _plan_consent(spec, client, service, observed)
    if not has_role and spec.consent:
        changes.append(consent)
    elif not has_role:
        left_to_others = (consent,)

    # A consent that is left to others counts, too: they grant it because this plan says so.
    is_changed = bool(changes or left_to_others)
    # One that has all else may still get its entry on the allow list by this run.
    will_be_listed = not is_allowed(existing, observed)
    # A doubted service application is refused by itself, once for all clients.
    is_service_believed = not isinstance(service.decision, Doubted)
    if existing.is_registered_here and is_service_believed and (is_changed or will_be_listed):
        _refuse_doubted(spec, existing, client, service, observed, has_role=has_role)
    notes = (
        *_client_notes(spec, existing, client, service, credential, observed),
        *_describe_unnamed(spec, existing, client, credential, observed),
    )
    if not changes:
        changes.append(NoChange.of(existing.application, client.key, CLIENT))
    adopted: tuple[str, ...] = ()
    is_adopted = is_adopted_by_file(existing, observed)
    if is_adopted and is_client_already(existing, observed, service.spec):
        adopted = (adoption(existing.application, observed, CLIENT),)
    return client.client_id, Plan(tuple(changes), left_to_others, notes, adopted=adopted)


def _client_state(
    spec: ClientSpec,
    existing: ClientApplication,
    service: PlannedService,
    observed: ObservedState,
) -> ClientState:
    note = observed.note_of(spec.name)
    if existing.application.deleted:
        # No replica is behind: nothing comes back but the credentials that the bin shows.
        note = replace(note, delivered_at=None)
    return ClientState(
        key=f"client:{spec.name}",
        resource=CLIENT,
        application=existing.application,
        service_principal=existing.principal,
        name=spec.name,
        audience=service.uri,
        note=note,
        now=observed.now,
    )


def _plan_client_credential(
    spec: ClientSpec, client: ClientState, observed: ObservedState
) -> _CredentialSteps:
    """Plan the credential, after the service principal, and the tag that says where it is."""
    changes = list[AnyChange]()
    for change in plan_credential(spec.credential, client, observed.cloud):
        if isinstance(change, AddCredential):
            # Not beside the service principal: Graph refuses two writes to one registration at a
            # time.
            after = (*change.after, client.principal_key)
            changes.append(replace(change, after=after))
        else:
            changes.append(change)
    is_made_now = any(
        isinstance(change, AddCredential) and isinstance(change.spec, NewCredential)
        for change in changes
    )
    is_stored = client.note.delivered is not None or is_made_now
    vault_tags = client.missing_vault_tags() if is_stored else ()
    return _CredentialSteps(tuple(changes), vault_tags)


def _new_client(
    spec: ClientSpec,
    service: PlannedService,
    credential: _CredentialSteps,
    observed: ObservedState,
) -> Application:
    """The client as its creation request says it."""
    base = observed.trust.unique_name
    unique_name = client_unique_name(base, spec.name)
    api_client_id = service.registration.client_id
    access: RequiredAccess | None = None
    # Where the API exists already: one request less for each client.
    if isinstance(api_client_id, str):
        access = RequiredAccess(api_client_id, ((service.role.id, "Role"),))
    return Application(
        display_name=spec.name,
        unique_name=unique_name,
        tags=(
            Tag.TRUST.of(base),
            Tag.NAME.of(unique_name),
            *site_tags(observed),
            *credential.vault_tags,
        ),
        management_reference=spec.management_reference,
        required_access=(access,) if access is not None else (),
    )


def _plan_access(
    spec: ClientSpec,
    client: ClientState,
    service: PlannedService,
    new: Application,
    credential: _CredentialSteps,
) -> Iterator[AnyChange]:
    """Plan one PATCH: the permission that it lacks, with missing tags and the reference.

    `new`: the client as its creation request says it. A new one gets the step, too, which writes
    nothing where the creation has said it all.
    """
    application = client.application
    api_client_id = service.registration.client_id
    is_api_new = not isinstance(api_client_id, str)
    requests_role = isinstance(api_client_id, str) and application.declares(
        api_client_id, service.role.id
    )
    edits = ApplicationEdits(
        access_to=api_client_id,
        access_role=service.role.id,
        no_tags=client.arrived_attempt_tags(),
    )
    # The creation request of a new client has its tags and reference.
    if not client.is_new:
        reference = None if application.management_reference else spec.management_reference
        edits = replace(edits, tags=credential.vault_tags, management_reference=reference)
    if requests_role and not (edits.tags or edits.no_tags or edits.management_reference):
        return

    detail = f"app role {service.role.value}"
    if edits.management_reference:
        detail += f", service management reference {edits.management_reference}"
    after = [client.key]
    # A tag says where the credential is: it is written once that is there. Where the API is new,
    # the PATCH waits for its appId anyway, so that it can wait for the credential, too: Graph
    # refuses two writes to one registration at a time. Else it waits for neither. For a new
    # client, the creation has said it all, and nothing is written. For one that exists, the PATCH
    # may meet the credential's request: the one that is refused is repeated.
    if edits.tags or is_api_new:
        after += [change.key for change in credential.changes]
    edits = replace(edits, tags=_add_tags_of_creation(edits.tags, application, new))
    key = f"{client.key}:access"
    yield client.plan_update(key, "API permission", spec.name, detail, edits, tuple(after))


def _add_tags_of_creation(
    tags: tuple[str, ...], application: Application, new: Application
) -> tuple[str, ...]:
    """Add the tags of the creation request that a client of ours lacks.

    Without any permission, it was left by a run that ended right after it created it.
    """
    was_cut_off = application.unique_name == new.unique_name and not application.required_access
    if not was_cut_off:
        return tags
    missing_tags = (tag for tag in new.tags if tag not in application.tags)
    return tuple(dict.fromkeys((*tags, *missing_tags)))


def _plan_consent(
    spec: ClientSpec, client: ClientState, service: PlannedService, observed: ObservedState
) -> AssignAppRole:
    return AssignAppRole(
        key=f"{client.key}:consent",
        name=spec.name,
        detail=f"app role {service.role.value}",
        principal=client.principal_id,
        service=service.registration.principal_id,
        role=service.role.id,
        client_id=client.client_id,
        asks_for_more=asks_for_more(client.application, observed, service.spec),
        service_app=service.registration.client_id,
        role_value=service.role.value,
        after=(SERVICE_UPDATE_KEY,),
    )


def _refuse_doubted(
    spec: ClientSpec,
    existing: ClientApplication,
    client: ClientState,
    service: PlannedService,
    observed: ObservedState,
    *,
    has_role: bool,
) -> None:
    """Refuse to write to a client that is not believed. Raises NotOurs, Refused."""
    decision = client_trust(existing, observed, service.spec, (spec.name,), spec.credential)
    if not isinstance(decision, Doubted):
        return
    # It holds the role that is to be set up, which only the settings name: the operator has to
    # confirm the role, not the client.
    if has_role and not has_confirmed_role(existing, observed, service.spec):
        raise role_not_named(service.role.value)
    graph = observed.graph if client.is_deleted else ""
    raise not_ours(existing.application, decision, CLIENT, graph)


def _client_notes(
    spec: ClientSpec,
    existing: ClientApplication,
    client: ClientState,
    service: PlannedService,
    credential: _CredentialSteps,
    observed: ObservedState,
) -> Iterator[str | Instruction]:
    is_service_believed = not isinstance(service.decision, Doubted)
    is_named_by_id = existing.is_registered_here and is_guid(spec.name)
    is_new_client = not is_client_already(existing, observed, service.spec)
    if is_service_believed and is_named_by_id and is_new_client:
        yield adoption(existing.application, observed, CLIENT)
    # A comma may be a part of a name. Other programs take several values by one.
    if client.is_new and "," in spec.name:
        yield f"'{spec.name}' is the name of one client. To set up several, name each by itself."
    # A new credential is stored with the right values, and replaces what was lost.
    if credential.is_added:
        file = observed.file
        # A federated credential and a given certificate last as long as they do.
        has_lifetime = isinstance(spec.credential, NewCredential)
        lifetime = file.lifetimes.get(spec.name) if file is not None and has_lifetime else None
        short = ShortLifetime.of(lifetime, observed.now, EXPIRING_WITHIN)
        if short is not None:
            yield (
                f"The credential of '{spec.name}' is to last {short.text} by the file's "
                "secret-lifetime: status would report it at once, and a rotation of all that "
                f"expire within {typed(EXPIRING_WITHIN)} refuses it. {short.advice}"
            )
        if isinstance(spec.credential, Federation):
            yield from describe_missing_ids(spec.credential)
        if isinstance(spec.credential, NewCredential):
            yield from describe_outdated_vault(client, observed)
            if spec.credential.is_kept:
                yield from describe_another(client, observed)
        return
    yield from _describe_stale_values(client, observed)
    if isinstance(spec.credential, NewCredential):
        yield from describe_lost(client, observed)


def _describe_unnamed(
    spec: ClientSpec,
    existing: ClientApplication,
    client: ClientState,
    credential: _CredentialSteps,
    observed: ObservedState,
) -> Iterator[Instruction]:
    """Say which credentials stay valid although the trust file asks for another one."""
    # What comes back from the recycle bin is not known yet.
    if client.is_deleted:
        return
    removed = [removal.key_id for removal in client.orphan_removals()]
    for unnamed in unnamed_credentials(existing, observed, removed, is_added=credential.is_added):
        yield describe_unnamed(spec.name, existing, unnamed)


def _describe_stale_values(client: ClientState, observed: ObservedState) -> Iterator[str]:
    """Say what is stored with the credential for this site and no longer right."""
    note = client.note
    if observed.app_service is None or note.url is None or not note.is_of_client(client.client_id):
        return
    # One file may serve two sites: the other one's values are right there.
    if not is_api_of(observed, note.url):
        return
    yield from _describe_stale_scope(client, note)
    typed = observed.typed_url
    if typed is not None and not same_origin(note.url, typed):
        name = "The tag 'url'" if note.vault else "MCT_S2S_URL"
        yield (
            f"{name} in {note.place} is '{note.url}'. Set it to {typed}, where the API is reached."
        )


def _describe_stale_scope(client: ClientState, note: SecretNote) -> Iterator[str]:
    """Say that the stored scope is that of an earlier service application."""
    uri = client.audience
    if note.scope in {None, f"{uri}/.default"}:
        return
    name = "The tag 'scope'" if note.vault else "MCT_S2S_SCOPE"
    correct = f"Set it to {uri}/.default."
    if not isinstance(uri, str):  # the service application is created by this run
        correct = "Correct it: mct-s2s verify says its value."
    yield (
        f"{name} in {note.place} is '{note.scope}', which is no longer the service application. "
        f"{correct}"
    )


# Managed identities


def plan_identity(
    source: IdentityResource, service: PlannedService | None, observed: ObservedState
) -> tuple[Deferred[PrincipalId], list[AnyChange]]:
    """Plan what the managed identity of a resource lacks; return its object ID. Raises Refused."""
    _refuse_unusable(source)
    key = f"identity:{str(source.resource).lower()}"
    name = source.display_name
    principal: Deferred[PrincipalId]
    change: AnyChange
    if source.principal_id is not None:
        principal = source.principal_id
        change = NoChange(key=key, resource=EnableIdentity.resource, name=name, id=principal)
    else:
        principal = OutputRef(key, Output.PRINCIPAL_ID)
        change = EnableIdentity(
            key=key,
            name=name,
            detail="system-assigned, turned on",
            identity_resource=source,
            after=(SERVICE_KEY,),
        )
    if service is None or not _needs_role(source, service, observed):
        return principal, [change]
    because = ", as the service application requires assignment" if observed.api.lists else ""
    consent = AssignAppRole(
        key=f"{key}:consent",
        name=name,
        detail=f"app role {service.role.value}{because}",
        principal=principal,
        service=service.registration.principal_id,
        role=service.role.id,
        identity_resource=source.resource,
        after=(SERVICE_UPDATE_KEY,),
    )
    return principal, [change, consent]


def _refuse_unusable(source: IdentityResource) -> None:
    """Refuse an identity that cannot call the API. Raises Refused."""
    reason = UNUSABLE_IDENTITIES.get(source.resource.type)
    # A container group that has one keeps it, and can call.
    is_usable = source.principal_id is not None and reason is not _IDENTITY_OF_CLUSTER
    if reason is None or is_usable:
        return
    why, remedy = reason
    raise Refused(
        "identity-unusable",
        f"The managed identity of '{source.display_name}' can't be used. {why}",
        remedy=remedy,
    )


def _needs_role(source: IdentityResource, service: PlannedService, observed: ObservedState) -> bool:
    """Whether it lacks the app role and needs it."""
    principal = observed.trust.principal
    # Entra ID gives no token to a caller without an assignment then (AADSTS501051).
    is_assignment_required = principal is not None and principal.assignment_required
    # Where the API has an allow list, an object ID on it is enough.
    is_needed = is_assignment_required or not observed.api.lists
    return is_needed and not observed.trust.has_role(source.principal_id or "", service.role)


def describe_instance_updates(steps: Iterable[AnyChange]) -> Iterator[Instruction]:
    """Say how the machines of a scale set get its new identity.

    Source: docs/azure-contract.md, section 9.
    """
    for step in steps:
        if not isinstance(step, EnableIdentity):
            continue
        scale_set = step.identity_resource.resource
        if scale_set.type != SCALE_SETS:
            continue
        what = (
            f"If the upgrade policy of '{scale_set.name}' is manual, its machines get the identity "
            "only by:"
        )
        where = ["-n", scale_set.name, "-g", scale_set.resource_group]
        where += ["--subscription", scale_set.subscription_id]
        yield Instruction(what, az_command("vmss update-instances", "--instance-ids", "*", *where))
