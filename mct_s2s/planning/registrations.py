"""The service application and its clients: the document's steps 1 and 2.

Deleted names are taken for 30 days, so deleted registrations are restored:
learn.microsoft.com/graph/api/directory-deleteditems-list.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from mct_s2s.errors import Instruction, NotThere, Refused
from mct_s2s.model.api import Api
from mct_s2s.model.azure_resources import IdentityResource, same_origin
from mct_s2s.model.client_credentials import NewCredential, SecretNote
from mct_s2s.model.commands import command, option
from mct_s2s.model.desired import ClientSpec, ServiceSpec, Setup
from mct_s2s.model.directory_objects import Application, AppRole, RequiredAccess
from mct_s2s.model.ids import (
    ApplicationIdUri,
    ClientId,
    PrincipalId,
    Tag,
    client_unique_name,
    is_guid,
    site_in_unique_name,
    site_note,
)
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.resource_id import SCALE_SETS
from mct_s2s.planning.api_address import is_api_of
from mct_s2s.planning.belief import (
    Belief,
    Doubted,
    TrustDecision,
    another_site,
    asks_for_more,
    client_trust,
    is_consented_to,
    is_created_by_caller,
    service_trust,
)
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
from mct_s2s.planning.credentials import ClientState, plan_credential, told_lost
from mct_s2s.planning.not_ours import adoption, not_ours, restoring, service_not_ours
from mct_s2s.planning.ownership import (
    CLIENT,
    SERVICE,
    SERVICE_OPTION,
    audience_of,
    clients_called,
    has_identifier,
    is_allowed,
    is_in_settings,
    is_named,
    other_users,
    refuse_several,
    role_to_use,
)
from mct_s2s.planning.plan import Plan, Registration

CREATE, EXPOSE = "service-application", "service-application:expose"
USE = "service-application:use"
_SCOPE_IS_SAID = "Correct it: mct-s2s verify says its value."
_OF_CLUSTER = (
    "Pods do not sign in with the cluster's own identity.",
    "Name the user-assigned identity that the pods use (workload identity): --managed-identity ID",
)
UNUSABLE_IDENTITIES = {
    "microsoft.containerservice/managedclusters": _OF_CLUSTER,
    "microsoft.kubernetes/connectedclusters": _OF_CLUSTER,
    "microsoft.containerinstance/containergroups": (
        "A container group gets a system-assigned identity only when it is created.",
        (
            "Create it again with one (az container create --assign-identity), then run the same "
            "command again."
        ),
    ),
}
"""By type of resource, why its system-assigned identity is no client, and what to do:
docs/azure-contract.md, 4.4.
"""


def add_deleted(desired: Setup, observed: ObservedState) -> ObservedState:
    """As if the deleted registrations under the names that this run would create were there.

    Raises NotThere.

    Only the credential in the client's store is kept: no one knows who holds the others.
    """
    trust, service = observed.trust, desired.service
    if service is None:
        return observed
    deleted = {row.unique_name: row for row in reversed(trust.deleted)}  # of several, the first
    if trust.service is None:
        for named in (service.adopt, observed.service_in_settings):
            refuse_deleted(named, observed, but=trust.unique_name)
        own = deleted.get(trust.unique_name)
        trust = replace(trust, service=replace(own, credentials=()) if own is not None else None)
    for spec in desired.clients:
        row = deleted.get(client_unique_name(trust.unique_name, spec.name))
        if row is not None and not any(
            one.is_registered for one in clients_called(spec.name, observed)
        ):
            stored = observed.note_of(spec.name).delivered
            row = replace(
                row, credentials=tuple(one for one in row.credentials if one.key_id == stored)
            )
            trust = replace(trust, clients=(*trust.clients, ClientApplication(row, None)))
    return replace(observed, trust=trust)


def refuse_deleted(named: str | None, observed: ObservedState, but: str = "") -> None:
    """The owner of what was named may have deleted it for a reason. Raises NotThere."""
    for row in observed.trust.deleted:
        if named and has_identifier(row, named.strip()) and row.unique_name != but:
            raise NotThere(
                "registration-deleted",
                f"'{row.display_name}' (appId {row.client_id}) is deleted and still in the "
                "recycle bin.",
                remedy="Restore it, then run the same command again:",
                command=restoring(row, observed.graph),
            )


@dataclass(frozen=True)
class Service:
    spec: ServiceSpec
    registration: Registration
    role: AppRole
    uri: Deferred[ApplicationIdUri]
    trusted: TrustDecision
    changes: tuple[AnyChange, ...]
    notes: tuple[str, ...]


def plan_service(spec: ServiceSpec, observed: ObservedState) -> Service:
    trust, site = observed.trust, observed.app_service
    application = trust.service or Application(unique_name=trust.unique_name)
    registration = Registration(CREATE, SERVICE, application, observed.trust.principal)
    is_new, notes = registration.is_new, list[str]()
    if not spec.may_create and (is_new or registration.is_deleted):
        raise service_missing(observed)
    if spec.is_name_typed and not is_new and spec.display_name.strip() != application.display_name:
        raise _named_otherwise(application, spec)
    note = site_note(str(site.resource)) if site is not None else None
    role, role_edit = role_to_use(application, spec.role, observed)
    uri: Deferred[ApplicationIdUri] = OutputRef(CREATE, Output.URI)
    uri = uri if is_new else audience_of(application, observed, spec.adopt)
    edits = ApplicationEdits(
        uri=None if uri in application.identifier_uris else uri,
        role=role_edit,
        token_version=_other_version(application, observed, spec),
        management_reference=None
        if is_new or application.management_reference
        else spec.management_reference,
    )
    edits = _remembered(edits, application, spec, observed, note)
    noted = _noted_use(edits, application, spec, observed)
    if edits != ApplicationEdits():  # one request for both
        edits = replace(
            edits, tags=(*edits.tags, *noted.tags), no_tags=(*edits.no_tags, *noted.no_tags)
        )
        noted = ApplicationEdits()
    resource, name, detail = SERVICE, application.display_name, _describe(edits)
    if is_new:
        resource, name = "Application ID URI", "api://<appId>"
        detail = f"with the app role {role.value}"
    if is_named(application, spec) and not is_in_settings(application, observed):
        notes.append(adoption(application, observed, SERVICE))
    trusted = Belief.CREATED_HERE if is_new else service_trust(application, observed, spec)
    if edits.token_version:
        notes.append(
            f"'{name}' issues v{application.token_version or 1} access tokens. They become "
            f"v{edits.token_version}, as "
            f"{observed.api.called} needs them: issuer and audience change for everyone else who "
            "calls an API with "
            "them."
        )
    new = Application(
        display_name=spec.display_name,
        unique_name=trust.unique_name,
        tags=() if observed.api.is_default else (Tag.API.of(observed.api.name),),
        # Without a version of its own, a registration issues tokens of version 1.
        token_version=2 if (observed.api.token_version or 2) == 2 else None,
        management_reference=spec.management_reference,
    )
    changes = registration.made(new, is_sure=trusted in {Belief.CREATED_HERE, Belief.OWN_SERVICE})
    if edits != ApplicationEdits():
        changes.append(registration.updated(EXPOSE, resource, name, detail, edits, after=(CREATE,)))
    elif noted != ApplicationEdits():
        changes.append(
            registration.updated(
                USE, SERVICE, name, f"notes that {_site_of(observed)} uses it", noted
            )
        )
    elif not changes:
        changes.append(NoChange.of(application, CREATE, SERVICE, f"app role {role.value}"))
    # Two writes to one registration at a time are refused.
    changes += registration.principal_made(
        application.display_name or spec.display_name, after=(EXPOSE,)
    )
    return Service(spec, registration, role, uri, trusted, tuple(changes), tuple(notes))


def refuse_doubted_service(plan: Plan, service: Service | None, observed: ObservedState) -> None:
    """Nothing is written on the word of the App Service's settings alone. Raises Refused."""
    application = observed.trust.service
    if service is None or application is None or not (plan.changes or plan.manual_steps):
        return
    if isinstance(service.trusted, Doubted):
        raise service_not_ours(application, observed, service.trusted)
    is_switched = any(
        isinstance(one, UpdateApplication) and one.edits.token_version for one in plan.changes
    )
    is_made_by_us = is_created_by_caller(application, observed.caller)
    if is_switched and service.trusted is Belief.OWN_SERVICE and not is_made_by_us:
        raise token_version_not_confirmed(application, observed.api)
    grants = any(
        isinstance(one, AssignAppRole)
        or (isinstance(one, UpdateApplication) and (one.edits.access_role or one.edits.role))
        for one in (*plan.changes, *plan.manual_steps)
    )
    if grants and service.role.value not in {service.spec.role, observed.api.role}:
        raise role_not_named(service.role.value)


