"""The JSON documents of the contract; their schemas are made of them by `schemas.py`.

Each is a model, made of the program's own values by its `of`. Those of a changing command are made
of its `Outcome` by `cli/result_document.py`, as `render/` does not know the engine.

What a text has to look like is in the schema and is not checked: it keeps no document from being
printed. The schemas allow members they do not name, as later versions may add some. A text with
`examples` is a stable code of a list that may grow.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    Self,
    TypeAlias,
    TypeVar,
    dataclass_transform,
)

from pydantic import (
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SkipValidation,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from mct_s2s.errors import Instruction, MissingRight, S2SError
from mct_s2s.model.azure_resources import AppService
from mct_s2s.model.caller_rights import SignedIn, Verdict
from mct_s2s.model.client_credentials import Credential, CredentialKind
from mct_s2s.model.client_sign_in import Language, token_endpoint
from mct_s2s.model.directory_objects import Application, AppRole, ServicePrincipal, Tenant
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.run_files import of_settings
from mct_s2s.planning.api_address import api_url
from mct_s2s.planning.changes import Action, AnyChange
from mct_s2s.planning.export import Export, ExportedSite
from mct_s2s.planning.permissions.doctor import (
    DoctorCheck,
    Seen,
    SetupForecast,
    SiteChecks,
    forecast,
    is_ready,
    steps_to_take,
)
from mct_s2s.planning.reports.findings import Finding, Severity
from mct_s2s.planning.reports.status import ClientStatus, SiteStatus, StatusReport, UnreadSite
from mct_s2s.planning.reports.verification import (
    CheckSubject,
    FileVerification,
    Verification,
    VerificationCheck,
)
from mct_s2s.planning.service_facts import known_audience, wanted_role

if TYPE_CHECKING:
    from mct_s2s.render.site_report import SavedCredential, SiteReport, TakenBack

Json: TypeAlias = dict[str, Any]
T = TypeVar("T")


def _text(**more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **more})


AnyText = Annotated[SkipValidation[str], BeforeValidator(str), _text()]
Text = Annotated[AnyText, _text(minLength=1)]
Guid = Annotated[AnyText, _text(pattern="^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
AzureId = Annotated[AnyText, _text(pattern="^/subscriptions/")]
Code = Annotated[AnyText, _text(pattern="^[a-z][a-z0-9-]*$")]
Fingerprint = Annotated[AnyText, _text(pattern="^[0-9a-f]{64}$")]
Https = Annotated[AnyText, _text(pattern="^https://")]
Place = Annotated[AnyText, _text(pattern="^(file:.|keyvault:|exec:|show$)")]
Moment = Annotated[
    SkipValidation[datetime],
    PlainSerializer(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%SZ}"),
    _text(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"),
]
Settings = Annotated[SkipValidation[dict[str, str]], of_settings("string")]
Headers = Annotated[SkipValidation[dict[str, str]], of_settings("string")]
Values = Annotated[SkipValidation[dict[str, str | None]], of_settings(["string", "null"])]
OrNull = Annotated[T | None, BeforeValidator(lambda value: value or None)]
"""Null where it is empty, too."""


LEFT_OUT = ""
"""In place of the id of an object that has none; `None` is one that is not known yet."""


def _is(meaning: str, **more: Any) -> Any:
    """A member."""
    return Field(description=meaning, **more)


def _may_be(meaning: str, *, default: Any) -> Any:
    """A member that is left out where it has its default."""
    return _is(meaning, default=default, exclude_if=lambda value: value == default)


# So that a type checker knows which members have to be given, and of which type.
@dataclass_transform(kw_only_default=True, field_specifiers=(_is, _may_be))
class Part(BaseModel):
    """An object within a document. Its `of` makes it of the program's own value."""

    # The member `document`, which has the name and version, is called `schema` in JSON: pydantic's
    # models have a method of that name.
    model_config = ConfigDict(
        alias_generator=AliasGenerator(
            serialization_alias=lambda name: "schema" if name == "document" else to_camel(name)
        ),
        frozen=True,
        defer_build=True,
        json_schema_serialization_defaults_required=True,
    )


