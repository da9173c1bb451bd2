"""The state after a plan: what was observed, with everything that has been done since.

Directory replicas lag, so a fresh reading would show a trust that looks half-made for a while. The answers of the
writes are the better source, and they are already here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from mct_s2s.model.client_credentials import Certificate, Credential, Federation
from mct_s2s.model.directory_objects import Application, Assignment, ServicePrincipal
from mct_s2s.model.ids import ApplicationObjectId, ClientId, KeyId, PrincipalId, same_id
from mct_s2s.model.observed import ClientApplication, ObservedState, Trust
from mct_s2s.planning.changes import (
    AddCredential,
    AnyChange,
    AssignAppRole,
    CreateApplication,
    CreateServicePrincipal,
    DeleteApplication,
    EnableIdentity,
    Output,
    OutputRef,
    Outputs,
    RemoveCredential,
    RevokeAppRole,
    UpdateApplication,
)
from mct_s2s.planning.edits import edited
from mct_s2s.planning.registrations import CREATE


def project(
    before: ObservedState, done: Iterable[AnyChange], outputs: Outputs, settings: Mapping[str, str | None] | None
) -> ObservedState:
    """The state as it is after changes that yielded these ids, and after these settings, if any were written."""
    after = before if settings is None or before.app_service is None else before.with_settings(settings)
    for change in done:
        after = _with(after, change, outputs)
    return after


def _with(state: ObservedState, change: AnyChange, outputs: Outputs) -> ObservedState:  # a flat table
    trust = state.trust
    match change:
        case CreateApplication():
            trust = _created(trust, change, outputs)
        case UpdateApplication():
            trust = _edited(
                trust,
                outputs.resolve(change.object_id),
                lambda app: [app, *edited(app, change.edits, outputs)][-1],
            )
        case CreateServicePrincipal():
            client_id = outputs.resolve(change.client_id)
            principal_id: OutputRef[PrincipalId] = OutputRef(change.key, Output.PRINCIPAL_ID)
            trust = _present(trust, ServicePrincipal(outputs.resolve(principal_id), client_id, change.name))
        case AddCredential():
            trust = _signing_in(trust, change, outputs)
        case RemoveCredential():
            trust = _edited(
                trust,
                change.object_id,
                lambda app: replace(
                    app, credentials=tuple(c for c in app.credentials if not same_id(c.key_id, change.key_id))
                ),
            )
        case AssignAppRole():
            assignment = Assignment(
                outputs.known(OutputRef(change.key, Output.ASSIGNMENT_ID)) or "",
                outputs.resolve(change.principal),
                outputs.resolve(change.service),
                change.role,
            )
            trust = replace(trust, assignments=(*trust.assignments, assignment))
        case RevokeAppRole():
            kept = tuple(a for a in trust.assignments if a.id != change.assignment)
            trust = replace(trust, assignments=kept)
        case DeleteApplication():
            trust = _deleted(trust, change)
        case EnableIdentity():
            made: PrincipalId = outputs.resolve(OutputRef(change.key, Output.PRINCIPAL_ID))
            identity_resources = tuple(
                replace(identity_resource, principal_id=made)
                if identity_resource == change.identity_resource
                else identity_resource
                for identity_resource in state.identity_resources
            )
            return replace(state, identity_resources=identity_resources)
        case _:
            return state
    return replace(state, trust=trust)


def _signing_in(trust: Trust, change: AddCredential, outputs: Outputs) -> Trust:
    """With a credential that was added, or brought up to date."""
    key_id: KeyId | None = outputs.known(OutputRef(change.key, Output.KEY_ID))
    if key_id is None:
        return trust
    added = Credential(
        change.kind,
        key_id,
        change.credential_name,
        change.ends(outputs),
        thumbprint=change.spec.thumbprint if isinstance(change.spec, Certificate) else None,
        federation=change.spec if isinstance(change.spec, Federation) else None,
    )

    def with_it(app: Application) -> Application:
        others = tuple(one for one in app.credentials if not same_id(one.key_id, key_id))
        return replace(app, credentials=(*others, added))

    return _edited(trust, outputs.resolve(change.object_id), with_it)


def _created(trust: Trust, change: CreateApplication, outputs: Outputs) -> Trust:
    client_id: OutputRef[ClientId] = OutputRef(change.key, Output.CLIENT_ID)
    object_id: OutputRef[ApplicationObjectId] = OutputRef(change.key, Output.OBJECT_ID)
    application = replace(
        change.new, object_id=outputs.resolve(object_id), client_id=outputs.resolve(client_id), required_access=()
    )
    if change.key == CREATE:
        return replace(trust, service=application)
    return replace(trust, clients=(*trust.clients, ClientApplication(application, None)))


def _deleted(trust: Trust, change: DeleteApplication) -> Trust:
    """Without the registration, and so without its service principal and everything that it held."""
    gone = [c.principal.id for c in trust.clients if c.client_id == change.client_id and c.principal is not None]
    assignments = tuple(a for a in trust.assignments if not any(same_id(a.principal_id, g) for g in gone))
    clients = tuple(client for client in trust.clients if client.client_id != change.client_id)
    if trust.service is not None and trust.service.client_id == change.client_id:
        return replace(trust, service=None, principal=None, assignments=(), clients=clients)
    return replace(trust, clients=clients, assignments=assignments)


def _edited(trust: Trust, object_id: ApplicationObjectId, edit: Callable[[Application], Application]) -> Trust:
    if trust.service is not None and trust.service.object_id == object_id:
        trust = replace(trust, service=edit(trust.service))
    clients = tuple(
        replace(client, application=edit(client.application))
        if client.application is not None and client.application.object_id == object_id
        else client
        for client in trust.clients
    )
    return replace(trust, clients=clients)


def _present(trust: Trust, principal: ServicePrincipal) -> Trust:
    if trust.service is not None and same_id(trust.service.client_id, principal.client_id):
        return replace(trust, principal=principal)
    clients = tuple(
        replace(client, principal=principal) if same_id(client.client_id, principal.client_id) else client
        for client in trust.clients
    )
    return replace(trust, clients=clients)