def role_not_named(value: str) -> Refused:
    return Refused(
        "role-not-named",
        f"The app role that is set up is '{value}'. It is granted only if you name it. Nothing "
        "was changed.",
        remedy=f"If it is right, run the same command with {option('--role', value)}",
    )


def _other_version(
    application: Application, observed: ObservedState, spec: ServiceSpec
) -> int | None:
    """The version of tokens that the registration has to be switched to.

    Raises Refused: others use it, too.
    """
    wanted = observed.api.token_version
    if not application.object_id or wanted is None or (application.token_version or 1) == wanted:
        return None
    other = another_site(application, observed) if is_named(application, spec) else None
    users = [*other_users(application, observed), *([other] if other is not None else [])]
    if users:
        raise Refused(
            "token-version-differs",
            f"'{application.display_name}' issues v{application.token_version or 1} access "
            f"tokens, which {users[0]} "
            f"uses, too, and {observed.api.called} needs v{wanted}. Nothing was changed.",
            remedy="Use a service application of its own (without --service-app), correct "
            "token-version in the "
            "description, or switch the registration yourself (api.requestedAccessTokenVersion).",
        )
    return wanted


def token_version_not_confirmed(application: Application, api: Api) -> Refused:
    """Nothing that mct-s2s created asks for v2 tokens.

    Who once owned another team's API could name it like ours.
    """
    return Refused(
        "token-version-not-confirmed",
        f"'{application.display_name}' (appId {application.client_id}) issues "
        f"v{application.token_version or 1} access "
        f"tokens, and {api.called} needs v{api.token_version}. That changes issuer and audience "
        "for everyone else who "
        "calls an API with them. Nothing was changed.",
        remedy="If it serves only this App Service, run the same command with "
        f"{option(SERVICE_OPTION, application.client_id)}",
    )


