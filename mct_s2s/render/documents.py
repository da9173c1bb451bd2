"""The JSON documents of the contract: models, read off the program's own values, and the schemas
made of them.

What a text has to look like is in the schema and is not checked: it keeps no document from being
printed. The schemas allow members they do not name, as later versions may add some. A text with
`examples` is a stable code of a list that may grow.
"""

from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import (
    AliasGenerator,
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SkipValidation,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import GenerateJsonSchema

from mct_s2s.model.api import Api
from mct_s2s.model.client_credentials import CredentialKind
from mct_s2s.model.client_sign_in import Language, token_endpoint
from mct_s2s.model.documents import Backup, Handoff, of_settings
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.trust_file import TrustFile
from mct_s2s.planning.api_address import api_url
from mct_s2s.planning.changes import Action
from mct_s2s.planning.ownership import known_audience, wanted_role
from mct_s2s.planning.reports.findings import Severity
from mct_s2s.planning.reports.verification import CheckSubject

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
Place = Annotated[AnyText, _text(pattern="^(file:/|keyvault:|exec:|show$)")]
Moment = Annotated[
    SkipValidation[str],
    BeforeValidator(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%SZ}"),
    _text(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"),
]
Count = Annotated[int, BeforeValidator(len)]
Settings = Annotated[SkipValidation[dict[str, str]], of_settings("string")]
Headers = Annotated[SkipValidation[dict[str, str]], of_settings("string")]
Values = Annotated[SkipValidation[dict[str, str | None]], of_settings(["string", "null"])]
OrNull = Annotated[T | None, BeforeValidator(lambda value: value or None)]
"""Null where it is empty, too."""


def _is(meaning: str, at: str | None = None, **more: Any) -> Any:
    """A member, and the path to its value if that is not under its own name."""
    return Field(description=meaning, validation_alias=at and AliasPath(*at.split(".")), **more)


def _may_be(meaning: str, at: str | None = None, absent: Any = None) -> Any:
    """A member that is left out where it has that value."""
    return _is(meaning, at, default=absent, exclude_if=lambda value: value == absent)


class Part(BaseModel):
    """An object within a document; its values are another object's attributes, or a
    dictionary's.
    """

    # The member `document`, which has the name and version, is called `schema` in JSON: pydantic's
    # models have a method of that name.
    model_config = ConfigDict(
        alias_generator=AliasGenerator(
            serialization_alias=lambda name: "schema" if name == "document" else to_camel(name)
        ),
        from_attributes=True,
        frozen=True,
        defer_build=True,
        json_schema_serialization_defaults_required=True,
    )


# Read off a `MissingRight` (`errors.py`).
class MissingRightPart(Part):
    step: Text = _is("What it is needed for, as a verb phrase.")
    right: Text = _is("The role or permission; for a lock, its removal.")
    who: Text = _is("Who can grant it.")
    command: OrNull[Text] = _is("What they run; null if no command is known.")


# Read off an `Instruction` (`errors.py`).
class ManualStepPart(Part):
    what: Text = _is("The step, or the right to grant and what needs it.")
    who: OrNull[Text] = _is("Who can do it; null if that is not known.")
    command: OrNull[Text] = _is("What they run; null if no command is known.")
    link: Text | None = _is("A page that does the same, such as the consent page.")
    settings: Settings | None = _is(
        "The values to write, where the step is the App Service's settings.", "values"
    )


# Read off an `S2SError`.
class FailurePart(Part):
    code: Code = _is("Stable code, see errors.md.")
    message: Text = _is("What is wrong.")
    remedy: Text = _is("What to do, usually a command.")
    request_id: OrNull[Text] = _is("The service's ID of the failed request, for a support case.")
    missing: list[MissingRightPart] = _is("The rights that you lack.")


# Read off a `Tenant`.
class TenantPart(Part):
    id: Guid = _is("Tenant ID.")
    name: Text = _is("Initial domain, such as contoso.onmicrosoft.com.")


# Read off a `SavedCredential` (`render/outcome.py`).
class SavedCredentialPart(Part):
    client: Text = _is("Display name of the client.")
    app_id: OrNull[Guid] = _is("Its appId; null in a dry run that would create it.", "client_id")
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
        "The secret, or a certificate with its key as PEM. Only with --secret-to show."
    )
    removal: Text | None = _may_be(
        "The command that removes it. Only if it reached no one, and this run could not."
    )


# Read off what `_connection` returns.
class ConnectionPart(Part):
    token_endpoint: Https = _is("Where a client gets its token.")
    scope: Text = _is("The scope to ask for, for a client application.")
    resource: Text = _is("The resource to ask for, for a managed identity.")
    url: Https | None = _is("Address of the API; null if the App Service was not read.")
    headers: Headers = _is("The headers of every call, beside the token: `ClientType` for MCT.")


def _connection(observed: ObservedState) -> Json | None:
    """What a client has to know; nothing where there is no service application to ask a
    token for.
    """
    tenant, uri = observed.tenant, known_audience(observed)
    if uri is None or tenant is None:
        return None
    return {
        "token_endpoint": token_endpoint(observed.login, tenant.id),
        "scope": f"{uri}/.default",
        "resource": uri,
        "url": api_url(observed),
        "headers": observed.api.test.headers,
    }


ConnectionOf = Annotated[ConnectionPart | None, BeforeValidator(_connection)]
_CONNECTION = (
    "How a client calls the API; null while there is no service application with an Application ID "
    "URI."
)


# status


# Read off what `_app_service` returns.
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


def _app_service(observed: ObservedState) -> Json | None:
    site = observed.app_service
    if site is None:
        return None
    return {
        "id": site.resource,
        "name": site.name,
        "resource_group": site.resource.resource_group,
        "slot": site.resource.slot,
        "url": site.url,
        "state": site.state,
        "settings": observed.own_settings,
    }


# Read off an `AppRole`.
class RolePart(Part):
    id: Guid = _is("ID of the app role.")
    value: Text = _is("Value, as in the `roles` claim.")
    enabled: bool = _is("Whether it is enabled.")


# Read off what `_service_application` returns.
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


def _service_application(observed: ObservedState) -> Json | None:
    service, principal = observed.trust.service, observed.trust.principal
    if service is None:
        return None
    return {
        "app_id": service.client_id,
        "object_id": service.object_id,
        "service_principal_id": principal.id if principal else None,
        "display_name": service.display_name,
        "application_id_uri": known_audience(observed),
        "app_role": wanted_role(observed),
    }


# Read off a `Credential`.
class CredentialPart(Part):
    kind: CredentialKind = _is("Kind of credential.")
    key_id: Guid = _is("ID of the credential.")
    name: Text | None = _is("Description, as in the portal.")
    expires: Moment | None = _is(
        "When it expires (UTC); null for a federated credential, which does not."
    )


_CAN_CALL = (
    "Whether it can call the API, every finding taken into account; null if that is not known."
)


# Read off a `ClientStatus` (`planning/reports/status.py`).
class ClientApplicationPart(Part):
    kind: Literal["application"] = _is("A client application.", default="application")
    display_name: Text = _is("Display name.", "name")
    app_id: Guid = _is("Application (client) ID.", "client.client_id")
    object_id: OrNull[Guid] = _is(
        "Object ID; null: in another tenant.", "client.application.object_id"
    )
    service_principal_id: OrNull[Guid] = _is(
        "Object ID of its service principal; null: it has none.",
        "client.principal.id",
        default=None,
    )
    consented: bool = _is("Whether it has admin consent for the app role.")
    allowed: bool | None = _is(
        "Whether it is on an allow list of the App Service; null if the settings were not read."
    )
    can_call: bool | None = _is(_CAN_CALL)
    credentials: list[CredentialPart] = _is("Its credentials; their values are never shown.")


# Read off a `ClientStatus`.
class ManagedIdentityPart(Part):
    kind: Literal["managedIdentity"] = _is("A managed identity.", default="managedIdentity")
    display_name: Text = _is("Display name.", "name")
    resource_id: Text | None = _is(
        "ID of the resource that has it; null if unknown.", "client.resource_id"
    )
    principal_id: Guid = _is("Object ID of the identity's service principal.", "id")
    allowed: bool | None = _is(
        "Whether its object id is on the allow list; null if the settings were not read."
    )
    can_call: bool | None = _is(_CAN_CALL)


# Read off a `Finding`.
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
                "secret-not-stored",
            ],
        ),
    ] = _is("Stable code.")  # fmt: skip
    severity: Severity = _is("Notes do not affect `healthy`.")
    subject: Text = _is("The client, setting or resource it is about.")
    message: Text = _is("What is wrong.")
    remedy: Text = _is("What to do, usually a command.")


