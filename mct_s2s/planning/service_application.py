"""The service application: what it lacks, and what marks it as this App Service's own.

Step 1 of the seed document (docs/azure-contract.md, section 1). docs/SECURITY.md says what a mark
is worth: its owner can write it, too.
"""

from dataclasses import dataclass, replace

from mct_s2s.errors import NotThere, Refused
from mct_s2s.model.api import Api
from mct_s2s.model.commands import az_command, option
from mct_s2s.model.desired import ServiceSpec
from mct_s2s.model.directory_objects import Application, AppRole
from mct_s2s.model.ids import ApplicationIdUri, Tag, api_in_tag, site_in_unique_name, site_note
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.belief import (
    Belief,
    Doubt,
    Doubted,
    Reason,
    TrustDecision,
    another_site,
    is_created_by_caller,
    service_trust,
)
from mct_s2s.planning.changes import (
    AnyChange,
    ApplicationEdits,
    AssignAppRole,
    Deferred,
    NoChange,
    Output,
    OutputRef,
    UpdateApplication,
)
from mct_s2s.planning.content import foreign_service_content
from mct_s2s.planning.not_ours import adoption, service_not_ours
from mct_s2s.planning.plan import ManualStep, Plan, Registration
from mct_s2s.planning.service_facts import (
    SERVICE,
    SERVICE_OPTION,
    audience_of,
    is_in_settings,
    is_named_as_service,
    other_users,
    role_to_use,
    site_tags,
)

SERVICE_KEY = "service-application"
SERVICE_UPDATE_KEY = "service-application:expose"
SERVICE_USE_KEY = "service-application:use"
"""Keys of the steps that create or restore it, that update it, and that note who uses it."""


@dataclass(frozen=True)
class PlannedService:
    """The service application as it will be, and the steps to that."""

    spec: ServiceSpec
    registration: Registration
    role: AppRole
    """The app role of its clients."""
    uri: Deferred[ApplicationIdUri]
    decision: TrustDecision
    changes: tuple[AnyChange, ...]
    notes: tuple[str, ...]
    adopted: tuple[str, ...]
    """As in `Plan.adopted`."""


def plan_service(spec: ServiceSpec, observed: ObservedState, *, may_write: bool) -> PlannedService:
    """Plan what the service application lacks. Raises NotThere, Refused.

    `may_write`: whether this run may change it; else it is only named, and no change is planned.
    """
    trust = observed.trust
    application = trust.service or Application(unique_name=trust.unique_name)
    registration = Registration(SERVICE_KEY, SERVICE, application, trust.principal)
    _refuse_other_than_asked(spec, registration, observed)

    role, role_edit = role_to_use(application, spec.role, observed)
    uri = _planned_uri(spec, registration, observed)
    decision: TrustDecision = Belief.REMEMBERED
    if not registration.is_new:
        decision = service_trust(application, observed, spec)
    edits = ApplicationEdits()
    changes = list[AnyChange]()
    if may_write:
        edits = _missing_edits(registration, uri, role_edit, spec, observed)
        changes = _plan_changes(registration, role, edits, decision, spec, observed)

    notes = list[str]()
    # Of another team's, who may be surprised by a change, the plan names the owners.
    is_foreign = application.unique_name != trust.unique_name
    is_changed_foreign = is_foreign and edits != ApplicationEdits()
    adopted = list[str]()
    if is_named_as_service(application, spec):
        sentence = adoption(application, observed, SERVICE)
        if is_changed_foreign or not is_in_settings(application, observed):
            notes.append(sentence)
        elif is_foreign and spec.is_in_file:
            adopted.append(sentence)
    if edits.token_version is not None:
        notes.append(_describe_token_version(application, edits.token_version, observed.api))
    return PlannedService(
        spec, registration, role, uri, decision, tuple(changes), tuple(notes), tuple(adopted)
    )


def _missing_edits(
    registration: Registration,
    uri: Deferred[ApplicationIdUri],
    role_edit: AppRole | None,
    spec: ServiceSpec,
    observed: ObservedState,
) -> ApplicationEdits:
    """What the service application lacks, with its marks. Raises Refused."""
    application = registration.application
    reference = None if registration.is_new else _missing_reference(application, spec)
    edits = ApplicationEdits(
        uri=None if uri in application.identifier_uris else uri,
        role=role_edit,
        token_version=_other_token_version(application, observed, spec),
        management_reference=reference,
    )
    return _add_marks(edits, application, spec, observed)


