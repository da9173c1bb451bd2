"""The clients: what must change so that each can get a token and call the API. Implements the document's step 2."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mct_s2s.errors import NotThere, Refused
from mct_s2s.model.azure_resources import IdentityResource
from mct_s2s.model.client_credentials import SecretNote
from mct_s2s.model.desired import ClientSpec
from mct_s2s.model.directory_objects import NewApplication, RequiredAccess
from mct_s2s.model.ids import (
    ApplicationObjectId,
    ClientId,
    PrincipalId,
    client_unique_name,
    is_guid,
    name_tag,
    trust_tag,
)
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.planning.changes import (
    AddCredential,
    AlreadyRight,
    AnyChange,
    ApplicationEdits,
    AssignAppRole,
    CreateApplication,
    CreateServicePrincipal,
    EnableIdentity,
    Later,
    Part,
    Ref,
    UpdateApplication,
)
from mct_s2s.planning.credentials import ClientState, plan_credential, vault_tags
from mct_s2s.planning.edits import missing_reference
from mct_s2s.planning.plan import Facts, Left, ManualStep
from mct_s2s.planning.registrations.membership import clients_called, is_allowed
from mct_s2s.planning.registrations.ownership import CLIENT_OPTION, adoption, foreign_client, is_consented_to, not_ours
from mct_s2s.planning.registrations.service import CREATE, EXPOSE, Service, refuse_deleted, restoration, role_not_named

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


@dataclass(frozen=True)
class Client:
    """A client application as it will be."""

    client_id: Later[ClientId]
    changes: tuple[AnyChange, ...]
    left_to_others: tuple[ManualStep, ...] = ()
    notes: tuple[str, ...] = ()


def plan_client(spec: ClientSpec, service: Service, observed: ObservedState, facts: Facts) -> Client:
    """What one client application lacks. Raises NotThere, Refused."""
    key = f"client:{spec.name}"
    found = find_client(spec.name, service.unique_name, observed)
    application = found.application if found else None
    client_id: Later[ClientId] = application.client_id if application else Ref(key, Part.CLIENT_ID)
    object_id: Later[ApplicationObjectId] = application.object_id if application else Ref(key, Part.OBJECT_ID)
    deleted = application is not None and application.deleted is not None
    principal: Later[PrincipalId] = Ref(key if deleted else f"{key}:principal", Part.PRINCIPAL_ID)
    if found is not None and found.principal is not None:
        principal = found.principal.id
    note = observed.secrets.get(spec.name, SecretNote())
    note = replace(note, delivered_at=None) if deleted else note  # no replica is behind: only what was seen comes back
    state = ClientState(spec.name, application, object_id, client_id, service.uri, note, observed.cloud, facts)
    credential = plan_credential(spec.credential, state)
    is_stored = note.delivered is not None or any(
        isinstance(one, AddCredential) and one.spec.is_stored for one in credential
    )
    tags = vault_tags(application, note) if is_stored else ()
    changes: list[AnyChange] = []
    notes: tuple[str, ...] = ()
    if application is None:
        unique_name, api = client_unique_name(service.unique_name, spec.name), service.client_id
        new = NewApplication(
            unique_name,
            spec.name,
            (trust_tag(service.unique_name), name_tag(unique_name), *tags),
            management_reference=spec.management_reference,
            access=None if isinstance(api, Ref) else RequiredAccess.to_role(api, service.role_id),
        )
        changes.append(CreateApplication(key=key, resource=ABOUT, name=spec.name, new=new, option=CLIENT_OPTION))
        tags = ()
    if application is not None and deleted:
        changes.append(restoration(key, ABOUT, application, CLIENT_OPTION))
    elif found is None or found.principal is None:
        changes.append(CreateServicePrincipal(key=f"{key}:principal", name=spec.name, client_id=client_id))
    changes.extend(credential)
    if not any(isinstance(one, AddCredential) for one in credential):
        notes += _stale_scope(state, observed)
    reference = missing_reference(application, spec.management_reference) if application is not None else None
    if (
        application is None
        or tags
        or reference
        or isinstance(service.client_id, Ref)
        or not application.declares(service.client_id, service.role_id)
    ):
        changes.append(
            UpdateApplication(
                key=f"{key}:access",
                resource="API permission",
                name=spec.name,
                detail=f"app role {service.role_value}"
                + (f", service management reference {reference}" if reference else ""),
                object_id=object_id,
                client_id=client_id,
                edits=ApplicationEdits(
                    access_to=service.client_id,
                    access_role=service.role_id,
                    tags=tags,
                    management_reference=reference,
                ),
                is_new=application is None,
                # Where the creation says it all, nothing is left to be written, and nothing to be waited for.
                after=(key, *(change.key for change in credential if tags or isinstance(service.client_id, Ref))),
            )
        )
    consented = not isinstance(principal, Ref) and observed.trust.is_assigned(principal, service.role_id)
    if not consented and spec.consent:
        changes.append(
            AssignAppRole(
                key=f"{key}:consent",
                name=spec.name,
                detail=f"app role {service.role_value}",
                principal=principal,
                service=service.principal,
                role=service.role_id,
                client_id=client_id,
                after=(EXPOSE,),
            )
        )
    if found is not None and application is not None and not deleted and not service.foreign:
        listed = observed.app_service is not None and is_allowed(found, observed.app_service)
        if changes or not listed:
            _refuse_foreign(spec, found, service, observed)
        if is_guid(spec.name) and not is_consented_to(found, observed, service.spec):
            notes = (adoption(application, observed, ABOUT), *notes)
    if not changes and application is not None:
        changes.append(AlreadyRight.of(application, key, ABOUT))
    left = () if consented or spec.consent else (_consent_by_others(spec, client_id),)
    return Client(client_id, tuple(changes), left, notes)


def _refuse_foreign(spec: ClientSpec, found: ClientApplication, service: Service, observed: ObservedState) -> None:
    note = observed.secrets.get(spec.name)
    why = foreign_client(found, observed, service.spec, (spec.name,), note, spec.credential)
    if not why:
        return
    if found.principal is not None and observed.trust.is_assigned(found.principal.id, service.role_id):
        raise role_not_named(service.role_value)
    assert found.application is not None  # asked only of one that is there
    raise not_ours(found.application, why, CLIENT_OPTION)


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
    identity_resource: IdentityResource, service: Service | None, observed: ObservedState
) -> tuple[Later[PrincipalId], list[AnyChange]]:
    """The object id of an Azure resource's managed identity, and what it lacks to call the API.

    It needs no consent, unless the service principal admits assigned callers only (AADSTS501051). Raises Refused.
    """
    why = UNUSABLE_IDENTITIES.get(identity_resource.resource.type)
    if why is not None and (why is _OF_CLUSTER or identity_resource.principal_id is None):
        message = f"The managed identity of '{identity_resource.display_name}' can't be used. {why[0]}"
        raise Refused("identity-unusable", message, remedy=why[1])
    key = f"identity:{str(identity_resource.resource).lower()}"
    principal: Later[PrincipalId] = identity_resource.principal_id or Ref(key, Part.PRINCIPAL_ID)
    changes: list[AnyChange] = []
    if identity_resource.principal_id is None:
        changes.append(
            EnableIdentity(
                key=key,
                name=identity_resource.display_name,
                detail="system-assigned",
                identity_resource=identity_resource,
                # It is remembered first: by the registration's creation, or by an update of one that exists.
                after=(CREATE,)
                if observed.trust.service is None and service is not None and isinstance(service.client_id, Ref)
                else (CREATE, EXPOSE),
            )
        )
    else:
        changes.append(
            AlreadyRight(
                key=key,
                resource="managed identity",
                name=identity_resource.display_name,
                id=identity_resource.principal_id,
            )
        )
    required = observed.trust.principal is not None and observed.trust.principal.assignment_required
    assigned = (
        service is not None
        and identity_resource.principal_id is not None
        and observed.trust.is_assigned(identity_resource.principal_id, service.role_id)
    )
    if service is not None and required and not assigned:
        changes.append(
            AssignAppRole(
                key=f"{key}:consent",
                name=identity_resource.display_name,
                detail=f"app role {service.role_value}, as the service application requires assignment",
                principal=principal,
                service=service.principal,
                role=service.role_id,
                identity_resource=identity_resource.resource,
                after=(EXPOSE,),
            )
        )
    return principal, changes


def find_client(name: str, service_unique_name: str, observed: ObservedState) -> ClientApplication | None:
    """The client application that a name means; `None` where it has yet to be made. Raises NotThere."""
    found = [client for client in clients_called(name, observed, service_unique_name) if client.application]
    if len(found) > 1:
        ids = ", ".join(client.client_id for client in found)
        raise NotThere(
            "client-ambiguous",
            f"Two clients of this App Service are named '{name}': {ids}.",
            remedy="Use the appId instead of the name.",
        )
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


def _consent_by_others(spec: ClientSpec, client_id: Later[ClientId]) -> ManualStep:
    return ManualStep(
        Left.CONSENT,
        f"A Cloud Application Administrator must grant admin consent to '{spec.name}'.",
        client=spec.name,
        client_id=client_id,
    )
