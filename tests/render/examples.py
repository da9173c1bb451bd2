"""Data to show, made by hand: the usual case of each kind, and names as only an outsider makes them
up.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from mct_s2s.cli.result_document import change_parts
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.request import Request
from mct_s2s.errors import Instruction, MissingRight, PermissionMissing, ServiceError
from mct_s2s.model.desired import Look
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.ids import ClientId, PrincipalId, service_unique_name
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId, SiteTarget
from mct_s2s.model.secret_place import SecretPlace
from mct_s2s.planning.changes import (
    AnyChange,
    AssignAppRole,
    CreateServicePrincipal,
    Deferred,
    NoChange,
    Output,
    Outputs,
    RemoveCredential,
)
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.reports.findings import diagnose
from mct_s2s.planning.reports.status import SiteStatus, StatusReport, UnreadSite
from mct_s2s.planning.reports.verification import Verification
from mct_s2s.render.documents import (
    ChangePart,
    ConnectionPart,
    ManualStepPart,
    MissingRightPart,
    ResultDocument,
    SavedCredentialPart,
    VerifyDocument,
)
from mct_s2s.render.site_report import SavedCredential

from tests.planning.scenarios import (
    IMPORT,
    LATER,
    NOW,
    ROLE,
    SERVICE,
    SERVICE_ID,
    SUBSCRIPTION,
    WHERE,
    app_service,
    client,
    complete,
    credential,
    guid,
    identity_resource,
    observed_state,
    settings,
    site,
    site_of,
    spec,
)
from tests.support.mct import MCT

REQUEST_ID = guid("request")

LONG_NAME = "Nightly-import-" + "x" * 180
ODD_NAMES = (
    "Good[/red]", "[bold]Import[/bold]", "[link=https://example.com]Import[/link]", "Import [dev]",
    "a\\[b]c",
    ":rocket: Import", "Personalabteilung Düsseldorf 日本語 🚀", 'O\'Brien "& Sons" $(id) `id`',
    LONG_NAME,
)  # fmt: skip
"""Display names that anybody in the directory can give."""

IDENTITY = ServicePrincipal(
    PrincipalId(guid("reports-func-principal")),
    ClientId(guid("reports-func-client")),
    "reports-func",
    True,
    str(identity_resource().resource),
)
WEBSITE_CONTRIBUTOR = MissingRight(
    "write the application settings of 'contosolearn'",
    "Website Contributor",
    "an Owner or User Access Administrator",
    f"az role assignment create --assignee-object-id {guid('me')} --assignee-principal-type User "
    f"--role 'Website Contributor' --scope {site().resource}",
)


def consent(
    name: str = "Import", client_id: Deferred[ClientId] | None = None, **of: Any
) -> AssignAppRole:
    """Admin consent, as a plan leaves it to somebody else."""
    principal = PrincipalId(guid("principal"))
    return AssignAppRole(
        key="consent",
        name=name,
        principal=principal,
        service=principal,
        role=ROLE.id,
        client_id=client_id,
        **of,
    )


def full_plan(name: str = "Import") -> Plan:
    """Everything from nothing, for a client and a managed identity."""
    return make_plan(spec(name), observed_state(identity_resources=[identity_resource()]))


def planned(plan: Plan, *done: AnyChange, dry_run: bool = True, **outputs: str) -> list[ChangePart]:
    """A plan's steps, as a result lists them."""
    made = Outputs({("principal:Import", Output[name]): value for name, value in outputs.items()})
    ended, took = {change.key: change for change in done}, {change.key: 1.23456 for change in done}
    outcome = Outcome(
        Request(Look(), NOW, None, api=MCT),
        plan,
        complete(),
        outputs=made,
        done=ended,
        seconds=took,
    )
    return change_parts(outcome, dry_run=dry_run)


def result_of(
    changes: Sequence[ChangePart] = (),
    credentials: Sequence[SavedCredential] = (),
    manual_steps: Sequence[Instruction] = (),
    missing: Sequence[MissingRight] = (),
    verification: Verification | None = None,
    after: ObservedState | None = None,
    *,
    dry_run: bool = False,
    fingerprint: str | None = None,
) -> ResultDocument:
    return ResultDocument(
        dry_run=dry_run,
        fingerprint=fingerprint,
        api="MCT",
        changes=list(changes),
        credentials=[SavedCredentialPart.of(credential) for credential in credentials],
        manual_steps=[ManualStepPart.of(step) for step in manual_steps],
        notes=[],
        missing=[MissingRightPart.of(right) for right in missing],
        verification=VerifyDocument.of(verification) if verification is not None else None,
        connection=ConnectionPart.of(after) if after is not None else None,
    )


