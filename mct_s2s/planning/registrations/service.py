"""The service application: what must change so that the MCT API has a registration, a URI and an app role.

Implements the document's step 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mct_s2s.errors import NotThere
from mct_s2s.model.desired import ServiceSpec
from mct_s2s.model.directory_objects import Application, AppRole, NewApplication
from mct_s2s.model.ids import (
    DEFAULT_ROLE,
    LONGEST_TAG,
    AppRoleId,
    ClientId,
    PrincipalId,
    api_uri,
    identity_tag,
    name_tag,
    resource_in_tag,
)
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.changes import (
    AlreadyRight,
    AnyChange,
    ApiUri,
    ApplicationEdits,
    CreateApplication,
    CreateServicePrincipal,
    Later,
    Part,
    Ref,
    UpdateApplication,
)
from mct_s2s.planning.edits import missing_reference
from mct_s2s.planning.registrations.app_role import new_role, role_to_use
from mct_s2s.planning.registrations.application_uri import refuse_taken_uri, uri_in_use
from mct_s2s.planning.registrations.custody import SERVICE_OPTION, adoption, is_named, refuse_foreign
from mct_s2s.planning.registrations.made_for import note_for, refuse_anothers
from mct_s2s.planning.registrations.restoring import deleted_as

ABOUT = "service application"
CREATE = "service-application"
EXPOSE = "service-application:expose"
PRINCIPAL = "service-principal"
OPTION = SERVICE_OPTION


@dataclass(frozen=True)
class Service:
    """The service application as it will be, for the clients and the settings to refer to."""

    client_id: Later[ClientId]
    principal: Later[PrincipalId]
    role_id: AppRoleId
    role_value: str
    uri: str | ApiUri
    unique_name: str
    changes: tuple[AnyChange, ...]
    notes: tuple[str, ...] = ()


def plan_service(spec: ServiceSpec, observed: ObservedState) -> Service:
    """What the service application lacks.

    Raises:
        NotThere: it is missing, and the command may not create it.
        Refused: the wanted role exists, but not for applications; or nothing but its name speaks for the registration,
            and it is not ours.
    """
    application = observed.trust.service
    notes = _adoption_notes(spec, application, observed)
    if application is None and not spec.may_create:
        raise _missing(deleted_as(spec.unique_name, observed.trust.deleted))
    if application is None:
        return _new_service(spec, observed)
    role, role_edit = role_to_use(application, spec.role, observed)
    uri = uri_in_use(application, observed.settings, spec.adopt)
    edits = _edits(application, spec, uri, role_edit, observed)
    changes: list[AnyChange] = []
    if edits != ApplicationEdits():
        changes.append(
            UpdateApplication(
                key=EXPOSE,
                resource=ABOUT,
                name=application.display_name,
                detail=_describe(edits),
                object_id=application.object_id,
                edits=edits,
            )
        )
    if not changes:
        changes.append(
            AlreadyRight(
                key=CREATE,
                resource=ABOUT,
                name=application.display_name,
                id=application.client_id,
                detail=f"app role {role.value}",
            )
        )
    principal: Later[PrincipalId] = Ref(PRINCIPAL, Part.PRINCIPAL_ID)
    if observed.trust.principal is None:
        changes.append(
            CreateServicePrincipal(key=PRINCIPAL, name=application.display_name, client_id=application.client_id)
        )
    else:
        principal = observed.trust.principal.id
    return Service(
        client_id=application.client_id,
        principal=principal,
        role_id=role.id,
        role_value=role.value or "",
        uri=uri or api_uri(application.client_id),
        unique_name=application.unique_name or spec.unique_name,
        changes=tuple(changes),
        notes=notes,
    )


def _edits(
    application: Application, spec: ServiceSpec, uri: str | None, role: AppRole | None, observed: ObservedState
) -> ApplicationEdits:
    """What an application that is there lacks.

    Raises:
        Refused: its default URI is taken.
    """
    edits = ApplicationEdits(
        uri=None if uri else ApiUri(application.client_id),
        role=role,
        token_version=1 if application.token_version == 2 else None,
        tags=tuple(tag for tag in _memory(observed) if tag not in application.tags),
        management_reference=missing_reference(application, spec.management_reference),
    )
    if edits.uri is not None:
        refuse_taken_uri(application, observed)
    # The tag of its `uniqueName`, which an interrupted creation lacks, is alone not worth a write.
    tag = name_tag(spec.unique_name)
    if edits == ApplicationEdits() or application.unique_name != spec.unique_name or tag in application.tags:
        return edits
    return replace(edits, tags=(*edits.tags, tag))


def _adoption_notes(spec: ServiceSpec, application: Application | None, observed: ObservedState) -> tuple[str, ...]:
    """What the plan says of a registration that becomes the service application now.

    Raises:
        Refused: nothing but its name speaks for it, and it may be in someone else's hands.
    """
    if application is None or is_named(application, None, observed.settings):
        return ()
    if is_named(application, spec.adopt, {}):
        return (adoption(application, observed, ABOUT),)
    refuse_anothers(application, observed)
    refuse_foreign(application, observed, OPTION)
    return ()


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
    changes = (
        CreateApplication(
            key=CREATE,
            resource=ABOUT,
            name=spec.display_name,
            new=NewApplication(
                spec.unique_name,
                spec.display_name,
                _memory(observed),
                note_for(observed),
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
            edits=ApplicationEdits(uri=ApiUri(client_id), role=role, tags=(name_tag(spec.unique_name),)),
            is_new=True,
        ),
        CreateServicePrincipal(key=PRINCIPAL, name=spec.display_name, client_id=client_id),
    )
    return Service(
        client_id=client_id,
        principal=Ref(PRINCIPAL, Part.PRINCIPAL_ID),
        role_id=role.id,
        role_value=value,
        uri=ApiUri(client_id),
        unique_name=spec.unique_name,
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


def _uri_shown(uri: ApiUri) -> str:
    return "api://<appId>" if isinstance(uri.client_id, Ref) else api_uri(uri.client_id)


def _describe(edits: ApplicationEdits) -> str:
    parts = [
        f"Application ID URI {_uri_shown(edits.uri)}" if edits.uri else "",
        f"app role {edits.role.value}" if edits.role else "",
        "v1 access tokens" if edits.token_version else "",
        f"service management reference {edits.management_reference}" if edits.management_reference else "",
        "tagged with the identity to enable" if any(resource_in_tag(tag) for tag in edits.tags) else "",
    ]
    return ", ".join(part for part in parts if part)