def _named_otherwise(application: Application, spec: ServiceSpec) -> Refused:
    said = "service-name" if spec.is_in_file else "--service-name"
    return Refused(
        "service-name-differs",
        f"The service application exists and is called '{application.display_name}', not "
        f"'{spec.display_name}'. "
        "Nothing was changed.",
        remedy=f"Remove {said}, or rename the registration first:",
        command=command(
            "az",
            "ad",
            "app",
            "update",
            "--id",
            application.client_id,
            "--display-name",
            spec.display_name,
        ),
    )


def service_missing(observed: ObservedState) -> NotThere:
    missing = NotThere(
        "service-application-missing",
        "This App Service has no service application, so it has no clients.",
        remedy="It is not set up yet, or its registration was deleted. To create or restore it"
        + (":" if observed.file is not None else ", add --client NAME to:"),
        command=observed.command("setup"),
    )
    missing.may_appear = bool(observed.service_in_settings)
    return missing


def _remembered(
    edits: ApplicationEdits,
    application: Application,
    spec: ServiceSpec,
    observed: ObservedState,
    note: str | None,
) -> ApplicationEdits:
    """With what makes an adopted registration this App Service's own, so that it need not be named
    again.

    One that has a `uniqueName` or a note already keeps it: it may be another App Service's.
    """
    trust, own = observed.trust, observed.trust.unique_name
    is_ours = application.unique_name == own
    if is_named(application, spec) and not spec.is_in_file:
        is_free = trust.own is None and all(row.unique_name != own for row in trust.deleted)
        if application.unique_name is None and is_free and site_in_unique_name(own):
            remembered = () if observed.api.is_default else (Tag.API.of(observed.api.name),)
            tags = (*edits.tags, Tag.ADOPTED.of(own), *remembered)
            # Its note tells this App Service from another one of the same name.
            edits = replace(
                edits, unique_name=own, tags=tags, notes=None if application.notes else note
            )
    # Its note, and the tag of its `uniqueName`: no creation writes them over someone's who was
    # faster. Where an interrupted one lacks them, they are alone not worth a write.
    tag = Tag.NAME.of(own)
    missing_tags = () if tag in application.tags else (tag,)
    missing_note = None if application.notes else note
    if is_ours and (missing_tags or missing_note) and edits != ApplicationEdits():
        edits = replace(edits, tags=(*edits.tags, *missing_tags), notes=missing_note)
    return edits