class MissingRightPart(Part):
    step: Text = _is("What it is needed for, as a verb phrase.")
    right: Text = _is("The role or permission; for a lock, its removal.")
    who: Text = _is("Who can grant it.")
    command: OrNull[Text] = _is("What they run; null if no command is known.")

    @classmethod
    def of(cls, missing: MissingRight) -> Self:
        return cls(step=missing.step, right=missing.right, who=missing.who, command=missing.command)


class ManualStepPart(Part):
    what: Text = _is("The step, or the right to grant and what needs it.")
    who: OrNull[Text] = _is("Who can do it; null if that is not known.")
    command: OrNull[Text] = _is("What they run; null if no command is known.")
    link: Text | None = _is("A page that does the same, such as the consent page.")
    settings: Settings | None = _is(
        "The values to write, where the step is the App Service's settings. "
        "IDs are added to the lists that are there."
    )

    @classmethod
    def of(cls, step: Instruction) -> Self:
        return cls(
            what=step.what,
            who=step.who,
            command=step.command,
            link=step.link,
            settings=step.values,
        )


class FailurePart(Part):
    code: Code = _is("Stable code, see errors.md.")
    message: Text = _is("What is wrong.")
    remedy: Text = _is("What to do, usually a command.")
    request_id: OrNull[Text] = _is("The service's ID of the failed request, for a support case.")
    missing: list[MissingRightPart] = _is("The rights that you lack.")

    @classmethod
    def of(cls, error: S2SError, taken_back: Sequence["TakenBack"] = ()) -> Self:
        removed = "".join(f" The {credential} was removed again." for credential in taken_back)
        return cls(
            code=error.code,
            message=f"{error.message}{removed}",
            remedy=error.remedy,
            request_id=error.request_id,
            missing=[MissingRightPart.of(missing) for missing in error.missing],
        )


class TenantPart(Part):
    id: Guid = _is("Tenant ID.")
    name: Text = _is("Initial domain, such as contoso.onmicrosoft.com.")

    @classmethod
    def of(cls, tenant: Tenant) -> Self:
        return cls(id=tenant.id, name=tenant.name)


class SavedCredentialPart(Part):
    client: Text = _is("Display name of the client.")
    app_id: OrNull[Guid] = _is("Its appId; null in a dry run that would create it.")
    kind: CredentialKind = _is("Kind of credential.")
    expires: Moment | None = _is(
        "When it expires (UTC); null for a federated credential, which does not."
    )
    saved_to: Place | None = _is(
        "Where it is: file:PATH, keyvault:VAULT/NAME, exec:COMMAND or show; null: nowhere, or "
        "unknown."
    )
    created: bool = _is("Whether this run created it; in a dry run, whether it would.")
    secret: Text | None = _may_be(
        "The secret, or a certificate with its key as PEM. Only with --secret-to show.",
        default=None,
    )
    removal: Text | None = _may_be(
        "The command that removes it. Only if it reached no one, and this run could not.",
        default=None,
    )

    @classmethod
    def of(cls, credential: "SavedCredential") -> Self:
        return cls(
            client=credential.client,
            app_id=credential.client_id,
            kind=credential.kind,
            expires=credential.expires,
            saved_to=str(credential.saved_to) if credential.saved_to is not None else None,
            created=credential.created,
            secret=credential.secret,
            removal=credential.removal,
        )


class ConnectionPart(Part):
    token_endpoint: Https = _is("Where a client gets its token.")
    scope: Text = _is("The scope to ask for, for a client application.")
    resource: Text = _is("The resource to ask for, for a managed identity.")
    url: Https | None = _is("Address of the API; null if the App Service was not read.")
    headers: Headers = _is("The headers of every call, beside the token: `ClientType` for MCT.")

    @classmethod
    def of(cls, observed: ObservedState) -> Self | None:
        """`None` where there is no service application to ask a token for."""
        tenant, uri = observed.tenant, known_audience(observed)
        if uri is None or tenant is None:
            return None
        return cls(
            token_endpoint=token_endpoint(observed.login, tenant.id),
            scope=f"{uri}/.default",
            resource=uri,
            url=api_url(observed),
            headers=observed.api.test.headers,
        )