# Read off a `SiteStatus` (`planning/reports/status.py`).
class StatusDocument(Part):
    """What is configured, what is missing and what expires: `mct-s2s status -o json`."""

    site: Text | None = _may_be(
        "Only in a list, with `--file`: what the file calls the site.", "key"
    )
    document: Literal["mct-s2s/status/v1"] = "mct-s2s/status/v1"
    healthy: bool = _is("Whether no finding is an error or a warning.", "is_healthy")
    cloud: Text = _is("Name or URL of the cloud.", "observed.cloud")
    tenant: TenantPart | None = _is(
        "The Microsoft Entra tenant; null if it was not read.", "observed.tenant"
    )
    api: Text = _is("Name of the API that the App Service serves.", "observed.api.name")
    app_service: Annotated[AppServicePart | None, BeforeValidator(_app_service)] = _is(
        "The App Service; null if it was not read.", "observed"
    )
    service_application: Annotated[
        ServiceApplicationPart | None, BeforeValidator(_service_application)
    ] = _is("The app registration of the API; null: none.", "observed")
    clients: Annotated[
        list[ClientApplicationPart | ManagedIdentityPart],
        BeforeValidator(
            lambda clients: sorted(
                clients,
                key=lambda client: (not client.is_application, client.name.casefold(), client.id),
            )
        ),
    ] = _is("Client applications, then managed identities.", "all_clients")
    connection: ConnectionOf = _is(_CONNECTION, "observed")
    findings: list[FindingPart] = _is("What is wrong, in the order in which to fix it.")