def _plan_changes(
    registration: Registration,
    role: AppRole,
    edits: ApplicationEdits,
    decision: TrustDecision,
    spec: ServiceSpec,
    observed: ObservedState,
) -> list[AnyChange]:
    """Plan its creation, its edits and its service principal."""
    application = registration.application
    # A deleted one that only has the name, or is named, must turn out to be ours once it is
    # restored.
    is_sure = decision in {Belief.REMEMBERED, Belief.OWN_SERVICE}
    use_tags = _missing_use_tags(edits, application, spec, observed)
    changes = registration.plan_creation(_new_service(spec, observed), is_sure=is_sure)
    changes += _plan_edits(registration, role, edits, use_tags, observed)
    if not changes:
        changes.append(NoChange.of(application, SERVICE_KEY, SERVICE, f"app role {role.value}"))
    # Graph refuses two writes to one registration at a time.
    principal_name = application.display_name or spec.display_name
    changes += registration.plan_principal(principal_name, after=(SERVICE_UPDATE_KEY,))
    return changes


def _refuse_other_than_asked(
    spec: ServiceSpec, registration: Registration, observed: ObservedState
) -> None:
    """Refuse to create what must exist, or to use what is called otherwise. Raises S2SError."""
    application = registration.application
    if not spec.may_create and (registration.is_new or registration.is_deleted):
        raise service_missing(observed)
    is_called_so = spec.display_name.strip() == application.display_name
    if spec.is_name_typed and not registration.is_new and not is_called_so:
        raise _named_otherwise(application, spec)


def _planned_uri(
    spec: ServiceSpec, registration: Registration, observed: ObservedState
) -> Deferred[ApplicationIdUri]:
    # The default URI has the appId in it, which Entra ID chooses.
    if registration.is_new:
        return OutputRef(SERVICE_KEY, Output.URI)
    return audience_of(registration.application, observed, spec.adopt)


def _missing_reference(application: Application, spec: ServiceSpec) -> str | None:
    """The service management reference to write: one that is there stays."""
    return None if application.management_reference else spec.management_reference


def _new_service(spec: ServiceSpec, observed: ObservedState) -> Application:
    """The service application as its creation request says it."""
    api = observed.api
    # Without a version of its own, a registration issues tokens of version 1.
    is_version_2 = api.token_version in {None, 2}
    return Application(
        display_name=spec.display_name,
        unique_name=observed.trust.unique_name,
        tags=_api_tags(api),
        token_version=2 if is_version_2 else None,
        management_reference=spec.management_reference,
    )


def _api_tags(api: Api) -> tuple[str, ...]:
    return () if api.is_default else (Tag.API.of(api_in_tag(api.name)),)


def _plan_edits(
    registration: Registration,
    role: AppRole,
    edits: ApplicationEdits,
    use_tags: tuple[str, ...],
    observed: ObservedState,
) -> list[AnyChange]:
    """Plan one PATCH for all edits; `use_tags`: that this App Service uses it."""
    name = registration.application.display_name
    if edits == ApplicationEdits():
        if not use_tags:
            return []
        # A step of its own: who may not write this tag can do everything else.
        detail = f"notes that {_site_of(observed)} uses it"
        tag_edits = ApplicationEdits(tags=use_tags)
        return [registration.plan_update(SERVICE_USE_KEY, SERVICE, name, detail, tag_edits)]
    edits = replace(edits, tags=(*edits.tags, *use_tags))
    resource = SERVICE
    detail = _describe_edits(edits)
    if registration.is_new:
        resource = "Application ID URI"
        name = "api://<appId>"
        detail = f"with the app role {role.value}"
    after = (SERVICE_KEY,)
    return [registration.plan_update(SERVICE_UPDATE_KEY, resource, name, detail, edits, after)]


def _describe_edits(edits: ApplicationEdits) -> str:
    parts = list[str]()
    if edits.uri:
        parts.append(f"Application ID URI {edits.uri}")
    if edits.role:
        parts.append(f"app role {edits.role.value}")
    if edits.token_version:
        parts.append(f"v{edits.token_version} access tokens")
    if edits.management_reference:
        parts.append(f"service management reference {edits.management_reference}")
    if edits.unique_name:
        parts.append(f"named {edits.unique_name}, for this App Service")
    if not parts and Tag.SITE.values(edits.tags):
        parts.append("notes where its App Service is")
    return ", ".join(parts)


# Tags, notes and a `uniqueName`: by what the next run finds it