_CONNECTION = (
    "How a client calls the API; null while there is no service application with an Application ID "
    "URI."
)


# status


class AppServicePart(Part):
    id: AzureId = _is("Resource ID.")
    name: Text = _is("Name, without the slot.")
    resource_group: Text = _is("Resource group.")
    slot: Text | None = _is("Deployment slot; null for production.")
    url: Https = _is("Address of the site.")
    state: Text = _is("State that Azure reports: Running, Stopped.")
    settings: Settings | None = _is(
        "Those for service-to-service authentication; null if you can't read them."
    )

    @classmethod
    def of(cls, site: AppService, settings: dict[str, str] | None) -> Self:
        return cls(
            id=str(site.resource),
            name=site.name,
            resource_group=site.resource.resource_group,
            slot=site.resource.slot,
            url=site.url,
            state=site.state,
            settings=settings,
        )


class RolePart(Part):
    id: Guid = _is("ID of the app role.")
    value: Text = _is("Value, as in the `roles` claim.")
    enabled: bool = _is("Whether it is enabled.")

    @classmethod
    def of(cls, role: AppRole) -> Self:
        return cls(id=role.id, value=role.value, enabled=role.enabled)


class ServiceApplicationPart(Part):
    app_id: Guid = _is("Application (client) ID.")
    object_id: Guid = _is("Object ID of the registration.")
    service_principal_id: Guid | None = _is(
        "Object ID of its service principal; null if there is none."
    )
    display_name: Text = _is("Display name.")
    application_id_uri: Text | None = _is(
        "Application ID URI, the audience of tokens; null if there is none."
    )
    app_role: RolePart | None = _is("The app role that clients need; null if there is none.")

    @classmethod
    def of(cls, service: Application, observed: ObservedState) -> Self:
        principal, role = observed.trust.principal, wanted_role(observed)
        return cls(
            app_id=service.client_id,
            object_id=service.object_id,
            service_principal_id=principal.id if principal is not None else None,
            display_name=service.display_name,
            application_id_uri=known_audience(observed),
            app_role=RolePart.of(role) if role is not None else None,
        )


class CredentialPart(Part):
    kind: CredentialKind = _is("Kind of credential.")
    key_id: Guid = _is("ID of the credential.")
    name: Text | None = _is("Description, as in the portal.")
    expires: Moment | None = _is(
        "When it expires (UTC); null for a federated credential, which does not."
    )

    @classmethod
    def of(cls, credential: Credential) -> Self:
        return cls(
            kind=credential.kind,
            key_id=credential.key_id,
            name=credential.name,
            expires=credential.expires,
        )


_CAN_CALL = (
    "Whether it can call the API, every finding taken into account; null if that is not known."
)


class ClientApplicationPart(Part):
    kind: Literal["application"] = _is("A client application.", default="application")
    display_name: Text = _is("Display name.")
    app_id: Guid = _is("Application (client) ID.")
    object_id: OrNull[Guid] = _is("Object ID; null: in another tenant.")
    service_principal_id: OrNull[Guid] = _is(
        "Object ID of its service principal; null: it has none."
    )
    consented: bool = _is("Whether it has admin consent for the app role.")
    allowed: bool | None = _is(
        "Whether it is on an allow list of the App Service; null if the settings were not read."
    )
    can_call: bool | None = _is(_CAN_CALL)
    credentials: list[CredentialPart] = _is("Its credentials; their values are never shown.")

    @classmethod
    def of(cls, client: ClientApplication, status: ClientStatus) -> Self:
        return cls(
            display_name=status.name,
            app_id=client.client_id,
            object_id=client.application.object_id,
            service_principal_id=client.principal_id,
            consented=bool(status.consented),
            allowed=status.allowed,
            can_call=status.can_call,
            credentials=[CredentialPart.of(credential) for credential in status.credentials],
        )


