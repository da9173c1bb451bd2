"""The clients: what must change so that each can get a token and call the API. Implements the document's step 2."""

from __future__ import annotations

from dataclasses import replace

from mct_s2s.errors import NotThere, Refused
from mct_s2s.model.azure_resources import IdentityResource
from mct_s2s.model.client_credentials import SecretNote
from mct_s2s.model.desired import ClientSpec
from mct_s2s.model.directory_objects import NewApplication, RequiredAccess
from mct_s2s.model.ids import (
    ClientId,
    PrincipalId,
    client_unique_name,
    is_guid,
    name_tag,
    trust_tag,
)
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.resource_id import ResourceId
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
    UpdateApplication,
)
from mct_s2s.planning.credentials import ClientState, plan_credential, vault_tags
from mct_s2s.planning.edits import missing_reference
from mct_s2s.planning.plan import Left, ManualStep, Plan, RunContext
from mct_s2s.planning.registrations.membership import clients_called, is_allowed, refuse_several
from mct_s2s.planning.registrations.ownership import CLIENT_OPTION, adoption, foreign_client, is_consented_to, not_ours
from mct_s2s.planning.registrations.service import CREATE, EXPOSE, Registration, Service, refuse_deleted, role_not_named

ABOUT = "client application"
_OF_CLUSTER = (
    "Pods do not sign in with the cluster's own identity.",
    "Name the user-assigned identity that the pods use (workload identity): --managed-identity ID",
)
UNUSABLE_IDENTITIES = {
    "microsoft.containerservice/managedclusters": _OF_CLUSTER,
    "microsoft.kubernetes/connectedclusters": _OF_CLUSTER,
    "microsoft.containerinstance/containergroups": (
        "A container group gets a system-assigned identity only when it is created.",
        "Create it again with one (az container create --assign-identity), then run the same command again.",
    ),
}
"""By type of resource, why its system-assigned identity is no client, and what to do: docs/azure-contract.md, 4.4."""


def plan_client(
    spec: ClientSpec, service: Service, observed: ObservedState, context: RunContext
) -> tuple[Deferred[ClientId], Plan]:
    """The appId of a client application, and what it lacks. Raises NotThere, Refused."""
    key = f"client:{spec.name}"
    found = find_client(spec.name, service.unique_name, observed)
    application = found.application if found else None
    registration = Registration(key, ABOUT, application, found.principal if found else None, f"{key}:principal")
    client_id, object_id, principal = registration.client_id, registration.object_id, registration.principal
    note = observed.secrets.get(spec.name, SecretNote())
    if registration.is_deleted:  # no replica is behind: only what was seen comes back
        note = replace(note, delivered_at=None)
    state = ClientState(spec.name, application, object_id, client_id, service.uri, note, observed.cloud, context)
    credential = plan_credential(spec.credential, state)
    is_stored = note.delivered is not None or any(
        isinstance(one, AddCredential) and one.spec.is_stored for one in credential
    )
    tags = vault_tags(application, note) if is_stored else ()
    unique_name, api = client_unique_name(service.unique_name, spec.name), service.client_id
    new = NewApplication(
        unique_name,
        spec.name,
        (trust_tag(service.unique_name), name_tag(unique_name), *tags),
        management_reference=spec.management_reference,
        access=None if isinstance(api, OutputRef) else RequiredAccess(api, ((service.role_id, "Role"),)),
    )
    changes = [*registration.made(new, CLIENT_OPTION), *registration.principal_made(spec.name), *credential]
    notes = () if any(isinstance(one, AddCredential) for one in credential) else _stale_scope(state, observed)
    tags = tags if application is not None else ()
    reference = missing_reference(application, spec.management_reference) if application is not None else None
    is_declared = application is not None and isinstance(api, str) and application.declares(api, service.role_id)
    if tags or reference or not is_declared:
        referred = f", service management reference {reference}" if reference else ""
        changes.append(
            UpdateApplication(
                key=f"{key}:access",
                resource="API permission",
                name=spec.name,
                detail=f"app role {service.role_value}{referred}",
                object_id=object_id,
                client_id=client_id,
                edits=ApplicationEdits(
                    access_to=api, access_role=service.role_id, tags=tags, management_reference=reference
                ),
                is_new=application is None,
                # Where the creation says it all, nothing is left to be written, and nothing to be waited for.
                after=(key, *(change.key for change in credential if tags or isinstance(api, OutputRef))),
            )
        )
    consented = found is not None and observed.trust.holds(found.principal, service.role_id)
    if not consented and spec.consent:
        changes.append(_consent(key, spec.name, f"app role {service.role_value}", principal, service, client_id))
    if found is not None and application is not None and not registration.is_deleted and not service.foreign:
        listed = observed.app_service is not None and is_allowed(found, observed.app_service)
        judged = (found, observed, service.spec, (spec.name,), observed.secrets.get(spec.name), spec.credential)
        if (changes or not listed) and (why := foreign_client(*judged)):
            if consented:
                raise role_not_named(service.role_value)
            raise not_ours(application, why, CLIENT_OPTION)
        if is_guid(spec.name) and not is_consented_to(found, observed, service.spec):
            notes = (adoption(application, observed, ABOUT), *notes)
    if not changes and application is not None:
        changes.append(NoChange.of(application, key, ABOUT))
    by_others = ManualStep(
        Left.CONSENT,
        f"A Cloud Application Administrator must grant admin consent to '{spec.name}'.",
        client=spec.name,
        client_id=client_id,
    )
    return client_id, Plan(tuple(changes), () if consented or spec.consent else (by_others,), notes)


