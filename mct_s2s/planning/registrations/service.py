"""The service application: what must change so that the MCT API has a registration, a URI and an app role.

Implements the document's step 1. A deleted registration keeps its `uniqueName` and its URIs for 30 days, so a new one
could not be made in its place: it is restored. Source: learn.microsoft.com/graph/api/directory-deleteditems-list.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mct_s2s.errors import NotThere, Refused
from mct_s2s.model.client_credentials import SecretNote
from mct_s2s.model.commands import option
from mct_s2s.model.desired import ServiceSpec, Setup
from mct_s2s.model.directory_objects import Application, AppRole, NewApplication
from mct_s2s.model.ids import (
    DEFAULT_ROLE,
    LONGEST_TAG,
    ApplicationIdUri,
    AppRoleId,
    ClientId,
    PrincipalId,
    adopted_tag,
    api_uri,
    client_unique_name,
    identity_tag,
    name_tag,
    resource_in_tag,
    site_in_note,
    site_in_unique_name,
    site_note,
)
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.site_settings import AUDIENCE
from mct_s2s.planning.changes import (
    AlreadyRight,
    AnyChange,
    ApplicationEdits,
    AssignAppRole,
    CreateApplication,
    CreateServicePrincipal,
    Later,
    Part,
    Ref,
    RestoreApplication,
    UpdateApplication,
)
from mct_s2s.planning.edits import missing_reference
from mct_s2s.planning.plan import Left, ManualStep, Plan
from mct_s2s.planning.registrations.exposed import (
    is_called,
    new_role,
    restoring,
    role_to_use,
    uri_in_use,
)
from mct_s2s.planning.registrations.membership import clients_called
from mct_s2s.planning.registrations.ownership import (
    SERVICE_OPTION,
    adoption,
    another_site,
    foreign_service,
    is_in_settings,
    is_named,
    is_own,
    service_not_ours,
)


def with_deleted(desired: Setup, observed: ObservedState) -> ObservedState:
    """The state as if the deleted registrations under the very names that this run would create were there.

    Of their credentials only what the client's store holds stays: no one knows who holds the others. Raises NotThere.
    """
    trust, service = observed.trust, desired.service
    if service is None:
        return observed
    if trust.service is None:
        for named in (service.adopt, AUDIENCE.value_in(observed.settings)):
            refuse_deleted(named, observed, but=service.unique_name)
        deleted = deleted_as(service.unique_name, trust.deleted)
        trust = replace(trust, service=replace(deleted, credentials=()) if deleted is not None else None)
    base = (trust.service.unique_name if trust.service else None) or service.unique_name
    for spec in desired.clients:
        deleted = deleted_as(client_unique_name(base, spec.name), trust.deleted)
        if deleted is not None and not any(one.application for one in clients_called(spec.name, observed, base)):
            stored = observed.secrets.get(spec.name, SecretNote()).delivered
            kept = tuple(one for one in deleted.credentials if one.key_id == stored)
            client = ClientApplication(replace(deleted, credentials=kept), None)
            trust = replace(trust, clients=(*trust.clients, client))
    return replace(observed, trust=trust)


def restoration(key: str, resource: str, deleted: Application, adopt_by: str | None) -> RestoreApplication:
    """The step that restores one; `adopt_by` where nothing but its name speaks for it."""
    return RestoreApplication(
        key=key,
        resource=resource,
        name=deleted.display_name,
        detail="restored from deleted applications, with its consents",
        application=deleted,
        option=adopt_by,
    )


def deleted_as(unique_name: str, deleted: Iterable[Application]) -> Application | None:
    return next((row for row in deleted if row.unique_name == unique_name), None)


def refuse_deleted(named: str | None, observed: ObservedState, but: str = "") -> None:
    """Stop where what was named is in the recycle bin: its owner may have deleted it for a reason. Raises NotThere."""
    for row in observed.trust.deleted:
        if named and is_called(row, named.strip()) and row.unique_name != but:
            raise NotThere(
                "registration-deleted",
                f"'{row.display_name}' (appId {row.client_id}) is deleted and still in the recycle bin.",
                remedy="Restore it, then run the same command again:",
                command=restoring(row, observed.graph),
            )


ABOUT = "service application"
CREATE = "service-application"
EXPOSE = "service-application:expose"
PRINCIPAL = "service-principal"
OPTION = SERVICE_OPTION


@dataclass(frozen=True)
class Service:
    """The service application as it will be, for the clients and the settings to refer to."""

    spec: ServiceSpec
    client_id: Later[ClientId]
    principal: Later[PrincipalId]
    role_id: AppRoleId
    role_value: str
    uri: Later[ApplicationIdUri]
    unique_name: str
    foreign: str
    """Why nothing may be written to it; empty where it is ours."""
    changes: tuple[AnyChange, ...]
    notes: tuple[str, ...] = ()


def plan_service(spec: ServiceSpec, observed: ObservedState) -> Service:
    """What the service application lacks. Raises NotThere, Refused."""
    application = observed.trust.service
    if not spec.may_create and (application is None or application.deleted):
        raise _missing(application)
    if application is None:
        return _new_service(spec, observed)
    role, role_edit = role_to_use(application, spec.role, observed)
    is_adopted = is_named(application, spec) and not is_in_settings(application, observed)
    uri = uri_in_use(application, observed.settings, spec.adopt)
    edits = _edits(application, spec, uri, role_edit, observed)
    changes: list[AnyChange] = []
    if application.deleted:
        adopt_by = SERVICE_OPTION if not is_own(application, observed, spec) else None
        changes.append(restoration(CREATE, ABOUT, application, adopt_by))
    if edits != ApplicationEdits():
        changes.append(
            UpdateApplication(
                key=EXPOSE,
                resource=ABOUT,
                name=application.display_name,
                detail=_describe(edits),
                object_id=application.object_id,
                client_id=application.client_id,
                edits=edits,
                after=(CREATE,),
            )
        )
    notes = [adoption(application, observed, ABOUT)] if is_adopted else []
    if edits.token_version:
        notes.append(
            f"'{application.display_name}' issues v2 access tokens. They become v1, as the MCT API needs them: issuer "
            "and audience change for everyone else who calls an API with them."
        )
    if not changes:
        changes.append(AlreadyRight.of(application, CREATE, ABOUT, f"app role {role.value}"))
    principal: Later[PrincipalId] = Ref(PRINCIPAL, Part.PRINCIPAL_ID)
    if application.deleted:
        principal = Ref(CREATE, Part.PRINCIPAL_ID)
    elif observed.trust.principal is None:
        changes.append(
            CreateServicePrincipal(key=PRINCIPAL, name=application.display_name, client_id=application.client_id)
        )
    else:
        principal = observed.trust.principal.id
    return Service(
        spec=spec,
        client_id=application.client_id,
        principal=principal,
        role_id=role.id,
        role_value=role.value or "",
        uri=uri or api_uri(application.client_id),
        unique_name=application.unique_name or spec.unique_name,
        changes=tuple(changes),
        notes=tuple(notes),
        foreign=foreign_service(application, observed, spec),
    )


def check_ownership(plan: Plan, service: Service | None, observed: ObservedState) -> None:
    """Stop before anything is written on the word of the App Service's settings alone. Raises Refused."""
    application = observed.trust.service
    if service is None or application is None or not (plan.changes or plan.left_to_others):
        return
    if service.foreign:
        raise service_not_ours(application, observed, service.spec, service.foreign)
    grants = any(
        isinstance(one, AssignAppRole)
        or (isinstance(one, UpdateApplication) and (one.edits.access_role or one.edits.role))
        or (isinstance(one, ManualStep) and one.step is Left.CONSENT)
        for one in (*plan.changes, *plan.left_to_others)
    )
    if grants and service.role_value not in {service.spec.role, DEFAULT_ROLE}:
        raise role_not_named(service.role_value)