class ManagedIdentityPart(Part):
    kind: Literal["managedIdentity"] = _is("A managed identity.", default="managedIdentity")
    display_name: Text = _is("Display name.")
    resource_id: Text | None = _is("ID of the resource that has it; null if unknown.")
    principal_id: Guid = _is("Object ID of the identity's service principal.")
    allowed: bool | None = _is(
        "Whether its object id is on the allow list; null if the settings were not read."
    )
    can_call: bool | None = _is(_CAN_CALL)

    @classmethod
    def of(cls, identity: ServicePrincipal, status: ClientStatus) -> Self:
        return cls(
            display_name=status.name,
            resource_id=identity.resource_id,
            principal_id=identity.id,
            allowed=status.allowed,
            can_call=status.can_call,
        )


def _client_parts(
    statuses: Sequence[ClientStatus],
) -> list[ClientApplicationPart | ManagedIdentityPart]:
    applications: list[ClientApplicationPart] = []
    identities: list[ManagedIdentityPart] = []
    for status in sorted(statuses, key=lambda status: (status.name.casefold(), status.id)):
        if isinstance(status.client, ClientApplication):
            applications.append(ClientApplicationPart.of(status.client, status))
        else:
            identities.append(ManagedIdentityPart.of(status.client, status))
    return [*applications, *identities]


class FindingPart(Part):
    code: Annotated[
        AnyText,
        _text(
            pattern="^[a-z][a-z-]*$",
            examples=[
                "not-configured", "service-application-missing", "application-id-uri-missing",
                "app-role-missing",
                "app-role-disabled", "service-principal-missing", "client-not-consented",
                "client-not-allowed",
                "client-unknown", "setting-missing", "setting-mismatch", "setting-malformed",
                "tenant-mismatch",
                "token-version", "secret-expiring", "secret-expired", "no-credential", "no-clients",
                "settings-unreadable", "app-service-stopped", "settings-not-sticky",
                "service-application-not-ours",
                "secret-not-stored", "other-api", "credential-not-in-file",
            ],
        ),
    ] = _is("Stable code.")  # fmt: skip
    severity: Severity = _is("Notes do not affect `healthy`.")
    subject: Text = _is("The client, setting or resource it is about.")
    message: Text = _is("What is wrong.")
    remedy: Text = _is("What to do, usually a command.")

    @classmethod
    def of(cls, finding: Finding) -> Self:
        return cls(
            code=finding.code,
            severity=finding.severity,
            subject=finding.subject,
            message=finding.message,
            remedy=finding.remedy,
        )


class StatusDocument(Part):
    """What is configured, what is missing and what expires: `mct-s2s status -o json`."""

    site: Text | None = _may_be(
        "Only in a list, with `--file`: what the file calls the site.", default=None
    )
    document: Literal["mct-s2s/status/v1"] = "mct-s2s/status/v1"
    healthy: bool = _is("Whether no finding is an error or a warning.")
    cloud: Text = _is("Name or URL of the cloud.")
    tenant: TenantPart | None = _is("The Microsoft Entra tenant; null if it was not read.")
    api: Text = _is("Name of the API that the App Service serves.")
    app_service: AppServicePart | None = _is("The App Service; null if it was not read.")
    service_application: ServiceApplicationPart | None = _is(
        "The app registration of the API; null: none."
    )
    clients: list[ClientApplicationPart | ManagedIdentityPart] = _is(
        "Client applications, then managed identities."
    )
    connection: ConnectionPart | None = _is(_CONNECTION)
    findings: list[FindingPart] = _is("What is wrong, in the order in which to fix it.")

    @classmethod
    def of(cls, status: SiteStatus) -> Self:
        observed = status.observed
        tenant, site, service = observed.tenant, observed.app_service, observed.trust.service
        return cls(
            site=status.key,
            healthy=status.is_healthy,
            cloud=observed.cloud,
            tenant=TenantPart.of(tenant) if tenant is not None else None,
            api=observed.api.name,
            app_service=AppServicePart.of(site, observed.own_settings)
            if site is not None
            else None,
            service_application=(
                ServiceApplicationPart.of(service, observed) if service is not None else None
            ),
            clients=_client_parts(status.all_clients),
            connection=ConnectionPart.of(observed),
            findings=[FindingPart.of(finding) for finding in status.findings],
        )