def _noted_use(
    edits: ApplicationEdits, application: Application, spec: ServiceSpec, observed: ObservedState
) -> ApplicationEdits:
    """The tag by which a teardown of its own App Service keeps a service application that this one
    uses, too.

    Clients show by their app role who uses it. Managed identities hold none.
    """
    own = observed.trust.unique_name
    is_another = application.unique_name not in {None, own} or (
        application.unique_name is None and edits.unique_name is None and not spec.is_in_file
    )
    tag = Tag.USED.of(own)
    if (
        is_another
        and is_named(application, spec)
        and site_in_unique_name(own)
        and tag not in application.tags
    ):
        return ApplicationEdits(tags=(tag,))
    return ApplicationEdits()


def no_longer_used(service: Registration, observed: ObservedState) -> list[UpdateApplication]:
    """The step that takes this App Service's own tag off."""
    tag, application = Tag.USED.of(observed.trust.unique_name), service.application
    if tag not in application.tags:
        return []
    detail = f"no longer notes that {_site_of(observed)} uses it"
    return [
        service.updated(
            USE, SERVICE, application.display_name, detail, ApplicationEdits(no_tags=(tag,))
        )
    ]


def _site_of(observed: ObservedState) -> str:
    return site_in_unique_name(observed.trust.unique_name) or ""


def _describe(edits: ApplicationEdits) -> str:
    parts = [
        f"Application ID URI {edits.uri}" if edits.uri else "",
        f"app role {edits.role.value}" if edits.role else "",
        f"v{edits.token_version} access tokens" if edits.token_version else "",
        f"service management reference {edits.management_reference}"
        if edits.management_reference
        else "",
        f"named {edits.unique_name}, for this App Service" if edits.unique_name else "",
    ]
    return ", ".join(part for part in parts if part)


def find_client(name: str, observed: ObservedState) -> ClientApplication:
    """Empty where it has yet to be made. Raises NotThere."""
    found = [client for client in clients_called(name, observed) if client.is_registered]
    refuse_several(name, found)
    if found:
        return found[0]
    if is_guid(name):
        refuse_deleted(name, observed)
        raise NotThere(
            "client-unknown",
            f"No app registration in this tenant has the appId '{name}'.",
            remedy="Copy the Application (client) ID from its overview page in the portal, or use "
            "a display "
            "name to create one.",
        )
    return ClientApplication()