def role_not_named(value: str) -> Refused:
    """Nothing but what is set up asks for an app role."""
    return Refused(
        "role-not-named",
        f"The app role that is set up is '{value}'. It is granted only if you name it. Nothing was changed.",
        remedy=f"If it is right, run the same command with {option('--role', value)}",
    )


def _edits(
    application: Application,
    spec: ServiceSpec,
    uri: str | None,
    role: AppRole | None,
    observed: ObservedState,
) -> ApplicationEdits:
    edits = ApplicationEdits(
        uri=None if uri else api_uri(application.client_id),
        role=role,
        token_version=1 if application.token_version == 2 else None,
        tags=tuple(tag for tag in _memory(observed) if tag not in application.tags),
        management_reference=missing_reference(application, spec.management_reference),
    )
    if is_named(application, spec) and not spec.is_in_file:
        edits = _remembered(edits, application, spec, observed)
    # The tag of its `uniqueName`, which an interrupted creation lacks, is alone not worth a write.
    tag = name_tag(spec.unique_name)
    if edits == ApplicationEdits() or application.unique_name != spec.unique_name or tag in application.tags:
        return edits
    return replace(edits, tags=(*edits.tags, tag))


def _remembered(
    edits: ApplicationEdits, application: Application, spec: ServiceSpec, observed: ObservedState
) -> ApplicationEdits:
    """With what makes the adopted one this App Service's own: it need not be named again."""
    trust, note = observed.trust, _note_for(observed)
    is_free = trust.own is None and deleted_as(spec.unique_name, trust.deleted) is None
    if application.unique_name is None and is_free and site_in_unique_name(spec.unique_name):
        return replace(edits, unique_name=spec.unique_name, tags=(*edits.tags, adopted_tag(spec.unique_name)))
    if application.unique_name == spec.unique_name and note and another_site(application, observed, spec.unique_name):
        return replace(edits, notes=note)
    return edits