class UnreadSitePart(Part):
    site: Text | None = _may_be("Only with `--file`: what the file calls it.", default=None)
    app_service: AzureId | None = _is("Resource ID; null if it could not be found.")
    name: Text = _is("Name of the App Service, with its slot.")
    error: FailurePart = _is("Why.")

    @classmethod
    def of(cls, site: UnreadSite) -> Self:
        return cls(
            site=site.key,
            app_service=str(site.resource) if site.resource is not None else None,
            name=site.target.label,
            error=FailurePart.of(site.error),
        )


class StatusListDocument(Part):
    """Every App Service of a subscription or a trust file: `mct-s2s status --all -o json`, or with
    `-f FILE`.
    """

    document: Literal["mct-s2s/status-list/v1"] = "mct-s2s/status-list/v1"
    healthy: bool = _is("Whether no App Service that was read has a problem.")
    sites: list[StatusDocument] = _is("The App Services, by name, or in the order of the file.")
    failed: list[UnreadSitePart] = _is("The App Services whose state could not be read.")
    unchecked: list[AzureId] = _is(
        "Resource IDs of web apps that are not listed: you can't read their settings."
    )

    @classmethod
    def of(cls, report: StatusReport) -> Self:
        return cls(
            healthy=report.is_healthy,
            sites=[StatusDocument.of(site) for site in report.sites],
            failed=[UnreadSitePart.of(site) for site in report.failed],
            unchecked=[str(resource) for resource in report.unchecked],
        )


# verify, doctor, snippet, export


class VerificationCheckPart(Part):
    client: Text | None = _is("Display name of the client; null for a check of the site.")
    kind: CheckSubject = _is("What the check is about.")
    check: Annotated[
        AnyText,
        _text(
            pattern="^[a-z][a-z-]*$",
            examples=[
                "configured",
                "running",
                "without-token",
                "token",
                "allowed",
                "assignment",
                "call",
            ],
        ),
    ] = _is("Stable name of the check.")
    ok: bool | None = _is("true: passed; false: failed; null: it can't be checked from here.")
    message: Text = _is("What was found.")
    remedy: Text | None = _is("What to do; null if there is nothing to do.")

    @classmethod
    def of(cls, check: VerificationCheck) -> Self:
        return cls(
            client=check.client,
            kind=check.kind,
            check=check.check,
            ok=check.ok,
            message=check.message,
            remedy=check.remedy,
        )


class VerifyDocument(Part):
    """The test of each client by a real token and a real call: `mct-s2s verify -o json`."""

    site: Text | None = _may_be(
        "Only in a list, with `--file`: what the file calls the site.", default=None
    )
    document: Literal["mct-s2s/verify/v1"] = "mct-s2s/verify/v1"
    proved: bool = _is("Whether a client's call succeeded and no check failed.")
    api: Text = _is("Name of the API.")
    url: Text = _is("Address of the site.")
    path: Text = _is("Path that was called.")
    checks: list[VerificationCheckPart] = _is("The checks of the site, then those of each client.")

    @classmethod
    def of(cls, verification: Verification) -> Self:
        return cls(
            site=verification.key,
            proved=verification.is_proved,
            api=verification.api.name,
            url=verification.url,
            path=verification.path,
            checks=[VerificationCheckPart.of(check) for check in verification.checks],
        )


