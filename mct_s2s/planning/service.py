"""The service application: what must change so that the MCT API has a registration, a URI and an app role.

Implements the document's step 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mct_s2s.errors import NotThere, Refused
from mct_s2s.model.desired import ServiceSpec
from mct_s2s.model.ids import (
    DEFAULT_ROLE,
    LONGEST_TAG,
    AppRoleId,
    ClientId,
    PrincipalId,
    api_uri,
    identity_tag,
    name_tag,
    new_app_role_id,
    resource_in_tag,
    wire_tag,
    wired_resource_in_tag,
)
from mct_s2s.model.observed import Application, AppRole, Observed
from mct_s2s.model.site_settings import AUDIENCE, ROLE, value_of
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
    RestoreApplication,
    RestoreServicePrincipal,
    UpdateApplication,
)
from mct_s2s.planning.custody import SERVICE_OPTION, adoption, is_named, refuse_foreign
from mct_s2s.planning.edits import missing_reference
from mct_s2s.planning.made_for import note_for, refuse_anothers
from mct_s2s.planning.restoring import deleted_service, holder_of_uri, taken_uri

ABOUT = "service application"
CREATE = "service-application"
EXPOSE = "service-application:expose"
PRINCIPAL = "service-principal"
OPTION = SERVICE_OPTION

ROLE_DESCRIPTION = "Apps in this role can consume the web api."


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


def plan_service(spec: ServiceSpec, observed: Observed) -> Service:
    """What the service application lacks.

    Raises:
        NotThere: it is missing, and the command may not create it.
        Refused: the wanted role exists, but not for applications; or nothing but its name speaks for the registration,
            and it is not ours.
    """
    application = observed.trust.service
    notes = _adopted_or_ours(spec, application, observed)
    settings = observed.app_service.settings if observed.app_service else {}
    deleted = deleted_service(spec.adopt, spec.unique_name, settings, observed.trust.deleted)
    if application is None and not spec.may_create:
        raise _missing(deleted)
    if application is None and deleted is None:
        return _new_service(spec, observed)
    if application is None:
        application = deleted
    assert application is not None  # noqa: S101  # one of the two is there
    back = application is deleted
    after = (CREATE,) if back else ()
    role, role_edit = _role(application, spec, observed)
    uri = _uri_in_use(application, spec, observed)
    edits = _with_name(
        application,
        spec,
        ApplicationEdits(
            uri=None if uri else ApiUri(application.client_id),
            role=role_edit,
            token_version=1 if application.token_version == 2 else None,
            tags=tuple(tag for tag in _memory(observed) if tag not in application.tags),
            management_reference=missing_reference(application, spec.management_reference),
        ),
    )
    if edits.uri is not None:
        refuse_taken_uri(application, observed)
    changes: list[AnyChange] = []
    option = None if is_named(application, spec.adopt, settings) else OPTION
    if back and option:
        refuse_anothers(application, observed)
    if back:
        changes.append(
            RestoreApplication(
                key=CREATE,
                resource=ABOUT,
                name=application.display_name,
                detail="out of the recycle bin",
                application=application,
                option=option,
            )
        )
    if edits == ApplicationEdits() and not back:
        changes.append(
            AlreadyRight(
                key=CREATE,
                resource=ABOUT,
                name=application.display_name,
                id=application.client_id,
                detail=f"app role {role.value}",
            )
        )
    elif edits != ApplicationEdits():
        changes.append(
            UpdateApplication(
                key=EXPOSE,
                resource=ABOUT,
                name=application.display_name,
                detail=_describe(edits),
                object_id=application.object_id,
                edits=edits,
                after=after,
            )
        )
    principal: Later[PrincipalId] = Ref(PRINCIPAL, Part.PRINCIPAL_ID)
    if observed.trust.principal is None:
        changes.append(
            service_principal(PRINCIPAL, application.display_name, application.client_id, observed, option, after=after)
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


def _adopted_or_ours(spec: ServiceSpec, application: Application | None, observed: Observed) -> tuple[str, ...]:
    """What the plan says of a registration that becomes the service application by this wish.

    Raises:
        Refused: nothing but its name speaks for it, and it may be in somebody else's hands.
    """
    settings = observed.app_service.settings if observed.app_service else {}
    if application is None or is_named(application, None, settings):
        return ()
    if is_named(application, spec.adopt, {}):
        return (adoption(application, observed, ABOUT),)
    refuse_anothers(application, observed)
    refuse_foreign(application, observed, OPTION)
    return ()


def service_principal(
    key: str,
    name: str,
    client_id: Later[ClientId],
    observed: Observed,
    option: str | None,
    *,
    after: tuple[str, ...] = (),
) -> AnyChange:
    """The service principal that an application lacks: out of the recycle bin, or new.

    Args:
        key: of the change.
        name: for the plan.
        client_id: its application's.
        observed: the world.
        option: how the application is adopted by its appId, where nothing but its name speaks for it.
        after: the changes that it waits for.
    """
    deleted = observed.trust.deleted_principal_of(client_id) if isinstance(client_id, str) else None
    if deleted is None:
        return CreateServicePrincipal(key=key, name=name, client_id=client_id, after=after)
    detail = "out of the recycle bin, with its consents"
    return RestoreServicePrincipal(key=key, name=name, detail=detail, principal=deleted, option=option, after=after)


def refuse_taken_uri(application: Application, observed: Observed) -> None:
    """Do not ask for a URI that a deleted registration still holds.

    Raises:
        Refused: `uri-taken`.
    """
    uri = api_uri(application.client_id)
    holder = holder_of_uri(uri, observed.trust.deleted, but=application.client_id)
    if holder is not None:
        message, remedy = taken_uri(uri, holder, observed.graph)
        raise Refused("uri-taken", f"{message} Nothing was changed.", remedy=remedy)


def _missing(deleted: Application | None) -> NotThere:
    if deleted is not None:
        return NotThere(
            "service-application-missing",
            f"The service application of this App Service, '{deleted.display_name}', is in the recycle bin.",
            remedy="Restore it first: mct-s2s setup, with the same options.",
        )
    return NotThere(
        "service-application-missing",
        "This App Service has no service application yet.",
        remedy="Create it first: mct-s2s setup, with the same options.",
    )


def _new_service(spec: ServiceSpec, observed: Observed) -> Service:
    value = spec.role or DEFAULT_ROLE
    role = _new_role(observed, spec.unique_name, value)
    client_id: Ref[ClientId] = Ref(CREATE, Part.CLIENT_ID)
    changes = (
        CreateApplication(
            key=CREATE,
            resource=ABOUT,
            name=spec.display_name,
            unique_name=spec.unique_name,
            option=OPTION,
            tags=_memory(observed),
            notes=note_for(observed),
            management_reference=spec.management_reference,
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


def _with_name(application: Application, spec: ServiceSpec, edits: ApplicationEdits) -> ApplicationEdits:
    """With the tag of its `uniqueName`, which an interrupted creation lacks; that alone is not worth a write."""
    tag = name_tag(spec.unique_name)
    if edits == ApplicationEdits() or application.unique_name != spec.unique_name or tag in application.tags:
        return edits
    return replace(edits, tags=(*edits.tags, tag))


def _memory(observed: Observed) -> tuple[str, ...]:
    """What the service application has to remember: identities to be switched on for its sake, apps to be wired."""
    tags = [identity_tag(str(holder.resource)) for holder in observed.holders if holder.principal_id is None]
    tags += [wire_tag(str(observed.wired.site.resource))] if observed.wired is not None else []
    return tuple(tag for tag in tags if len(tag) <= LONGEST_TAG)


def _role(application: Application, spec: ServiceSpec, observed: Observed) -> tuple[AppRole, AppRole | None]:
    """The app role to use, and what has to be written for it, if anything."""
    value = spec.role or role_in_use(application, observed) or DEFAULT_ROLE
    role = application.role(value)
    if role is None:
        role = _new_role(observed, application.unique_name or application.client_id, value)
        return role, role
    if not role.is_for_applications:
        raise Refused(
            "app-role-not-for-applications",
            f"The app role '{value}' of '{application.display_name}' is for users and groups, not for applications.",
            remedy="Choose another value for the role: --role S2SApplications",
        )
    return role, None if role.enabled else replace(role, enabled=True)


def role_in_use(application: Application, observed: Observed) -> str | None:
    """The role that the App Service is already set to, where the application really has it."""
    if observed.app_service is None:
        return None
    value = value_of(observed.app_service.settings, ROLE)
    role = application.role(value) if value else None
    return value if role is not None and role.is_for_applications else None


def _uri_in_use(application: Application, spec: ServiceSpec, observed: Observed) -> str | None:
    """The Application ID URI to keep: the one the site names, the one that was typed, or the default one."""
    audience = value_of(observed.app_service.settings, AUDIENCE) if observed.app_service else None
    for candidate in (spec.adopt, audience, api_uri(application.client_id)):
        if candidate in application.identifier_uris:
            return candidate
    return None


def _new_role(observed: Observed, application: str, value: str) -> AppRole:
    tenant_id = observed.tenant.id if observed.tenant else ""
    return AppRole(
        id=new_app_role_id(tenant_id, application, value),
        value=value,
        display_name=value,
        description=ROLE_DESCRIPTION,
        enabled=True,
        member_types=("Application",),
    )


def _describe(edits: ApplicationEdits) -> str:
    parts = [
        "Application ID URI api://<appId>" if edits.uri else "",
        f"app role {edits.role.value}" if edits.role else "",
        "v1 access tokens" if edits.token_version else "",
        f"service management reference {edits.management_reference}" if edits.management_reference else "",
        "remembers the identity to switch on" if any(resource_in_tag(tag) for tag in edits.tags) else "",
        "remembers the app to wire" if any(wired_resource_in_tag(tag) for tag in edits.tags) else "",
    ]
    return ", ".join(part for part in parts if part)