def plan_client(
    spec: ClientSpec, service: Service, observed: ObservedState
) -> tuple[Deferred[ClientId], Plan]:
    """Plan what a client application lacks; return its appId, too. Raises NotThere, Refused."""
    known, note = find_client(spec.name, observed), observed.note_of(spec.name)
    if known.application.deleted:  # no replica is behind: only what was seen comes back
        note = replace(note, delivered_at=None)
    key = f"client:{spec.name}"
    client = ClientState(
        key, CLIENT, known.application, known.principal, spec.name, service.uri, note, observed.now
    )
    credential = [
        replace(change, after=(*change.after, client.principal_key))
        if isinstance(change, AddCredential)
        else change
        for change in plan_credential(spec.credential, client, observed.cloud)
    ]
    added = [change for change in credential if isinstance(change, AddCredential)]
    is_stored = note.delivered is not None or any(
        isinstance(change.spec, NewCredential) for change in added
    )
    new = _new_client(spec, service, observed, client.vault_tags() if is_stored else ())

    changes = [*client.made(new), *client.principal_made(spec.name), *credential]
    changes += _access(spec, client, service, new, credential, is_stored=is_stored)
    consent, is_consented = (
        _consent(spec, client, service, observed),
        observed.trust.holds(known.principal_id, service.role),
    )
    if not is_consented and spec.consent:
        changes.append(consent)

    notes: tuple[str | Instruction, ...] = () if added else _stale_values(client, observed)
    if isinstance(spec.credential, NewCredential) and not added:
        notes = (*notes, *told_lost(client, observed))
    if known.is_registered and not isinstance(service.trusted, Doubted):
        # Of a consent that is left to others, someone else would grant it on the word of this plan.
        is_asked_for = not is_consented and not spec.consent
        if changes or is_asked_for or not is_allowed(known, observed):
            _refuse_doubted(spec, known, client, service, observed, is_consented=is_consented)
        if is_guid(spec.name) and not is_consented_to(known, observed, service.spec):
            notes = (adoption(known.application, observed, CLIENT), *notes)
    if not changes:
        changes.append(NoChange.of(known.application, key, CLIENT))
    left_to_others = () if is_consented or spec.consent else (consent,)
    return client.client_id, Plan(tuple(changes), left_to_others, notes)


def _new_client(
    spec: ClientSpec, service: Service, observed: ObservedState, vault_tags: Sequence[str]
) -> Application:
    unique_name = client_unique_name(observed.trust.unique_name, spec.name)
    api = service.registration.client_id
    return Application(
        display_name=spec.name,
        unique_name=unique_name,
        tags=(Tag.TRUST.of(observed.trust.unique_name), Tag.NAME.of(unique_name), *vault_tags),
        management_reference=spec.management_reference,
        # Where both exist already: one request less for each client.
        required_access=()
        if isinstance(api, OutputRef)
        else (RequiredAccess(api, ((service.role.id, "Role"),)),),
    )


def _access(
    spec: ClientSpec,
    client: ClientState,
    service: Service,
    new: Application,
    credential: Sequence[AnyChange],
    *,
    is_stored: bool,
) -> Iterator[AnyChange]:
    """The API permission that it requests, with the tags and the reference that it lacks; nothing
    if it has them.
    """
    application, api, role = client.application, service.registration.client_id, service.role
    # What is created now has its tags and reference by its creation.
    vault_tags = client.vault_tags() if is_stored and not client.is_new else ()
    reference = (
        None if client.is_new or application.management_reference else spec.management_reference
    )
    settled = client.settled_notes()
    requests_role = isinstance(api, str) and application.declares(api, role.id)
    if not (vault_tags or settled or reference) and requests_role:
        return
    tags = vault_tags
    was_cut_off = application.unique_name == new.unique_name and not application.required_access
    if was_cut_off:  # a run ended right after it created it
        tags = tuple(
            dict.fromkeys((*vault_tags, *(tag for tag in new.tags if tag not in application.tags)))
        )
    edits = ApplicationEdits(
        access_to=api,
        access_role=role.id,
        tags=tags,
        no_tags=settled,
        management_reference=reference,
    )
    detail = f"app role {role.value}"
    if reference:
        detail += f", service management reference {reference}"
    # Where the creation says it all, nothing is left to be written, and nothing to be waited for.
    says_more = bool(vault_tags) or isinstance(api, OutputRef)
    after = (client.key, *(change.key for change in credential if says_more))
    yield client.updated(f"{client.key}:access", "API permission", spec.name, detail, edits, after)


def _consent(
    spec: ClientSpec, client: ClientState, service: Service, observed: ObservedState
) -> AssignAppRole:
    return AssignAppRole(
        key=f"{client.key}:consent",
        name=spec.name,
        detail=f"app role {service.role.value}",
        principal=client.principal,
        service=service.registration.principal,
        role=service.role.id,
        client_id=client.client_id,
        asks_for_more=asks_for_more(client.application, observed, service.spec),
        after=(EXPOSE,),
    )