class VerifyListDocument(Part):
    """The tests at every site of a trust file: `mct-s2s verify -f FILE -o json`."""

    document: Literal["mct-s2s/verify-list/v1"] = "mct-s2s/verify-list/v1"
    proved: bool = _is("Whether every site that was read is proved.")
    sites: list[VerifyDocument] = _is("The sites that were read, in the order of the file.")
    failed: list[UnreadSitePart] = _is("The sites that could not be read.")

    @classmethod
    def of(cls, report: FileVerification) -> Self:
        return cls(
            proved=report.is_proved,
            sites=[VerifyDocument.of(verification) for verification in report.sites],
            failed=[UnreadSitePart.of(site) for site in report.failed],
        )


class CallerPart(Part):
    kind: Literal["person", "servicePrincipal", None] = _is("Kind of caller.")
    name: OrNull[Text] = _is("User principal name or display name.")
    id: Guid | None = _is("Object ID.")
    app_id: OrNull[Guid] = _is(
        "appId of a service principal, or of the app a person signed in with."
    )
    method: Text | None = _is("How the caller signed in.")

    @classmethod
    def of(cls, caller: SignedIn) -> Self:
        kind: Literal["person", "servicePrincipal"] | None = None
        if caller.is_person is not None:
            kind = "person" if caller.is_person else "servicePrincipal"
        return cls(
            kind=kind,
            name=caller.name,
            id=caller.id,
            app_id=caller.client_id,
            method=caller.description,
        )


class DoctorCheckPart(Part):
    code: Code = _is("Stable code.")
    state: Verdict = _is("`unknown`: it can't be checked, and stops nothing.")
    subject: Text = _is("What the right is about.")
    message: Text = _is("What was found.")
    remedy: OrNull[Text] = _is("Who can grant it, and how; null if there is nothing to do.")

    @classmethod
    def of(cls, check: DoctorCheck) -> Self:
        return cls(
            code=check.code,
            state=check.state,
            subject=check.subject,
            message=check.message,
            remedy=check.remedy,
        )


class DoctorDocument(Part):
    """What the caller may do: `mct-s2s doctor -o json`."""

    site: Text | None = _may_be(
        "Only in a list, with `--file`: what the file calls the site.", default=None
    )
    document: Literal["mct-s2s/doctor/v1"] = "mct-s2s/doctor/v1"
    ready: bool = _is("Whether no check is `missing`.")
    setup: SetupForecast = _is(
        "What `setup` does. `partial`: it leaves what is missing to someone else. `stops`: it "
        "changes nothing."
    )
    caller: CallerPart = _is("Who is signed in; members are null if the directory can't be read.")
    tenant: TenantPart | None = _is("The Microsoft Entra tenant; null if it can't be read.")
    checks: list[DoctorCheckPart] = _is("One check for each right, lock and policy.")
    manual_steps: list[ManualStepPart] = _is("What someone else has to grant, complete.")

    @classmethod
    def of(cls, seen: Seen, checks: Sequence[DoctorCheck], site: str | None = None) -> Self:
        tenant = seen.observed.tenant
        return cls(
            site=site,
            ready=is_ready(checks),
            setup=forecast(checks),
            caller=CallerPart.of(seen.access.signed_in),
            tenant=TenantPart.of(tenant) if tenant is not None else None,
            checks=[DoctorCheckPart.of(check) for check in checks],
            manual_steps=[ManualStepPart.of(step) for step in steps_to_take(checks, Verdict.NO)],
        )


class DoctorListDocument(Part):
    """What the caller may do at every site of a trust file: `mct-s2s doctor -f FILE -o json`."""

    document: Literal["mct-s2s/doctor-list/v1"] = "mct-s2s/doctor-list/v1"
    ready: bool = _is("Whether no check of a site that was read is `missing`.")
    sites: list[DoctorDocument] = _is("The sites that were read, in the order of the file.")
    failed: list[UnreadSitePart] = _is("The sites that could not be read.")

    @classmethod
    def of(cls, sites: Sequence[SiteChecks], failed: Sequence[UnreadSite]) -> Self:
        return cls(
            ready=all(site.is_ready for site in sites),
            sites=[DoctorDocument.of(site.seen, site.checks, site.key) for site in sites],
            failed=[UnreadSitePart.of(site) for site in failed],
        )


