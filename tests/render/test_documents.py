"""The JSON documents, held against the contract's schemas: every part where it is there, and where it is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from mct_s2s.errors import MissingRight, PermissionMissing
from mct_s2s.model.client_credentials import CredentialKind
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import NAMES
from mct_s2s.model.trust import ClientApplication, Trust
from mct_s2s.planning.identifiers import Identifiers
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.registrations.membership import members
from mct_s2s.planning.reports.findings import Finding, Severity, diagnose
from mct_s2s.render.documents import error_document, status_document, timestamp
from mct_s2s.render.manual_steps import Instruction
from mct_s2s.render.result_document import Step, result_document

from tests.cli.schemas import check
from tests.planning.scenarios import (
    FACTS,
    FOREIGN,
    NOW,
    ROLE,
    SERVICE,
    SERVICE_ID,
    SERVICE_PRINCIPAL,
    SUBSCRIPTION,
    TENANT,
    client,
    complete,
    credential,
    guid,
    observed_state,
    settings,
    site,
    spec,
    trust,
)
from tests.render.examples import (
    IDENTITY,
    IMPORT,
    REQUEST_ID,
    WHERE,
    full_plan,
    healthy,
    planned,
    principal,
    refusal,
    removal,
    right_already,
    saved,
    site_of,
    with_role_off,
    with_settings,
)

DIGEST = "0" * 64


def status_of(observed: ObservedState) -> dict[str, Any]:
    document = status_document(observed, diagnose(observed, NOW, WHERE))
    check(document)
    return document


def result_of(**changed: Any) -> dict[str, Any]:
    parts: dict[str, Any] = {"steps": [], "credentials": [], "connection": None, "left": []}
    document = result_document(**{**parts, **changed})
    check(document)
    return document


# status


def test_a_healthy_trust_is_reported_from_tenant_to_client() -> None:
    document = status_of(healthy())
    assert (document["healthy"], document["cloud"], document["findings"]) == (True, "public", [])
    assert document["tenant"] == {"id": TENANT.id, "name": "contoso.onmicrosoft.com"}
    assert document["serviceApplication"] == {
        "appId": SERVICE_ID,
        "objectId": SERVICE.object_id,
        "servicePrincipalId": SERVICE_PRINCIPAL.id,
        "displayName": "MCT service (contosolearn)",
        "applicationIdUri": f"api://{SERVICE_ID}",
        "appRole": {"id": ROLE.id, "value": "S2SAppRole", "enabled": True},
    }
    assert [row["kind"] for row in document["clients"]] == ["application", "managedIdentity"]


def test_a_client_application_is_reported_by_all_its_ids_and_credentials() -> None:
    assert IMPORT.application is not None
    assert IMPORT.principal is not None
    row = status_of(complete(IMPORT))["clients"][0]
    assert row == {
        "kind": "application",
        "displayName": "Import",
        "appId": IMPORT.client_id,
        "objectId": IMPORT.application.object_id,
        "servicePrincipalId": IMPORT.principal.id,
        "consented": True,
        "allowed": True,
        "canCall": True,
        "credentials": [
            {"kind": "secret", "keyId": guid("by hand365"), "name": "by hand", "expires": "2027-11-24T12:00:00Z"}
        ],
    }


def test_a_managed_identity_is_reported_with_its_resource_and_whether_it_is_allowed() -> None:
    expected = {
        "kind": "managedIdentity",
        "displayName": "reports-func",
        "resourceId": IDENTITY.resource_id,
        "principalId": IDENTITY.id,
    }
    assert status_of(healthy())["clients"][1] == {**expected, "allowed": True, "canCall": True}
    unlisted = with_settings(healthy(), settings())
    assert {**expected, "allowed": False, "canCall": False} in status_of(unlisted)["clients"]
    assert {**expected, "allowed": None, "canCall": True} in status_of(replace(healthy(), app_service=None))["clients"]


def test_only_the_seven_settings_are_ever_reported() -> None:
    document = status_of(healthy())
    assert set(document["appService"]["settings"]) == set(NAMES)
    assert not set(FOREIGN) & set(document["appService"]["settings"])


def test_a_setting_is_reported_under_the_document_s_name_whatever_its_case() -> None:
    odd = {name.upper(): value for name, value in settings().items()}
    assert status_of(with_settings(complete(), odd))["appService"]["settings"]["ServiceAuthEnabled"] == "true"


def test_a_slot_is_reported_beside_its_site() -> None:
    resource = ResourceId.site(SUBSCRIPTION, "mct-prod", "contosolearn", "staging")
    observed = complete(IMPORT)
    slot = replace(site_of(observed), site=replace(site(), resource=resource))
    told = status_of(replace(observed, app_service=slot))["appService"]
    assert (told["id"], told["name"], told["slot"]) == (str(resource), "contosolearn", "staging")
    assert (told["resourceGroup"], told["state"]) == ("mct-prod", "Running")
    assert told["url"] == "https://contosolearn.azurewebsites.net"


def test_what_was_not_looked_at_is_null() -> None:
    document = status_of(ObservedState("usgov", None, None, Trust()))
    assert (document["tenant"], document["appService"], document["serviceApplication"]) == (None, None, None)
    assert (document["clients"], document["cloud"]) == ([], "usgov")


def test_without_an_app_service_it_is_not_known_who_is_allowed() -> None:
    row = status_of(replace(complete(IMPORT), app_service=None))["clients"][0]
    assert (row["consented"], row["allowed"]) == (True, None)


def test_a_half_made_service_application_is_reported_with_its_gaps() -> None:
    bare = replace(SERVICE, identifier_uris=(), app_roles=())
    told = status_of(observed_state(Trust(bare), settings()))["serviceApplication"]
    assert told["appId"] == SERVICE_ID
    assert (told["servicePrincipalId"], told["applicationIdUri"], told["appRole"]) == (None, None, None)


def test_a_role_that_is_off_is_reported_as_off() -> None:
    assert status_of(with_role_off(complete(IMPORT)))["serviceApplication"]["appRole"]["enabled"] is False


def test_a_client_of_another_tenant_has_no_registration_here_and_no_credentials() -> None:
    foreign = replace(IMPORT, application=None)
    row = status_of(complete(foreign))["clients"][0]
    assert (row["objectId"], row["credentials"], row["appId"]) == (None, [], IMPORT.client_id)
    assert row["servicePrincipalId"] is not None


def test_a_client_without_a_service_principal_is_not_consented() -> None:
    row = status_of(complete(replace(IMPORT, principal=None)))["clients"][0]
    assert (row["servicePrincipalId"], row["consented"], row["allowed"]) == (None, False, True)


def test_a_federated_credential_has_no_end() -> None:
    federated = replace(credential(kind=CredentialKind.FEDERATED), expires=None, name=None)
    told = status_of(complete(client("Import", federated)))["clients"][0]["credentials"]
    assert told == [{"kind": "federated", "keyId": federated.key_id, "name": None, "expires": None}]


def test_a_registration_that_is_neither_allowed_nor_consented_is_no_client() -> None:
    observed = observed_state(
        trust(IMPORT, client("Stranger"), consented=False), settings(ServiceApplicationIds=guid("Import"))
    )
    assert [row["displayName"] for row in status_of(observed)["clients"]] == ["Import"]
    assert members(observed) == (IMPORT,)


def test_a_finding_is_reported_whole_and_makes_the_trust_unhealthy() -> None:
    finding = Finding(
        "client-not-consented", Severity.ERROR, "Import", "'Import' has no consent.", "mct-s2s add-client"
    )
    document = status_document(complete(IMPORT), (finding,))
    check(document)
    assert document["healthy"] is False
    assert document["findings"] == [
        {
            "code": "client-not-consented",
            "severity": "error",
            "subject": "Import",
            "message": "'Import' has no consent.",
            "remedy": "mct-s2s add-client",
        }
    ]


@pytest.mark.parametrize(
    ("severity", "healthy"), [(Severity.ERROR, False), (Severity.WARNING, False), (Severity.NOTE, True)]
)
def test_a_note_alone_leaves_the_trust_healthy(severity: Severity, healthy: bool) -> None:
    document = status_document(complete(), (Finding("token-version", severity, "x", "x", "x"),))
    check(document)
    assert (document["healthy"], document["findings"][0]["severity"]) == (healthy, severity.value)


def test_a_moment_is_written_to_the_second_in_utc() -> None:
    assert timestamp(datetime(2027, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)) == "2027-01-02T03:04:05Z"


def test_a_status_says_how_clients_call() -> None:
    document = status_of(healthy())
    assert document["connection"] == {
        "tokenEndpoint": f"https://login.microsoftonline.com/{TENANT.id}/oauth2/v2.0/token",
        "scope": f"api://{SERVICE_ID}/.default",
        "resource": f"api://{SERVICE_ID}",
        "url": "https://contosolearn.azurewebsites.net",
        "headers": {"ClientType": "Service"},
    }
    elsewhere = replace(healthy(), authority_host="https://login.microsoftonline.us")
    assert status_of(elsewhere)["connection"]["tokenEndpoint"].startswith("https://login.microsoftonline.us/")


def test_without_a_service_application_there_is_nothing_to_connect_to() -> None:
    assert status_of(observed_state())["connection"] is None
    alone = replace(healthy(), app_service=None)
    assert status_document(alone, ())["connection"]["url"] is None


# results


def test_each_change_is_reported_with_its_action_its_id_and_its_seconds() -> None:
    ids = Identifiers(guid("made"), guid("app"), guid("made"))
    steps = [Step(principal(), ids, "made", 1.23456), Step(removal(), Identifiers(), "")]
    first, second = result_of(steps=steps)["changes"]
    assert first == {
        "action": "create",
        "resource": "service principal",
        "name": "Import",
        "id": guid("made"),
        "appId": guid("app"),
        "objectId": guid("made"),
        "detail": "made",
        "seconds": 1.235,
    }
    assert (second["action"], second["resource"], second["id"]) == ("delete", "secret", None)


def test_a_dry_run_reports_the_ids_that_are_known_already() -> None:
    plan = full_plan()
    document = result_of(steps=planned(plan), fingerprint=DIGEST)
    assert (document["dryRun"], document["fingerprint"]) == (True, DIGEST)
    assert {row["blocked"] for row in document["changes"]} == {False}
    assert [row["name"] for row in document["changes"]] == [step.name for step in plan.steps]
    ids = {row["resource"]: row["id"] for row in document["changes"]}
    assert ids["App Service"] == str(site().resource)
    assert ids["client application"] is None
    assert {row["seconds"] for row in document["changes"]} == {0.0}
    details = {row["resource"]: row["detail"] for row in document["changes"]}
    assert "2027-11-24" in details["secret"]


def test_what_was_right_already_is_among_the_changes_of_a_result() -> None:
    step = Step(right_already(), Identifiers(SERVICE_ID), "")
    row = result_of(steps=[step])["changes"][0]
    assert (row["action"], row["id"]) == ("none", SERVICE_ID)
    assert "appId" not in row


def test_only_a_dry_run_has_a_fingerprint_and_blocked_steps() -> None:
    document = result_of(steps=planned(full_plan()))
    assert (document["dryRun"], "fingerprint" in document) == (False, False)
    assert not any("blocked" in row for row in document["changes"])
    blocked = replace(planned(full_plan())[0], is_blocked=True)
    missing = [MissingRight("write", "Website Contributor", "an Owner")]
    document = result_of(steps=[blocked], fingerprint=DIGEST, missing=missing)
    assert document["changes"][0]["blocked"] is True
    right = {"step": "write", "right": "Website Contributor", "who": "an Owner", "command": None}
    assert document["missing"] == [right]


def test_settings_are_reported_with_their_old_and_their_new_values() -> None:
    plan = make_plan(spec("Import"), with_settings(healthy(), settings(ServiceAuthEnabled="no")), FACTS)
    (row,) = [row for row in result_of(steps=planned(plan))["changes"] if row["resource"] == "application settings"]
    assert (row["before"]["ServiceAuthEnabled"], row["after"]["ServiceAuthEnabled"]) == ("no", "true")
    assert not [name for name in row["before"] if name not in NAMES]


def test_a_credential_is_reported_without_its_secret() -> None:
    row = result_of(credentials=[saved()])["credentials"][0]
    assert row == {
        "client": "Import",
        "appId": guid("Import"),
        "kind": "secret",
        "expires": "2027-11-24T12:00:00Z",
        "savedTo": "file:/home/ada/import.env",
        "created": True,
    }
    there = replace(saved(), saved_to=None, created=False)
    row = result_of(credentials=[there])["credentials"][0]
    assert (row["created"], row["savedTo"]) == (False, None)


def test_a_secret_is_in_the_document_only_where_it_was_asked_for() -> None:
    shown, kept = result_of(credentials=[replace(saved(saved_to="show"), secret="s3cr3t"), saved()])["credentials"]
    assert shown["secret"] == "s3cr3t"
    assert "secret" not in kept


def test_a_federated_credential_is_reported_without_an_end_and_a_place() -> None:
    federated = replace(saved(saved_to=None), expires=None, kind=CredentialKind.FEDERATED, client_id="")
    row = result_of(credentials=[federated])["credentials"][0]
    assert (row["kind"], row["expires"], row["savedTo"], row["appId"]) == ("federated", None, None, None)


def test_what_is_left_to_others_is_reported_with_command_link_values_and_rights() -> None:
    whole = Instruction("Consent", "mct-s2s add-client", "Ada", "https://login/adminconsent", {"ServiceAuthRole": "R"})
    first, second = result_of(left=[whole, Instruction("Restart", "az webapp restart")])["manualSteps"]
    assert first == {
        "what": "Consent",
        "command": "mct-s2s add-client",
        "link": "https://login/adminconsent",
        "settings": {"ServiceAuthRole": "R"},
        "who": "Ada",
    }
    assert (second["link"], second["settings"], second["who"]) == (None, None, None)


def test_a_result_without_a_test_of_the_clients_says_so_by_null() -> None:
    verification = {"schema": "mct-s2s/verify/v1", "proved": True, "url": None, "path": "/api", "checks": []}
    assert result_of()["verification"] is None
    assert result_of(verification=verification)["verification"] == verification


# errors


def test_an_error_before_anything_was_begun_has_an_empty_account_of_steps() -> None:
    document = error_document(refusal())
    check(document)
    assert document == {
        "schema": "mct-s2s/error/v1",
        "error": {
            "code": "graph-refused",
            "message": "Graph refused the request.",
            "remedy": f"mct-s2s add-client Import {WHERE}",
            "requestId": REQUEST_ID,
            "missing": [],
        },
        "done": [],
        "inDoubt": [],
        "notDone": [],
    }


def test_rights_that_are_missing_are_reported_one_by_one() -> None:
    missing = [MissingRight("grant admin consent to 'A'", "Cloud Application Administrator", "Ada", "az rest")]
    document = error_document(PermissionMissing("permission-missing", "x", remedy="y", missing=missing))
    check(document)
    assert document["error"]["missing"] == [
        {
            "step": "grant admin consent to 'A'",
            "right": "Cloud Application Administrator",
            "who": "Ada",
            "command": "az rest",
        }
    ]


def test_an_error_on_the_way_reports_what_was_done_is_in_doubt_and_was_not_done() -> None:
    document = error_document(refusal(), [principal("One")], [removal("Two")], [principal("Three"), removal("Four")])
    check(document)
    assert document["done"] == [{"action": "create", "resource": "service principal", "name": "One"}]
    assert document["inDoubt"] == [{"action": "delete", "resource": "secret", "name": "Two"}]
    assert [row["name"] for row in document["notDone"]] == ["Three", "Four"]


def test_what_was_right_already_is_not_reported_as_done() -> None:
    document = error_document(refusal(), [right_already(), principal()], (), ())
    check(document)
    assert [row["name"] for row in document["done"]] == ["Import"]
    assert (document["inDoubt"], document["notDone"]) == ([], [])


def test_steps_that_were_never_begun_are_reported_even_where_nothing_was_done() -> None:
    document = error_document(refusal(request_id=None), left=[principal()])
    check(document)
    assert (document["done"], len(document["notDone"])) == ([], 1)
    assert document["error"]["requestId"] is None


def test_a_client_that_only_its_principal_shows_is_reported_by_it() -> None:
    assert IMPORT.principal is not None
    only = ClientApplication(None, replace(IMPORT.principal, display_name="Partner [/red]"))
    assert status_of(complete(only))["clients"][0]["displayName"] == "Partner [/red]"
