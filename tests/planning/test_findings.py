"""Each finding of the contract: when it is made, how grave it is, and the command that mends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from mct_s2s.errors import PermissionMissing
from mct_s2s.model.azure_resources import SlotConfig
from mct_s2s.model.client_credentials import Credential, CredentialKind
from mct_s2s.model.directory_objects import AppRole
from mct_s2s.model.ids import AppRoleId
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import NAMES
from mct_s2s.model.trust import ClientApplication, Trust
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.reports.findings import Severity, diagnose, is_healthy

from tests.cli.schemas import FINDING_CODES
from tests.planning.scenarios import (
    FACTS,
    NOW,
    ROLE,
    SERVICE,
    SERVICE_PRINCIPAL,
    TENANT,
    applied,
    assignment,
    client,
    complete,
    credential,
    guid,
    observed_state,
    said,
    settings,
    spec,
    trust,
)
from tests.render.examples import site_of

WHERE = "-a contosolearn -g mct-prod"
IMPORT = client("Import")
ALLOWED = {"ServiceApplicationIds": IMPORT.client_id, "ServiceAuthRole": "S2SAppRole"}


def site_says(**changed: str) -> ObservedState:
    return observed_state(trust(IMPORT), settings(**{**ALLOWED, **changed}))


def service_is(**changed: object) -> ObservedState:
    return observed_state(trust(IMPORT, service=replace(SERVICE, **changed)), settings(**ALLOWED))  # type: ignore[arg-type]


def import_has(*credentials: Credential) -> ObservedState:
    assert IMPORT.application is not None
    return complete(ClientApplication(replace(IMPORT.application, credentials=credentials), IMPORT.principal))


def unreadable(seen: ObservedState) -> ObservedState:
    assert seen.app_service is not None
    refusal = PermissionMissing("permission-missing", "You can't read them.", remedy="Ask an Owner.")
    return replace(seen, app_service=replace(seen.app_service, settings={}, refusal=refusal))


ERROR, WARNING = Severity.ERROR, Severity.WARNING
ADD, SETUP, CONFIGURE = (f"mct-s2s {verb}" for verb in ("add-client", "setup", "configure-appservice"))
ROTATE, REMOVE = "mct-s2s rotate-secret", "mct-s2s remove-client"

RENEW = f"{ADD} {guid('Import')} {WHERE} --credential certificate"
NOTES = {"settings-not-sticky"}
"""Codes that make nothing unhealthy: they have a test of their own."""

CASES: dict[str, tuple[ObservedState, str, Severity, str, str]] = {
    "the service application of another App Service": (
        observed_state(trust(IMPORT, service=replace(SERVICE, unique_name="mct-s2s-site-b")), settings()),
        "service-application-not-ours",
        WARNING,
        SERVICE.display_name,
        SETUP,
    ),
    "nothing at all": (observed_state(), "not-configured", ERROR, "contosolearn", SETUP),
    "settings, but no registration": (
        observed_state(Trust(), settings()),
        "service-application-missing",
        ERROR,
        "service application",
        SETUP,
    ),
    "no URI": (service_is(identifier_uris=()), "application-id-uri-missing", ERROR, SERVICE.display_name, SETUP),
    "no role": (service_is(app_roles=()), "app-role-missing", ERROR, SERVICE.display_name, SETUP),
    "role off": (
        service_is(app_roles=(replace(ROLE, enabled=False),)),
        "app-role-disabled",
        ERROR,
        SERVICE.display_name,
        SETUP,
    ),
    "no service principal": (
        observed_state(replace(trust(IMPORT), principal=None), settings(**ALLOWED)),
        "service-principal-missing",
        ERROR,
        SERVICE.display_name,
        SETUP,
    ),
    "v2 tokens": (service_is(token_version=2), "token-version", ERROR, SERVICE.display_name, SETUP),
    "no consent": (
        observed_state(trust(IMPORT, consented=False), settings(**ALLOWED)),
        "client-not-consented",
        ERROR,
        "Import",
        ADD,
    ),
    "not on the list": (
        observed_state(trust(IMPORT), settings()),
        "client-not-allowed",
        ERROR,
        "Import",
        ADD,
    ),
    "a stranger on the clients' list": (
        site_says(ServiceApplicationIds=f"{IMPORT.client_id};{guid('gone')}"),
        "client-unknown",
        WARNING,
        guid("gone"),
        REMOVE,
    ),
    "a stranger on the identities' list": (
        site_says(ServiceObjectIds=guid("gone")),
        "client-unknown",
        WARNING,
        guid("gone"),
        REMOVE,
    ),
    "no audience": (site_says(ServiceAuthAudience=""), "setting-missing", ERROR, "ServiceAuthAudience", CONFIGURE),
    "blank audience": (site_says(ServiceAuthAudience=" "), "setting-missing", ERROR, "ServiceAuthAudience", CONFIGURE),
    "no switch": (site_says(ServiceAuthEnabled=""), "setting-missing", ERROR, "ServiceAuthEnabled", CONFIGURE),
    "no role setting": (site_says(ServiceAuthRole=""), "setting-missing", ERROR, "ServiceAuthRole", CONFIGURE),
    "switched off": (site_says(ServiceAuthEnabled="False"), "setting-mismatch", ERROR, "ServiceAuthEnabled", CONFIGURE),
    "other audience": (
        site_says(ServiceAuthAudience="api://x"),
        "setting-mismatch",
        ERROR,
        "ServiceAuthAudience",
        CONFIGURE,
    ),
    "role in another case": (
        site_says(ServiceAuthRole="s2sapprole"),
        "setting-mismatch",
        ERROR,
        "ServiceAuthRole",
        CONFIGURE,
    ),
    "unverified tenant name": (
        site_says(ServiceAuthTenantName="fabrikam.com"),
        "setting-mismatch",
        ERROR,
        "ServiceAuthTenantName",
        CONFIGURE,
    ),
    "other tenant": (
        site_says(ServiceAuthTenantId=guid("x")),
        "tenant-mismatch",
        ERROR,
        "ServiceAuthTenantId",
        CONFIGURE,
    ),
    "untidy list": (
        site_says(ServiceApplicationIds=f"{IMPORT.client_id}; "),
        "setting-malformed",
        WARNING,
        "ServiceApplicationIds",
        CONFIGURE,
    ),
    "no GUID on a list": (
        site_says(ServiceObjectIds="reports-func"),
        "setting-malformed",
        WARNING,
        "ServiceObjectIds",
        REMOVE,
    ),
    "settings unread": (unreadable(observed_state()), "settings-unreadable", WARNING, "contosolearn", "mct-s2s doctor"),
    "nobody": (complete(), "no-clients", WARNING, "contosolearn", "mct-s2s add-client NAME"),
    "no credential": (import_has(), "no-credential", ERROR, "Import", ADD),
    "expired": (import_has(credential(-1), credential(-40)), "secret-expired", ERROR, "Import", ADD),
    "expiring": (import_has(credential(30), credential(-1)), "secret-expiring", WARNING, "Import", ROTATE),
    "expiring certificate": (
        import_has(credential(5, kind=CredentialKind.CERTIFICATE)),
        "secret-expiring",
        WARNING,
        "Import",
        RENEW,
    ),
    "expired certificate": (
        import_has(credential(-5, kind=CredentialKind.CERTIFICATE)),
        "secret-expired",
        ERROR,
        "Import",
        RENEW,
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_flaw_is_found_once_and_comes_with_its_remedy(case: tuple[ObservedState, str, Severity, str, str]) -> None:
    observed, code, severity, subject, remedy = case
    found = [f for f in diagnose(observed, NOW, WHERE) if f.code == code and f.subject == subject]
    (finding,) = found
    assert finding.severity is severity
    assert finding.remedy.startswith(remedy)
    assert WHERE in finding.remedy
    assert finding.message.endswith((".", "'")) or finding.message.endswith(").")
    assert not is_healthy(tuple(found))


def test_every_code_of_the_contract_has_its_case() -> None:
    assert {case[1] for case in CASES.values()} | {"app-service-stopped"} == set(FINDING_CODES) - NOTES


def test_of_unread_settings_nothing_is_concluded() -> None:
    """Neither that they are wrong, nor that a service application which only they may name is missing."""
    assert [one.code for one in diagnose(unreadable(observed_state()), NOW, WHERE)] == ["settings-unreadable"]
    assert [one.code for one in diagnose(unreadable(complete(IMPORT)), NOW, WHERE)] == ["settings-unreadable"]


def test_a_stopped_site_is_started_by_its_own_command() -> None:
    right = complete(IMPORT)
    assert right.app_service is not None
    stopped = replace(right.app_service, site=replace(right.app_service.site, state="Stopped"))
    (finding,) = diagnose(replace(right, app_service=stopped), NOW, WHERE)
    assert (finding.code, finding.severity) == ("app-service-stopped", ERROR)
    assert finding.remedy.startswith("az webapp start -g mct-prod -n contosolearn --subscription ")


def _in_a_slot(sticky: frozenset[str]) -> ObservedState:
    observed = complete(client("Import"))
    assert observed.app_service is not None
    slot = replace(
        observed.app_service.site, resource=ResourceId.site(guid("s"), "mct-prod", "contosolearn", "staging")
    )
    there = replace(observed.app_service, site=slot, slot_config=SlotConfig(("staging",), sticky))
    trust = replace(observed.trust, service=replace(SERVICE, unique_name="mct-s2s-contosolearn_staging"))
    return replace(observed, app_service=there, trust=trust)


def test_settings_of_a_slot_that_a_swap_would_carry_away_are_noted() -> None:
    (note,) = diagnose(_in_a_slot(frozenset({"serviceauthenabled"})), NOW, WHERE)
    assert (note.code, note.severity, note.subject) == ("settings-not-sticky", Severity.NOTE, "contosolearn/staging")
    assert is_healthy((note,))
    assert note.remedy.startswith("az webapp config appsettings set -g mct-prod -n contosolearn --slot staging")
    assert "ServiceAuthAudience=api://" in note.remedy
    assert "ServiceAuthEnabled=" not in note.remedy, "it sticks already"
    assert diagnose(_in_a_slot(frozenset(name.lower() for name in NAMES)), NOW, WHERE) == ()


HEALTHY: Mapping[str, ObservedState] = {
    "as this tool makes it": complete(IMPORT),
    "the switch as .NET writes it": site_says(ServiceAuthEnabled=" True"),
    "a verified custom domain": site_says(ServiceAuthTenantName="CONTOSO.com"),
    "tenant id in upper case": site_says(ServiceAuthTenantId=TENANT.id.upper()),
    "a secret that lasts a day longer than the warning": import_has(credential(31)),
    "an old secret beside a good one": import_has(credential(3), credential(90)),
    "federated, which does not expire": import_has(
        replace(credential(kind=CredentialKind.FEDERATED), expires=None), credential(-1)
    ),
    "allowed by object id, which needs no role": observed_state(
        trust(IMPORT, consented=False), settings(ServiceObjectIds=IMPORT.principal.id if IMPORT.principal else "")
    ),
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
    assert (finding.subject, finding.remedy) == ("ServiceAuthRole", f"{CONFIGURE} {WHERE}")
    for desired in (spec(), spec("Import"), spec(settings_only=True)):
        plan = make_plan(desired, observed, FACTS)
        assert said(plan) == ["update application settings contosolearn", "update App Service contosolearn"]
        assert site_of(applied(plan, observed)).settings["ServiceAuthRole"] == wanted


def test_a_role_that_some_clients_hold_is_taken_for_right() -> None:
    """A role that is being changed: who does not have the new one yet needs consent."""
    other = client("Other")
    assigned = (assignment(IMPORT), replace(assignment(other), role_id=WRONG.id))
    held = replace(trust(IMPORT, other, service=replace(SERVICE, app_roles=(ROLE, WRONG))), assignments=assigned)
    ids = f"{IMPORT.client_id};{other.client_id}"
    observed = observed_state(held, settings(ServiceApplicationIds=ids, ServiceAuthRole="Wrong"))
    assert [(one.code, one.subject) for one in diagnose(observed, NOW, WHERE)] == [("client-not-consented", "Import")]


def test_a_site_that_nobody_configured_is_told_once_not_seven_times() -> None:
    assert [finding.code for finding in diagnose(observed_state(), NOW, WHERE)] == ["not-configured"]


def test_a_client_of_another_tenant_is_not_asked_for_credentials() -> None:
    foreign = ClientApplication(None, IMPORT.principal)
    observed = observed_state(
        Trust(SERVICE, SERVICE_PRINCIPAL, trust(IMPORT).assignments, (foreign,)), settings(**ALLOWED)
    )
    assert diagnose(observed, NOW, WHERE) == ()


def test_a_trust_without_an_app_service_is_not_said_to_lack_clients() -> None:
    assert diagnose(replace(complete(), app_service=None), NOW, WHERE) == ()


def test_an_id_that_belongs_to_nobody_is_one_finding_and_not_two() -> None:
    observed = observed_state(trust(), settings(ServiceApplicationIds=guid("gone"), ServiceAuthRole="S2SAppRole"))
    assert [finding.code for finding in diagnose(observed, NOW, WHERE)] == ["client-unknown"]