class SnippetDocument(Part):
    """A program that calls the API as one client, or an app's settings: `mct-s2s snippet CLIENT -o
    json`.
    """

    document: Literal["mct-s2s/snippet/v1"] = "mct-s2s/snippet/v1"
    language: Language = _is("What the text is.")
    client: Text = _is("Display name of the client.")
    text: Text = _is("The program. It holds no secret.")


class ExportedSitePart(Part):
    app_service: AnyText = _is("Its resource ID.")
    api: Text = _is("Name of the API that it serves.")
    clients: int = _is("How many client applications its table has.")
    managed_identities: int = _is("How many managed identities its table has.")
    left_out: list[AnyText] = _is(
        "What is there and cannot be said, or only in comments, one sentence each."
    )

    @classmethod
    def of(cls, site: ExportedSite) -> Self:
        return cls(
            app_service=str(site.resource),
            api=site.api,
            clients=len(site.clients),
            managed_identities=len(site.identities),
            left_out=list(site.unsaid),
        )


class UnreadExportPart(Part):
    app_service: AnyText = _is("Its resource ID.")
    error: FailurePart = _is("Why.")

    @classmethod
    def of(cls, site: UnreadSite) -> Self:
        return cls(app_service=str(site.resource), error=FailurePart.of(site.error))


class ExportDocument(Part):
    """A trust file of what exists, and what it does not say: the output of `export -o json`."""

    document: Literal["mct-s2s/export/v1"] = "mct-s2s/export/v1"
    text: AnyText = _is("The trust file: TOML.")
    sites: list[ExportedSitePart] = _is("The App Services in it.")
    not_set_up: list[AnyText] = _is(
        "With `--all`: resource IDs of sites without service-to-service authentication."
    )
    failed: list[UnreadExportPart] = _is("With `--all`: sites that could not be read, and why.")
    unchecked: list[AnyText] = _is(
        "With `--all`: resource IDs of web apps whose settings you can't read."
    )

    @classmethod
    def of(cls, exported: Export) -> Self:
        return cls(
            text=exported.text,
            sites=[ExportedSitePart.of(site) for site in exported.sites],
            not_set_up=[str(resource) for resource in exported.not_set_up],
            failed=[UnreadExportPart.of(site) for site in exported.failed],
            unchecked=[str(resource) for resource in exported.unchecked],
        )


# Commands that change something


class ChangePart(Part):
    action: Action = _is("What the change does; `none` where nothing was left to do.")
    resource: Text = _is("Kind of resource.")
    name: Text = _is("Name of the resource.")
    id: OrNull[Text] = _is(
        "Null if it does not exist yet. Of a registration the appId, of a principal its object ID."
    )
    app_id: Guid | None = _may_be(
        "Only for app registrations and service principals: the appId.", default=LEFT_OUT
    )
    object_id: Guid | None = _may_be(
        "Only for app registrations and service principals: the object ID.", default=LEFT_OUT
    )
    detail: AnyText = _is("More about the change, for people.")
    seconds: float = _is("How long it took; 0 in a dry run.", json_schema_extra={"minimum": 0})
    blocked: bool | None = _may_be(
        "Only in a dry run: whether you lack a right for it.", default=None
    )
    before: Values | None = _may_be(
        "Only for application settings: values before; null if the setting did not exist.",
        default=None,
    )
    after: Values | None = _may_be(
        "Only for application settings: values after; null if deleted or not known yet.",
        default=None,
    )


class NotePart(Part):
    text: Text = _is("A sentence.")
    command: OrNull[Text] = _is("The command that it speaks of; null if there is none.")

    @classmethod
    def of(cls, note: Instruction) -> Self:
        return cls(text=note.what, command=note.command)


