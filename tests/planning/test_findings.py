"""Each finding of the contract: when it is made, how grave it is, and the command that mends it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from mct_s2s.errors import Refused
from mct_s2s.model.client_credentials import Credential, CredentialKind
from mct_s2s.model.directory_objects import AppRole
from mct_s2s.model.ids import AppRoleId
from mct_s2s.model.observed import ClientApplication, ObservedState, Trust
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import NAMES
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.reports.findings import Severity, diagnose

from tests.cli.schemas import FINDING_CODES
from tests.planning.scenarios import (
    ALLOWED,
    CONTEXT,
    IMPORT,
    NOW,
    ROLE,
    SERVICE,
    SERVICE_PRINCIPAL,
    assignment,
    client,
    complete,
    credential,
    guid,
    observed_state,
    said,
    service_is,
    settings,
    site_of,
    site_says,
    spec,
    stopped,
    trust,
    unreadable,
    with_credentials,
    written,
)
from tests.render.examples import IDENTITY
from tests.support.screens import check_kept

WHERE = "-a contosolearn -g mct-prod"


def import_has(*credentials: Credential) -> ObservedState:
    return complete(with_credentials(*credentials))


NOTES = {"settings-not-sticky"}
"""Codes that make nothing unhealthy: they have a test of their own."""

CASES: dict[str, ObservedState] = {
    "the service application of another App Service": observed_state(
        trust(IMPORT, service=replace(SERVICE, unique_name="mct-s2s-site-b")), settings()
    ),
    "nothing at all": observed_state(),
    "settings, but no registration": observed_state(Trust(), settings()),
    "no URI": service_is(identifier_uris=()),
    "no role": service_is(app_roles=()),
    "role off": service_is(app_roles=(replace(ROLE, enabled=False),)),
    "no service principal": observed_state(replace(trust(IMPORT), principal=None), settings(**ALLOWED)),
    "v2 tokens": service_is(token_version=2),
    "no consent": observed_state(trust(IMPORT, consented=False), settings(**ALLOWED)),
    "not on the list": observed_state(trust(IMPORT), settings()),
    "a stranger on the clients' list": site_says(ServiceApplicationIds=f"{IMPORT.client_id};{guid('gone')}"),
    "a stranger on the identities' list": site_says(ServiceObjectIds=guid("gone")),
    "no audience": site_says(ServiceAuthAudience=""),
    "blank audience": site_says(ServiceAuthAudience=" "),
    "no switch": site_says(ServiceAuthEnabled=""),
    "no role setting": site_says(ServiceAuthRole=""),
    "switched off": site_says(ServiceAuthEnabled="False"),
    "other audience": site_says(ServiceAuthAudience="api://x"),
    "role in another case": site_says(ServiceAuthRole="s2sapprole"),
    "unverified tenant name": site_says(ServiceAuthTenantName="fabrikam.com"),
    "other tenant": site_says(ServiceAuthTenantId=guid("x")),
    "untidy list": site_says(ServiceApplicationIds=f"{IMPORT.client_id}; "),
    "no GUID on a list": site_says(ServiceObjectIds="reports-func"),
    "settings unread": unreadable(observed_state()),
    "nobody": complete(),
    "nobody but an id that no one has": observed_state(
        trust(), settings(ServiceApplicationIds=guid("gone"), ServiceAuthRole="S2SAppRole")
    ),
    "stopped": stopped(complete(IMPORT)),
    "no credential": import_has(),
    "expired": import_has(credential(-1), credential(-40)),
    "expiring": import_has(credential(30), credential(-1)),
    "expiring certificate": import_has(credential(5, kind=CredentialKind.CERTIFICATE)),
    "expired certificate": import_has(credential(-5, kind=CredentialKind.CERTIFICATE)),
}


def changes(observed: ObservedState) -> list[str]:
    try:
        return said(make_plan(spec("Import"), observed, CONTEXT))
    except Refused as refused:
        return [f"refused: {refused.code}"]


def test_a_flaw_is_found_once_and_comes_with_its_remedy() -> None:
    """Beside each is what `setup` changes: what is missing alone. `pytest --update-screens` takes new words."""
    found = {name: diagnose(observed, NOW, WHERE) for name, observed in CASES.items()}
    kept = {name: {"findings": [*map(asdict, each)], "setup": changes(CASES[name])} for name, each in found.items()}
    check_kept(Path(__file__).with_name("findings.json"), json.dumps(kept, indent=2) + "\n")
    for name, findings in found.items():
        assert len({(one.code, one.subject) for one in findings}) == len(findings), name
        where = "-g mct-prod -n contosolearn" if name == "stopped" else WHERE
        assert all(where in one.remedy for one in findings if one.severity is not Severity.NOTE), name
        assert {one.severity for one in findings} - {Severity.NOTE}, name
    codes = {one.code for findings in found.values() for one in findings}
    assert codes >= {*FINDING_CODES} - NOTES, "every code of the contract has its case"


def test_of_unread_settings_nothing_is_concluded() -> None:
    """Neither that they are wrong, nor that a service application which only they may name is missing."""
    assert [one.code for one in diagnose(unreadable(observed_state()), NOW, WHERE)] == ["settings-unreadable"]
    assert [one.code for one in diagnose(unreadable(complete(IMPORT)), NOW, WHERE)] == ["settings-unreadable"]


def _in_a_slot(sticky: frozenset[str]) -> ObservedState:
    observed = complete(client("Import"))
    there = site_of(observed)
    slot = ResourceId.site(guid("s"), "mct-prod", "contosolearn", "staging")
    there = replace(there, resource=slot, slots=("staging",), sticky=sticky)
    trust = replace(observed.trust, service=replace(SERVICE, unique_name="mct-s2s-contosolearn_staging"))
    return replace(observed, app_service=there, trust=trust)


def test_settings_of_a_slot_that_a_swap_would_carry_away_are_noted() -> None:
    (note,) = diagnose(_in_a_slot(frozenset({"serviceauthenabled"})), NOW, WHERE)
    assert (note.code, note.severity, note.subject) == ("settings-not-sticky", Severity.NOTE, "contosolearn/staging")
    assert note.remedy.startswith("az webapp config appsettings set -g mct-prod -n contosolearn --slot staging")
    assert "ServiceAuthAudience=api://" in note.remedy
    assert "ServiceAuthEnabled=" not in note.remedy, "it sticks already"
    assert diagnose(_in_a_slot(frozenset(name.lower() for name in NAMES)), NOW, WHERE) == ()


HEALTHY: Mapping[str, ObservedState] = {
    "the switch as .NET reads it": site_says(ServiceAuthEnabled=" True"),
    "a secret that lasts a day longer than the warning": import_has(credential(31)),
    "a secret that ends soon beside a good one": import_has(credential(3), credential(90)),
    "federated, which does not expire": import_has(
        replace(credential(kind=CredentialKind.FEDERATED), expires=None), credential(-1)
    ),
    "allowed by object id, which needs no role": observed_state(
        trust(IMPORT, consented=False), settings(ServiceObjectIds=IMPORT.principal.id if IMPORT.principal else "")
    ),
    "a client of another tenant, whose credentials nobody here sees": observed_state(
        Trust(SERVICE, SERVICE_PRINCIPAL, trust(IMPORT).assignments, (ClientApplication(principal=IMPORT.principal),)),
        settings(**ALLOWED),
    ),
    "a managed identity alone": (
        observed_state(replace(trust(), identities=(IDENTITY,)), settings(ServiceObjectIds=IDENTITY.id))
    ),
    "no App Service, and so no clients to miss": replace(complete(), app_service=None),
}


@pytest.mark.parametrize("observed", HEALTHY.values(), ids=HEALTHY.keys())
def test_nothing_is_found_where_nothing_is_wrong(observed: ObservedState) -> None:
    assert diagnose(observed, NOW, WHERE) == ()


WRONG = replace(ROLE, id=AppRoleId(guid("wrong")), value="Wrong")
OWN = replace(ROLE, value="OurRole")


@pytest.mark.parametrize(
    ("roles", "setting", "wanted"),
    [
        pytest.param((ROLE,), "Wrong", "S2SAppRole", id="that the application does not have"),
        pytest.param((WRONG, ROLE), "Wrong", "S2SAppRole", id="that no client holds"),
        pytest.param((OWN,), "Wrong", "OurRole", id="instead of one of another name than usual"),
        pytest.param((OWN, WRONG), "Wrong", "OurRole", id="that no client holds, instead of one of another name"),
        pytest.param((OWN, replace(WRONG, value="S2SAppRole")), "S2SAppRole", "OurRole", id="the usual one"),
        pytest.param((OWN,), "", "OurRole", id="not set"),
    ],
)
def test_a_wrong_role_is_one_finding_about_the_setting_and_setup_puts_it_back(
    roles: tuple[AppRole, ...], setting: str, wanted: str
) -> None:
    service = replace(SERVICE, app_roles=roles)
    observed = observed_state(trust(IMPORT, service=service), settings(**{**ALLOWED, "ServiceAuthRole": setting}))
    (finding,) = diagnose(observed, NOW, WHERE)
    assert (finding.subject, finding.remedy) == ("ServiceAuthRole", f"mct-s2s configure-appservice {WHERE}")
    for desired in (spec(), spec("Import"), spec(settings_only=True)):
        plan = make_plan(desired, observed, CONTEXT)
        assert said(plan) == ["update application settings contosolearn", "update App Service contosolearn"]
        assert written(plan, observed)["ServiceAuthRole"] == wanted


def test_a_role_that_some_clients_hold_is_taken_for_right() -> None:
    """A role that is being changed: who does not have the new one yet needs consent."""
    other = client("Other")
    assigned = (assignment(IMPORT), replace(assignment(other), role_id=WRONG.id))
    held = replace(trust(IMPORT, other, service=replace(SERVICE, app_roles=(ROLE, WRONG))), assignments=assigned)
    ids = f"{IMPORT.client_id};{other.client_id}"
    observed = observed_state(held, settings(ServiceApplicationIds=ids, ServiceAuthRole="Wrong"))
    assert [(one.code, one.subject) for one in diagnose(observed, NOW, WHERE)] == [("client-not-consented", "Import")]