def _consent(
    key: str,
    name: str,
    detail: str,
    principal: Deferred[PrincipalId],
    service: Service,
    client_id: Deferred[ClientId] | None = None,
    identity: ResourceId | None = None,
) -> AssignAppRole:
    return AssignAppRole(
        key=f"{key}:consent",
        name=name,
        detail=detail,
        principal=principal,
        service=service.principal,
        role=service.role_id,
        client_id=client_id,
        identity_resource=identity,
        after=(EXPOSE,),
    )


def _stale_scope(client: ClientState, observed: ObservedState) -> tuple[str, ...]:
    """What has to be corrected beside a stored credential that is for this site and an earlier service application.

    One file may serve a client of two sites: what it says of the other one is right.
    """
    note, site, uri = client.note, observed.app_service, client.audience
    if not note.is_of(client.client_id) or note.scope in {None, f"{uri}/.default"}:
        return ()
    if site is None or note.url is None or not site.site.is_at(note.url):
        return ()
    name = "The tag 'scope'" if note.vault else "MCT_S2S_SCOPE"
    what = f"{name} in {note.place} is '{note.scope}', which is no longer the service application."
    known = isinstance(uri, str)
    return (f"{what} Set it to {uri}/.default." if known else f"{what} Correct it: mct-s2s verify says its value.",)


def plan_identity(
    identity: IdentityResource, service: Service | None, observed: ObservedState
) -> tuple[Deferred[PrincipalId], list[AnyChange]]:
    """The object id of an Azure resource's managed identity, and what it lacks to call the API.

    It needs no consent, unless the service principal admits assigned callers only (AADSTS501051). Raises Refused.
    """
    why = UNUSABLE_IDENTITIES.get(identity.resource.type)
    known, name = identity.principal_id, identity.display_name
    if why is not None and (why is _OF_CLUSTER or known is None):
        message = f"The managed identity of '{name}' can't be used. {why[0]}"
        raise Refused("identity-unusable", message, remedy=why[1])
    key = f"identity:{str(identity.resource).lower()}"
    principal: Deferred[PrincipalId] = known or OutputRef(key, Output.PRINCIPAL_ID)
    # It is remembered first: by the registration's creation, or by an update of one that exists.
    is_created = observed.trust.service is None and service is not None
    first = (CREATE,) if is_created else (CREATE, EXPOSE)
    changes: list[AnyChange] = [
        NoChange(key=key, resource=EnableIdentity.resource, name=name, id=known)
        if known is not None
        else EnableIdentity(key=key, name=name, detail="system-assigned", identity_resource=identity, after=first)
    ]
    required = observed.trust.principal is not None and observed.trust.principal.assignment_required
    if service is not None and required and not (known and observed.trust.is_assigned(known, service.role_id)):
        detail = f"app role {service.role_value}, as the service application requires assignment"
        changes.append(_consent(key, name, detail, principal, service, identity=identity.resource))
    return principal, changes


def find_client(name: str, service_unique_name: str, observed: ObservedState) -> ClientApplication | None:
    """The client application that a name means; `None` where it has yet to be made. Raises NotThere."""
    found = [client for client in clients_called(name, observed, service_unique_name) if client.application]
    refuse_several(name, found)
    if found:
        return found[0]
    if is_guid(name):
        refuse_deleted(name, observed)
        raise NotThere(
            "client-unknown",
            f"No app registration in this tenant has the appId '{name}'.",
            remedy="Copy the Application (client) ID from its overview page in the portal, or use a display "
            "name to create one.",
        )
    return None