class ResultDocument(Part):
    """What a command changed, or with `--dry-run` would change: any that changes one App Service,
    with `-o json`.
    """

    document: Literal["mct-s2s/result/v1"] = "mct-s2s/result/v1"
    dry_run: bool = _is("True with --dry-run: nothing was changed.")
    fingerprint: Fingerprint | None = _may_be(
        "Only in a dry run: a digest of the plan, the same whenever it is made.",
        default=None,
    )
    api: Text = _is("Name of the API that the App Service serves.")
    changes: list[ChangePart] = _is("In the order of the plan; empty: everything is up to date.")
    credentials: list[SavedCredentialPart] = _is(
        "The credentials of the clients that the command was about."
    )
    manual_steps: list[ManualStepPart] = _is(
        "What someone else has to do; with exit code 4 where you lack a right."
    )
    notes: list[NotePart] = _is("What you should know, although no step follows from it.")
    missing: list[MissingRightPart] = _is("The rights that you lack.")
    verification: VerifyDocument | None = _is("The test at the end; null if there was none.")
    connection: ConnectionPart | None = _is(_CONNECTION)


_WritingAction = Annotated[Action, _text(enum=["create", "update", "delete"])]


class StepPart(Part):
    action: _WritingAction = _is("What the change does.")
    resource: Text = _is("Kind of resource.")
    name: Text = _is("Name of the resource.")

    @classmethod
    def of(cls, change: AnyChange) -> Self:
        return cls(action=change.action, resource=change.resource, name=change.name)


class ErrorDocument(Part):
    """Why a command failed, and how far it had come: any command with `-o json`."""

    document: Literal["mct-s2s/error/v1"] = "mct-s2s/error/v1"
    error: FailurePart = _is("The error.")
    done: list[StepPart] = _is("Changes that took effect.")
    in_doubt: list[StepPart] = _is(
        "Changes that were begun and not confirmed, such as one whose answer was lost; the same "
        "command, run again, finds out."
    )
    not_done: list[StepPart] = _is("Changes that did not take effect.")
    credentials: list[SavedCredentialPart] = _may_be(
        "What was created before it failed.", default=[]
    )

    @classmethod
    def of(cls, report: "SiteReport", error: S2SError) -> Self:
        """`report`: how far it had come at an App Service."""
        return cls(
            error=FailurePart.of(error, report.taken_back),
            done=[StepPart.of(change) for change in report.done],
            in_doubt=[StepPart.of(change) for change in report.in_doubt],
            not_done=[StepPart.of(change) for change in report.not_done],
            credentials=[SavedCredentialPart.of(credential) for credential in report.credentials],
        )


class AppliedSitePart(Part):
    site: Text = _is("What the file calls the site.")
    result: ResultDocument | None = _is("What was done there, or would be; null if it failed.")
    error: ErrorDocument | None = _is("Why it failed, and how far it had come; null if it did not.")


class ApplyDocument(Part):
    """What was done at each site of a trust file, or would be: `apply` and `rotate-secret -f FILE`
    with `-o json`.
    """

    document: Literal["mct-s2s/apply/v1"] = "mct-s2s/apply/v1"
    dry_run: bool = _is("True with --dry-run: nothing was changed.")
    fingerprint: Fingerprint | None = _is(
        "Of all plans, for `--expect`; null if a site, or its settings, could not be read."
    )
    sites: list[AppliedSitePart] = _is("The sites in the order of the file.")


class NamedSchemaPart(Part):
    name: Text = _is("Name for `mct-s2s schema NAME`.")
    document: Text = _is("Value of the document's `schema` key.", serialization_alias="document")
    description: Text = _is("What the document is.")


class SchemasDocument(Part):
    """The documents that have a schema: `mct-s2s schema -o json`."""

    document: Literal["mct-s2s/schemas/v1"] = "mct-s2s/schemas/v1"
    schemas: list[NamedSchemaPart] = _is("One row for each document.")