def _add_marks(
    edits: ApplicationEdits, application: Application, spec: ServiceSpec, observed: ObservedState
) -> ApplicationEdits:
    """Add what marks the registration as this App Service's own, so that it need not be named."""
    own_name = observed.trust.unique_name
    if application.unique_name == own_name:
        is_told_apart = bool(observed.twins) and is_named_as_service(application, spec)
        return _complete_marks(edits, application, observed, is_due=is_told_apart)
    # A registration with another `uniqueName` may be another App Service's.
    is_unmarked = application.unique_name is None
    # A trust file names it each time.
    is_adopted_now = is_named_as_service(application, spec) and not spec.is_in_file
    if is_unmarked and is_adopted_now and _is_name_free(observed):
        return replace(
            edits,
            unique_name=own_name,
            tags=(
                *edits.tags,
                Tag.ADOPTED.of(own_name),
                *_missing_site_tags(application, observed),
                *_api_tags(observed.api),
            ),
            notes=_missing_note(application, observed),
        )
    return edits


def _is_name_free(observed: ObservedState) -> bool:
    """Whether an adopted registration can get this App Service's `uniqueName`."""
    trust = observed.trust
    is_taken = trust.own_unused is not None or any(
        application.unique_name == trust.unique_name for application in trust.deleted
    )
    return not is_taken and bool(site_in_unique_name(trust.unique_name))


def _complete_marks(
    edits: ApplicationEdits, application: Application, observed: ObservedState, *, is_due: bool
) -> ApplicationEdits:
    """Add the tag of its name and its note, where it lacks them and is written to anyway.

    The creation leaves them out, as it would write them over those of someone who was faster.
    `is_due`: whether they are worth a write, as another App Service of the name could take it.
    """
    tag = Tag.NAME.of(observed.trust.unique_name)
    missing_name = () if tag in application.tags else (tag,)
    missing_site_tags = _missing_site_tags(application, observed)
    missing_tags = (*missing_name, *missing_site_tags)
    missing_note = _missing_note(application, observed)
    # An interrupted run may have left them out: that alone is not worth a write.
    is_written = edits != ApplicationEdits() or (is_due and bool(missing_site_tags))
    if not is_written or not (missing_tags or missing_note):
        return edits
    return replace(edits, tags=(*edits.tags, *missing_tags), notes=missing_note)


def _missing_note(application: Application, observed: ObservedState) -> str | None:
    """The note that tells this App Service from another one of the same name."""
    site = observed.app_service
    if site is None or application.notes:
        return None
    return site_note(str(site.resource))


def _missing_site_tags(application: Application, observed: ObservedState) -> tuple[str, ...]:
    """The tag that says the same as the note, which people write over."""
    is_marked = bool(Tag.SITE.values(application.tags))
    if is_marked or another_site(application, observed) is not None:
        return ()
    return site_tags(observed)


def _missing_use_tags(
    edits: ApplicationEdits, application: Application, spec: ServiceSpec, observed: ObservedState
) -> tuple[str, ...]:
    """The tag by which a teardown elsewhere keeps a service application that is used here, too.

    Clients show by their app role who uses it. Managed identities hold none.
    """
    own_name = observed.trust.unique_name
    tag = Tag.USED.of(own_name)
    if tag in application.tags or not is_named_as_service(application, spec):
        return ()
    if not site_in_unique_name(own_name) or application.unique_name == own_name:
        return ()
    # Without a name, it becomes this App Service's own by this run, or stays a trust file's.
    if application.unique_name is None and (edits.unique_name is not None or spec.is_in_file):
        return ()
    return (tag,)


def plan_end_of_use(service: Registration, observed: ObservedState) -> list[UpdateApplication]:
    """Plan to take off the tag that says that this App Service uses it."""
    application = service.application
    tag = Tag.USED.of(observed.trust.unique_name)
    if tag not in application.tags:
        return []
    detail = f"no longer notes that {_site_of(observed)} uses it"
    edits = ApplicationEdits(no_tags=(tag,))
    name = application.display_name
    return [service.plan_update(SERVICE_USE_KEY, SERVICE, name, detail, edits)]


def _site_of(observed: ObservedState) -> str:
    return site_in_unique_name(observed.trust.unique_name) or ""


# The version of its tokens