def _refuse_doubted(
    spec: ClientSpec,
    known: ClientApplication,
    client: ClientState,
    service: Service,
    observed: ObservedState,
    *,
    is_consented: bool,
) -> None:
    """Raise NotOurs, or Refused, for a client that is not believed."""
    trusted = client_trust(known, observed, service.spec, (spec.name,), spec.credential)
    if not isinstance(trusted, Doubted):
        return
    if is_consented and not is_consented_to(known, observed, service.spec):
        raise role_not_named(service.role.value)
    raise not_ours(known.application, trusted, CLIENT, observed.graph if client.is_deleted else "")


def _stale_values(client: ClientState, observed: ObservedState) -> tuple[str, ...]:
    """What is stored for this site and no longer right. One file may serve two sites."""
    note, site = client.note, observed.app_service
    if (
        site is None
        or note.url is None
        or not note.is_of(client.client_id)
        or not is_api_of(observed, note.url)
    ):
        return ()
    return (*_stale_scope(client, note), *_stale_url(note, note.url, observed))


def _stale_scope(client: ClientState, note: SecretNote) -> Iterator[str]:
    """That it has an earlier service application's scope."""
    uri = client.audience
    if note.scope not in {None, f"{uri}/.default"}:
        name = "The tag 'scope'" if note.vault else "MCT_S2S_SCOPE"
        what = (
            f"{name} in {note.place} is '{note.scope}', which is no longer the service application."
        )
        yield f"{what} " + (
            f"Set it to {uri}/.default." if isinstance(uri, str) else _SCOPE_IS_SAID
        )


def _stale_url(note: SecretNote, url: str, observed: ObservedState) -> Iterator[str]:
    """That it has another address than the one that was typed."""
    typed = observed.typed_url
    if typed is not None and not same_origin(url, typed):
        name = "The tag 'url'" if note.vault else "MCT_S2S_URL"
        yield f"{name} in {note.place} is '{url}'. Set it to {typed}, where the API is reached."


def update_instances(steps: Iterable[AnyChange]) -> Iterator[Instruction]:
    """What a scale set of manual upgrade needs beside its own new identity: docs/azure-contract.md,
    section 9.
    """
    for step in steps:
        if isinstance(step, EnableIdentity) and step.identity_resource.resource.type == SCALE_SETS:
            scale_set = step.identity_resource.resource
            told = (
                f"If the upgrade policy of '{scale_set.name}' is manual, its machines get the "
                "identity only by:"
            )
            where = (
                "-n",
                scale_set.name,
                "-g",
                scale_set.resource_group,
                "--subscription",
                scale_set.subscription_id,
            )
            update = command("az", "vmss", "update-instances", "--instance-ids", "*", *where)
            yield Instruction(told, update)


def plan_identity(
    identity: IdentityResource, service: Service | None, observed: ObservedState
) -> tuple[Deferred[PrincipalId], list[AnyChange]]:
    """It needs no consent, unless the service principal admits assigned callers only
    (AADSTS501051).

    Raises Refused.
    """
    why = UNUSABLE_IDENTITIES.get(identity.resource.type)
    known, name = identity.principal_id, identity.display_name
    if why is not None and (why is _OF_CLUSTER or known is None):
        message = f"The managed identity of '{name}' can't be used. {why[0]}"
        raise Refused("identity-unusable", message, remedy=why[1])
    key = f"identity:{str(identity.resource).lower()}"
    principal: Deferred[PrincipalId] = known or OutputRef(key, Output.PRINCIPAL_ID)
    changes: list[AnyChange] = [
        NoChange(key=key, resource=EnableIdentity.resource, name=name, id=known)
        if known is not None
        else EnableIdentity(
            key=key,
            name=name,
            detail="system-assigned",
            identity_resource=identity,
            after=(CREATE,),
        )
    ]
    required = observed.trust.principal is not None and observed.trust.principal.assignment_required
    why_role = ", as the service application requires assignment" if observed.api.lists else ""
    if (
        service is not None
        and (required or not observed.api.lists)
        and not observed.trust.holds(known or "", service.role)
    ):
        changes.append(
            AssignAppRole(
                key=f"{key}:consent",
                name=name,
                detail=f"app role {service.role.value}{why_role}",
                principal=principal,
                service=service.registration.principal,
                role=service.role.id,
                identity_resource=identity.resource,
                after=(EXPOSE,),
            )
        )
    return principal, changes