def healthy() -> ObservedState:
    """A client and a managed identity, both lists."""
    observed = complete(IMPORT)
    lists = settings(
        ServiceApplicationIds=IMPORT.client_id,
        ServiceObjectIds=IDENTITY.id,
        ServiceAuthRole="S2SAppRole",
    )
    return replace(
        with_settings(observed, lists), trust=replace(observed.trust, identities=(IDENTITY,))
    )


def with_settings(observed: ObservedState, values: dict[str, str | None]) -> ObservedState:
    return replace(observed, app_service=app_service(values))


def with_role_off(observed: ObservedState) -> ObservedState:
    service = replace(SERVICE, app_roles=(replace(ROLE, enabled=False),))
    return replace(observed, trust=replace(observed.trust, service=service))


def principal(name: str = "Import") -> AnyChange:
    return CreateServicePrincipal(
        key=f"principal:{name}", name=name, client_id=ClientId(guid(name))
    )


def removal(name: str = "Import") -> RemoveCredential:
    application = IMPORT.application
    return RemoveCredential(
        key=f"removal:{name}",
        name=name,
        object_id=application.object_id,
        key_id=application.credentials[0].key_id,
    )


def right_already(name: str = "MCT service (contosolearn)") -> AnyChange:
    return NoChange(key=f"right:{name}", resource="service application", name=name, id=SERVICE_ID)


def saved(
    client: str = "Import", saved_to: str | None = "file:/home/ada/import.env"
) -> SavedCredential:
    place = SecretPlace.parse(saved_to) if saved_to is not None else None
    return SavedCredential(client, guid(client), LATER, place)


def refusal(
    message: str = "Graph refused the request.", request_id: str | None = REQUEST_ID
) -> ServiceError:
    return ServiceError(
        "graph-refused",
        message,
        remedy=f"mct-s2s add-client Import {WHERE}",
        request_id=request_id,
        status=403,
    )


WITHIN = timedelta(days=30)
REFUSED = PermissionMissing(
    "permission-missing",
    "You can't read the application settings of 'contosofail'.",
    remedy="Ask an Owner.",
)
FAILED = ResourceId.site(SUBSCRIPTION, "mct-test", "contosofail")


def mixed() -> ObservedState:
    """One client that can call, one whose secret is about to end, one that is refused, and a
    managed identity.
    """
    good, ending = client("Import", credential(400)), client("Nightly", credential(20, "n"))
    refused = client("Reports", credential(-20, "r"))
    observed = complete(good, ending, refused)
    listed = f"{good.client_id};{ending.client_id}"
    seen = with_settings(
        observed,
        settings(
            ServiceApplicationIds=listed, ServiceObjectIds=IDENTITY.id, ServiceAuthRole="S2SAppRole"
        ),
    )
    return replace(seen, trust=replace(seen.trust, identities=(IDENTITY,)))


def named(observed: ObservedState, name: str) -> ObservedState:
    """The same at an App Service of another name."""
    site_state = replace(site_of(observed), **vars(site(name)))
    trust = replace(observed.trust, unique_name=service_unique_name(name))
    return replace(observed, app_service=site_state, trust=trust, where=f"-a {name} -g mct-prod")


def status_of(observed: ObservedState) -> SiteStatus:
    return SiteStatus(observed, diagnose(observed, WITHIN))


def one(observed: ObservedState | None = None) -> StatusReport:
    """A report on one App Service."""
    return StatusReport(NOW, WITHIN, (status_of(observed or mixed()),))


def several() -> StatusReport:
    """Two App Services, one that could not be read, and one of which nothing is known."""
    other = named(complete(client("Training", credential(90, "t"))), "contosotrain")
    return StatusReport(
        NOW,
        WITHIN,
        (status_of(mixed()), status_of(other)),
        (UnreadSite(SiteTarget.of(FAILED), REFUSED, FAILED),),
        (ResourceId.site(SUBSCRIPTION, "web", "shop"),),
        is_list=True,
    )


def crowd(count: int = 1000) -> ObservedState:
    """So many clients; every hundredth has no admin consent."""
    clients = [client(f"Client {number:04}", credential(40 + number)) for number in range(count)]
    observed = complete(*clients)
    refused = {client.principal.id for client in clients[::100] if client.principal is not None}
    assignments = tuple(
        assignment
        for assignment in observed.trust.assignments
        if assignment.principal_id not in refused
    )
    return replace(observed, trust=replace(observed.trust, assignments=assignments))