# Read off an `UnreadSite`.
class UnreadSitePart(Part):
    site: Text | None = _may_be("Only with `--file`: what the file calls it.", "key")
    app_service: AzureId | None = _is("Resource ID; null if it could not be found.", "resource")
    name: Text = _is("Name of the App Service, with its slot.", "target.label")
    error: FailurePart = _is("Why.")


# Read off a `StatusReport`.
class StatusListDocument(Part):
    """Every App Service of a subscription or a trust file: `mct-s2s status --all -o json`, or with
    `-f FILE`.
    """

    document: Literal["mct-s2s/status-list/v1"] = "mct-s2s/status-list/v1"
    healthy: bool = _is("Whether no App Service that was read has a problem.", "is_healthy")
    sites: list[StatusDocument] = _is("The App Services, by name, or in the order of the file.")
    failed: list[UnreadSitePart] = _is("The App Services whose state could not be read.")
    unchecked: list[AzureId] = _is(
        "Resource IDs of web apps that are not listed: you can't read their settings."
    )


# verify, doctor, snippet, export


# Read off a `VerificationCheck`.
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


# Read off a `Verification` (`planning/reports/verification.py`).
class VerifyDocument(Part):
    """The test of each client by a real token and a real call: `mct-s2s verify -o json`."""

    site: Text | None = _may_be(
        "Only in a list, with `--file`: what the file calls the site.", "key"
    )
    document: Literal["mct-s2s/verify/v1"] = "mct-s2s/verify/v1"
    proved: bool = _is("Whether a client's call succeeded and no check failed.", "is_proved")
    api: Text = _is("Name of the API.", "api.name")
    url: Text = _is("Address of the site.")
    path: Text = _is("Path that was called.")
    checks: list[VerificationCheckPart] = _is("The checks of the site, then those of each client.")