def _note_for(observed: ObservedState) -> str | None:
    site = observed.app_service
    return site_note(str(site.site.resource)) if site is not None else None


def _missing(deleted: Application | None) -> NotThere:
    if deleted is not None:
        return NotThere(
            "service-application-missing",
            f"The service application of this App Service, '{deleted.display_name}', is deleted and still in the "
            "recycle bin.",
            remedy="Restore it first: run mct-s2s setup with the same options.",
        )
    return NotThere(
        "service-application-missing",
        "This App Service has no service application yet.",
        remedy="Create it first: run mct-s2s setup with the same options.",
    )


def _new_service(spec: ServiceSpec, observed: ObservedState) -> Service:
    value = spec.role or DEFAULT_ROLE
    role = new_role(observed, spec.unique_name, value)
    client_id: Ref[ClientId] = Ref(CREATE, Part.CLIENT_ID)
    uri: Ref[ApplicationIdUri] = Ref(CREATE, Part.URI)
    changes = (
        CreateApplication(
            key=CREATE,
            resource=ABOUT,
            name=spec.display_name,
            new=NewApplication(
                spec.unique_name,
                spec.display_name,
                _memory(observed),
                _note_for(observed),
                spec.management_reference,
            ),
            option=OPTION,
        ),
        UpdateApplication(
            key=EXPOSE,
            resource="Application ID URI",
            name="api://<appId>",
            detail=f"with the app role {value}",
            object_id=Ref(CREATE, Part.OBJECT_ID),
            client_id=client_id,
            edits=ApplicationEdits(uri=uri, role=role, tags=(name_tag(spec.unique_name),)),
            is_new=True,
        ),
        CreateServicePrincipal(key=PRINCIPAL, name=spec.display_name, client_id=client_id),
    )
    return Service(
        spec=spec,
        client_id=client_id,
        principal=Ref(PRINCIPAL, Part.PRINCIPAL_ID),
        role_id=role.id,
        role_value=value,
        uri=uri,
        unique_name=spec.unique_name,
        foreign="",
        changes=changes,
    )


def _memory(observed: ObservedState) -> tuple[str, ...]:
    """What the service application has to remember: identities to be switched on for its sake."""
    tags = [
        identity_tag(str(identity_resource.resource))
        for identity_resource in observed.identity_resources
        if identity_resource.principal_id is None
    ]
    return tuple(tag for tag in tags if len(tag) <= LONGEST_TAG)


def _describe(edits: ApplicationEdits) -> str:
    parts = [
        f"Application ID URI {edits.uri}" if edits.uri else "",
        f"app role {edits.role.value}" if edits.role else "",
        "v1 access tokens" if edits.token_version else "",
        f"service management reference {edits.management_reference}" if edits.management_reference else "",
        "tagged with the identity to enable" if any(resource_in_tag(tag) for tag in edits.tags) else "",
        f"named {edits.unique_name}, for this App Service" if edits.unique_name else "",
        f"noted for {site_in_note(edits.notes)}" if edits.notes else "",
    ]
    return ", ".join(part for part in parts if part)
