"""The JSON documents, valid by their schemas and kept as they are: `pytest --update-screens` takes new ones."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mct_s2s.errors import Instruction, MissingRight, PermissionMissing
from mct_s2s.model.client_credentials import CredentialKind
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.observed import ClientApplication, ObservedState, Trust
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import NAMES
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.reports.findings import Finding, Severity, diagnose
from mct_s2s.planning.reports.status import SiteStatus
from mct_s2s.render.documents import document
from mct_s2s.render.outcome import SiteReport

from tests.cli.schemas import check
from tests.planning.scenarios import (
    CONTEXT,
    FOREIGN,
    IMPORT,
    NOW,
    SERVICE,
    SUBSCRIPTION,
    client,
    complete,
    credential,
    guid,
    observed_state,
    settings,
    site_of,
    spec,
    trust,
)
from tests.render.examples import (
    WHERE,
    full_plan,
    healthy,
    planned,
    principal,
    refusal,
    removal,
    result_of,
    right_already,
    saved,
    with_role_off,
    with_settings,
)
from tests.support.screens import check_kept

DIGEST = "0" * 64


FOLDER = Path(__file__).parent / "documents"
FEDERATED = replace(credential(kind=CredentialKind.FEDERATED), expires=None, name=None)
FOUND = Finding("client-not-consented", "Import", "'Import' has no consent.", "mct-s2s add-client")
SLOT = ResourceId.site(SUBSCRIPTION, "mct-prod", "contosolearn", "staging")
RIGHT = MissingRight("grant admin consent to 'A'", "Cloud Application Administrator", "Ada", "az rest")
BLOCKED = replace(full_plan(), missing={full_plan().steps[0].key: (RIGHT,)})
MANUAL = Instruction("Consent", "mct-s2s add-client", "Ada", "https://login/adminconsent", {"ServiceAuthRole": "R"})


def status_of(observed: ObservedState, *findings: Finding) -> dict[str, Any]:
    return document("status", SiteStatus(observed, findings or diagnose(observed, NOW, WHERE), WHERE))


def result_document(**members: Any) -> dict[str, Any]:
    return document("result", result_of(**members))


def named(application: ClientApplication, name: str) -> ClientApplication:
    assert application.principal is not None
    return replace(application, application=Application(), principal=replace(application.principal, display_name=name))


DOCUMENTS: dict[str, dict[str, Any]] = {
    "status": status_of(healthy()),
    "status with a finding": status_of(complete(IMPORT), FOUND),
    "status of a site that allows no identity": status_of(with_settings(healthy(), settings())),
    "status without an App Service": status_of(replace(healthy(), app_service=None)),
    "status in another cloud": status_of(replace(healthy(), authority_host="https://login.microsoftonline.us")),
    "status of a slot": status_of(
        replace(complete(IMPORT), app_service=replace(site_of(complete(IMPORT)), resource=SLOT))
    ),
    "status of nothing": status_of(ObservedState("usgov", None, None, Trust())),
    "status of a half-made service application": status_of(
        observed_state(Trust(replace(SERVICE, identifier_uris=(), app_roles=())), settings())
    ),
    "status of a role that is off": status_of(with_role_off(complete(IMPORT))),
    "status of a client of another tenant": status_of(complete(named(IMPORT, "Partner [/red]"))),
    "status of a client without a service principal": status_of(complete(replace(IMPORT, principal=None))),
    "status of a federated client beside a stranger": status_of(
        observed_state(
            trust(client("Import", FEDERATED), client("Stranger"), consented=False),
            settings(ServiceApplicationIds=guid("Import")),
        )
    ),
    "plan": result_document(dry_run=True, changes=planned(full_plan()), fingerprint=DIGEST),
    "plan that is blocked": result_document(
        dry_run=True, changes=planned(BLOCKED)[:1], fingerprint=DIGEST, missing=[RIGHT]
    ),
    "plan of settings": result_document(
        changes=planned(
            make_plan(spec("Import"), with_settings(healthy(), settings(ServiceAuthEnabled="no")), CONTEXT),
            dry_run=False,
        )
    ),
    "result": result_document(
        changes=planned(
            Plan((principal(), removal(), right_already())),
            replace(principal(), detail="made"),
            dry_run=False,
            PRINCIPAL_ID=guid("made"),
        ),
        credentials=[
            saved(),
            replace(saved(), saved_to=None, created=False),
            replace(saved(saved_to="show"), secret="s3cr3t"),
            replace(saved(saved_to=None), expires=None, kind=CredentialKind.FEDERATED, client_id=""),
        ],
        manual_steps=[MANUAL, Instruction("Restart", "az webapp restart")],
        verification={"is_proved": True, "url": "https://learn", "path": "/api", "checks": []},
    ),
    "error before anything was begun": document("error", SiteReport("", error=refusal())),
    "error on the way": document(
        "error",
        SiteReport(
            "",
            error=refusal(request_id=None),
            done=[principal("One")],
            doubtful=[removal("Two")],
            left=[principal("Three")],
        ),
    ),
    "error of rights": document(
        "error", SiteReport("", error=PermissionMissing("permission-missing", "x", remedy="y", missing=[RIGHT]))
    ),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_as_it_was_and_as_its_schema_says(name: str) -> None:
    check(DOCUMENTS[name])
    check_kept(FOLDER / f"{name}.json", json.dumps(DOCUMENTS[name], indent=2) + "\n")


def test_only_the_seven_settings_are_ever_reported() -> None:
    """And under the document's name, whatever their case."""
    odd = {**FOREIGN, **{name.upper(): value for name, value in settings().items()}}
    assert {*status_of(with_settings(complete(), odd))["appService"]["settings"]} <= {*NAMES}


@pytest.mark.parametrize(
    ("severity", "healthy"), [(Severity.ERROR, False), (Severity.WARNING, False), (Severity.NOTE, True)]
)
def test_a_note_alone_leaves_the_trust_healthy(severity: Severity, healthy: bool) -> None:
    assert status_of(complete(), Finding("token-version", "x", "x", "x", severity))["healthy"] is healthy