# Read off a `FileVerification`.
class VerifyListDocument(Part):
    """The tests at every site of a trust file: `mct-s2s verify -f FILE -o json`."""

    document: Literal["mct-s2s/verify-list/v1"] = "mct-s2s/verify-list/v1"
    proved: bool = _is("Whether every site that was read is proved.", "is_proved")
    sites: list[VerifyDocument] = _is("The sites that were read, in the order of the file.")
    failed: list[UnreadSitePart] = _is("The sites that could not be read.")


# Read off a `SignedIn`.
class CallerPart(Part):
    kind: Annotated[
        Literal["person", "servicePrincipal", None],
        BeforeValidator({True: "person", False: "servicePrincipal"}.get),
    ] = _is("Kind of caller.", "is_person")
    name: OrNull[Text] = _is("User principal name or display name.")
    id: Guid | None = _is("Object ID.")
    app_id: OrNull[Guid] = _is(
        "appId of a service principal, or of the app a person signed in with.", "client_id"
    )
    method: Text | None = _is("How the caller signed in.", "description")


# Read off a `DoctorCheck`.
class DoctorCheckPart(Part):
    code: Code = _is("Stable code.")
    state: Literal["ok", "missing", "unknown"] = _is(
        "`unknown`: it can't be checked, and stops nothing."
    )
    subject: Text = _is("What the right is about.")
    message: Text = _is("What was found.")
    remedy: OrNull[Text] = _is("Who can grant it, and how; null if there is nothing to do.")


# Read off what `doctor_result` returns (`render/doctor.py`).
class DoctorDocument(Part):
    """What the caller may do: `mct-s2s doctor -o json`."""

    site: Text | None = _may_be(
        "Only in a list, with `--file`: what the file calls the site.", "key"
    )
    document: Literal["mct-s2s/doctor/v1"] = "mct-s2s/doctor/v1"
    ready: bool = _is("Whether no check is `missing`.")
    setup: Literal["runs", "partial", "stops"] = _is(
        "What `setup` does. `partial`: it leaves what is missing to someone else. `stops`: it "
        "changes nothing."
    )
    caller: CallerPart = _is("Who is signed in; members are null if the directory can't be read.")
    tenant: TenantPart | None = _is("The Microsoft Entra tenant; null if it can't be read.")
    checks: list[DoctorCheckPart] = _is("One check for each right, lock and policy.")
    manual_steps: list[ManualStepPart] = _is("What someone else has to grant, complete.")


# Read off what `doctor_list` returns.
class DoctorListDocument(Part):
    """What the caller may do at every site of a trust file: `mct-s2s doctor -f FILE -o json`."""

    document: Literal["mct-s2s/doctor-list/v1"] = "mct-s2s/doctor-list/v1"
    ready: bool = _is("Whether no check of a site that was read is `missing`.")
    sites: list[DoctorDocument] = _is("The sites that were read, in the order of the file.")
    failed: list[UnreadSitePart] = _is("The sites that could not be read.")


# Read off a dictionary of `cli/snippet.py`.
class SnippetDocument(Part):
    """A program that calls the API as one client, or an app's settings: `mct-s2s snippet CLIENT -o
    json`.
    """

    document: Literal["mct-s2s/snippet/v1"] = "mct-s2s/snippet/v1"
    language: Language = _is("What the text is.")
    client: Text = _is("Display name of the client.")
    text: Text = _is("The program. It holds no secret.")