def _other_token_version(
    application: Application, observed: ObservedState, spec: ServiceSpec
) -> int | None:
    """The version of access tokens to switch to; `None`: none. Raises Refused: others use it."""
    api = observed.api
    version = application.token_version or 1
    # The creation says the version of a new one.
    if not application.object_id or api.token_version in {None, version}:
        return None
    users = [*other_users(application, observed)]
    site = another_site(application, observed)
    if site is not None and is_named_as_service(application, spec):
        users.append(site)
    if users:
        raise Refused(
            "token-version-differs",
            f"'{application.display_name}' issues v{version} access tokens, which {users[0]} "
            f"uses, too, and {api.called} needs v{api.token_version}.",
            says_unchanged=True,
            remedy="Use a service application of its own (without --service-app), correct "
            "token-version in the description, or switch the registration yourself "
            "(api.requestedAccessTokenVersion).",
        )
    return api.token_version


def _describe_token_version(application: Application, version: int, api: Api) -> str:
    return (
        f"'{application.display_name}' issues v{application.token_version or 1} access tokens. "
        f"They become v{version}, as {api.called} needs them: issuer and audience change for "
        "everyone else who calls an API with them."
    )


# Why it is not written to


def refuse_doubted_service(
    plan: Plan, service: PlannedService | None, observed: ObservedState
) -> None:
    """Refuse a plan that would write on the word of the App Service's settings alone.

    Raises Refused.
    """
    application = observed.trust.service
    has_steps = bool(plan.changes or plan.manual_steps)
    if service is None or application is None or not has_steps:
        return
    if isinstance(service.decision, Doubted):
        raise service_not_ours(application, observed, service.decision)
    # Nothing that mct-s2s created asks for another version: who once owned another team's API may
    # have given it our name.
    is_confirmed = service.decision is not Belief.OWN_SERVICE or is_created_by_caller(
        application, observed.caller
    )
    if any(map(_switches_token_version, plan.changes)) and not is_confirmed:
        raise _token_version_not_confirmed(application, observed.api)
    content = tuple(foreign_service_content(application, observed))
    if content and any(map(_exposes, plan.changes)) and not is_confirmed:
        doubted = Doubted((Reason(Doubt.CONTENT, content),))
        raise service_not_ours(application, observed, doubted)
    # A Website Contributor could have another role granted by naming it in the settings.
    is_role_known = service.role.value in {service.spec.role, observed.api.role}
    if any(map(_grants_role, (*plan.changes, *plan.manual_steps))) and not is_role_known:
        raise role_not_named(service.role.value)


def _switches_token_version(change: AnyChange) -> bool:
    return isinstance(change, UpdateApplication) and change.edits.token_version is not None


def _exposes(change: AnyChange) -> bool:
    """Whether it gives the service application an app role or a URI that it lacks."""
    edits = change.edits if isinstance(change, UpdateApplication) else None
    return edits is not None and (edits.role is not None or edits.uri is not None)


def _grants_role(step: AnyChange | ManualStep) -> bool:
    """Whether it assigns the role, adds or enables it, or has a client request it."""
    if isinstance(step, UpdateApplication):
        return step.edits.access_role is not None or step.edits.role is not None
    return isinstance(step, AssignAppRole)


def role_not_named(value: str) -> Refused:
    return Refused(
        "role-not-named",
        f"The app role that is set up is '{value}'. It is granted only if you name it.",
        says_unchanged=True,
        remedy=f"If it is right, run the same command with {option('--role', value)}",
    )


def _token_version_not_confirmed(application: Application, api: Api) -> Refused:
    return Refused(
        "token-version-not-confirmed",
        f"'{application.display_name}' (appId {application.client_id}) issues "
        f"v{application.token_version or 1} access tokens, and {api.called} needs "
        f"v{api.token_version}. That changes issuer and audience for everyone else who calls an "
        "API with them.",
        says_unchanged=True,
        remedy="If it serves only this App Service, run the same command with "
        f"{option(SERVICE_OPTION, application.client_id)}",
    )


def _named_otherwise(application: Application, spec: ServiceSpec) -> Refused:
    typed_as = "service-name" if spec.is_in_file else "--service-name"
    name = spec.display_name
    return Refused(
        "service-name-differs",
        f"The service application exists and is called '{application.display_name}', not '{name}'.",
        says_unchanged=True,
        remedy=f"Remove {typed_as}, or rename the registration first:",
        command=az_command("ad app update", "--id", application.client_id, "--display-name", name),
    )


def service_missing(observed: ObservedState) -> NotThere:
    to = ":" if observed.file is not None else ", add --client NAME to:"
    missing = NotThere(
        "service-application-missing",
        "This App Service has no service application, so it has no clients.",
        remedy="It is not set up yet, or its registration was deleted. To create or restore "
        f"it{to}",
        command=observed.command("setup"),
    )
    missing.may_appear = bool(observed.service_in_settings)
    return missing