# Read off an `ExportedSite`.
class ExportedSitePart(Part):
    app_service: AnyText = _is("Its resource ID.", "resource")
    api: Text = _is("Name of the API that it serves.")
    clients: Count = _is("How many client applications its table has.")
    managed_identities: Count = _is("How many managed identities its table has.", "identities")
    left_out: list[AnyText] = _is("What is there and cannot be said, one sentence each.")


# Read off an `UnreadSite`.
class UnreadExportPart(Part):
    app_service: AnyText = _is("Its resource ID.", "resource")
    error: FailurePart = _is("Why.")


# Read off the `parts` of `cli/export.py`.
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


# Commands that change something


# Read off what `changes` yields (`cli/report.py`).
class ChangePart(Part):
    action: Action = _is("What the change does; `none` where nothing was left to do.")
    resource: Text = _is("Kind of resource.")
    name: Text = _is("Name of the resource.")
    id: OrNull[Text] = _is(
        "Null if it does not exist yet. Of a registration the appId, of a principal its object ID."
    )
    app_id: OrNull[Guid] = _may_be(
        "Only for app registrations and service principals: the appId.", absent=""
    )
    object_id: OrNull[Guid] = _may_be(
        "Only for app registrations and service principals: the object ID.", absent=""
    )
    detail: AnyText = _is("More about the change, for people.")
    seconds: float = _is("How long it took; 0 in a dry run.", json_schema_extra={"minimum": 0})
    blocked: bool | None = _may_be("Only in a dry run: whether you lack a right for it.")
    before: Values | None = _may_be(
        "Only for application settings: values before; null if the setting did not exist."
    )
    after: Values | None = _may_be(
        "Only for application settings: values after; null if deleted or not known yet."
    )


# Read off an `Instruction`.
class NotePart(Part):
    text: Text = _is("A sentence.", "what")
    command: OrNull[Text] = _is("The command that it speaks of; null if there is none.")


# Read off what `result_of` returns (`cli/report.py`).
class ResultDocument(Part):
    """What a command changed, or with `--dry-run` would change: any that changes one App Service,
    with `-o json`.
    """

    document: Literal["mct-s2s/result/v1"] = "mct-s2s/result/v1"
    dry_run: bool = _is("True with --dry-run: nothing was changed.")
    fingerprint: Fingerprint | None = _may_be(
        "Only in a dry run: a digest of the plan, the same whenever it is made."
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
    connection: ConnectionOf = _is(_CONNECTION)


# Read off a change of `planning/changes.py`.
class StepPart(Part):
    action: Literal["create", "update", "delete"] = _is("What the change does.")
    resource: Text = _is("Kind of resource.")
    name: Text = _is("Name of the resource.")


# Read off a `SiteReport` (`render/outcome.py`).
class ErrorDocument(Part):
    """Why a command failed, and how far it had come: any command with `-o json`."""

    document: Literal["mct-s2s/error/v1"] = "mct-s2s/error/v1"
    error: FailurePart = _is("The error.")
    done: list[StepPart] = _is("Changes that took effect.")
    in_doubt: list[StepPart] = _is(
        "Changes whose answer was lost; the same command, run again, finds out."
    )
    not_done: list[StepPart] = _is("Changes that did not take effect.")
    credentials: list[SavedCredentialPart] = _may_be(
        "What was created before it failed.", absent=[]
    )


# Read off a row of what `applied` returns.
class AppliedSitePart(Part):
    site: Text = _is("What the file calls the site.")
    result: ResultDocument | None = _is("What was done there, or would be; null if it failed.")
    error: ErrorDocument | None = _is("Why it failed, and how far it had come; null if it did not.")


# Read off what `applied` returns (`cli/report.py`).
class ApplyDocument(Part):
    """What was done at each site of a trust file, or would be: `apply` and `rotate-secret -f FILE`
    with `-o json`.
    """

    document: Literal["mct-s2s/apply/v1"] = "mct-s2s/apply/v1"
    dry_run: bool = _is("True with --dry-run: nothing was changed.")
    fingerprint: Fingerprint | None = _is(
        "Of all plans, for `--expect`; null if a site could not be read."
    )
    sites: list[AppliedSitePart] = _is("The sites in the order of the file.")


# Read off a row of `cli/schema.py`.
class NamedSchemaPart(Part):
    name: Text = _is("Name for `mct-s2s schema NAME`.")
    document: Text = _is("Value of the document's `schema` key.", serialization_alias="document")
    description: Text = _is("What the document is.")


# Read off a dictionary of `cli/schema.py`.
class SchemasDocument(Part):
    """The documents that have a schema: `mct-s2s schema -o json`."""

    document: Literal["mct-s2s/schemas/v1"] = "mct-s2s/schemas/v1"
    schemas: list[NamedSchemaPart] = _is("One row for each document.")


FILES = ("api", "trust")
"""Schemas of files that users write, in TOML: closed, since a key that is not known is a mistake
there.
"""
_MODELS: dict[str, type[BaseModel]] = {
    "api": Api,
    "apply": ApplyDocument,
    "backup": Backup,
    "doctor": DoctorDocument,
    "doctor-list": DoctorListDocument,
    "error": ErrorDocument,
    "export": ExportDocument,
    "handoff": Handoff,
    "result": ResultDocument,
    "schemas": SchemasDocument,
    "snippet": SnippetDocument,
    "status": StatusDocument,
    "status-list": StatusListDocument,
    "trust": TrustFile,
    "verify": VerifyDocument,
    "verify-list": VerifyListDocument,
}
DOCUMENTS = tuple(name for name in _MODELS if name not in FILES)


def document(name: str, of: object) -> Json:
    """A document, one of `DOCUMENTS`, of the value that has what its model looks for."""
    return _MODELS[name].model_validate(of).model_dump(by_alias=True)


class _Schema(GenerateJsonSchema):
    """A JSON Schema in which a member that may be absent has no null and no default, and names are
    as they may be.
    """

    def default_schema(self, schema: Any) -> Any:
        inner = schema["schema"]
        return self.generate_inner(inner["schema"] if inner["type"] == "nullable" else inner)

    def dict_schema(self, schema: Any) -> Any:
        generated = {
            key: value
            for key, value in super().dict_schema(schema).items()
            if key != "patternProperties"
        }
        names = self.generate_inner(schema["keys_schema"])
        values = self.generate_inner(schema["values_schema"])
        return {
            **generated,
            **({"propertyNames": names} if "pattern" in names else {}),
            "additionalProperties": values,
        }


def schema(name: str) -> Json:
    """A document's JSON Schema, one of `DOCUMENTS` or `FILES`; references are replaced by what they
    refer to.
    """
    generated = _MODELS[name].model_json_schema(mode="serialization", schema_generator=_Schema)
    generated = _inlined(generated, generated.pop("$defs", {}))
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"mct-s2s/{name}/v1",
    }
    return {**head, **generated}


def _inlined(node: Any, definitions: Json) -> Any:
    """Members beside a reference, such as a description, win over those of its target.

    Documents alone have a title.
    """
    if isinstance(node, list):
        return [_inlined(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    inlined = {
        key: _inlined(value, definitions)
        for key, value in node.items()
        if key not in {"$ref", "title"}
    }
    if isinstance(text := inlined.get("description"), str):  # a docstring of several lines
        inlined["description"] = " ".join(text.split())
    if "$ref" in node:
        return {**_inlined(definitions[node["$ref"].rpartition("/")[2]], definitions), **inlined}
    match inlined:
        case {"anyOf": [{"type": str(kind)} as kept, {"type": "null"}], **rest} if (
            "title" not in kept
        ):
            return {**kept, **rest, "type": [kind, "null"]}
        case {"properties": {"schema": {"const": title}}}:
            return {"title": title, **inlined}
    return inlined
