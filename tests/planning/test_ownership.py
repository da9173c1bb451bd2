"""Whose a registration is, as a table: who may have written what speaks for it decides."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mct_s2s.model.client_credentials import SecretNote
from mct_s2s.model.desired import ServiceSpec
from mct_s2s.model.directory_objects import Application, AppRole, Assignment, Custody, Owner
from mct_s2s.model.ids import AppRoleId, PrincipalId, api_uri, site_note
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.trust import ClientApplication
from mct_s2s.planning.registrations.ownership import Basis, of_client, of_service

from tests.planning.scenarios import (
    ROLE,
    SERVICE,
    SERVICE_ID,
    SERVICE_KEY,
    SERVICE_PRINCIPAL,
    assignment,
    client,
    credential,
    guid,
    observed_state,
    settings,
    site,
    trust,
)

SPEC = ServiceSpec(SERVICE_KEY, "MCT service (contosolearn)")
BY_HAND = replace(SERVICE, unique_name=None)
OF_B = replace(SERVICE, unique_name="mct-s2s-site-b")
OF_A_SLOT = replace(SERVICE, unique_name=f"{SERVICE_KEY}_staging")
OURS_BY_NOTE = replace(SERVICE, notes=site_note(str(site().resource)))
OF_A_NAMESAKE = replace(SERVICE, notes=site_note(str(site().resource).replace("mct-prod", "elsewhere")))
NAMED = replace(SPEC, adopt=SERVICE_ID)
BY_URI = replace(SPEC, adopt=api_uri(SERVICE_ID))
OF_ADA = Custody(owners=(Owner(PrincipalId(guid("ada")), "ada@contoso.com"),))
WITH_A_SECRET = Custody(credentials=(credential(),))
SET, UNSET = settings(), settings(ServiceAuthAudience="")


def held_by(observed: ObservedState, of: Application | None, custody: Custody | None) -> ObservedState:
    assert of is not None
    return replace(observed, custody={of.client_id.lower(): custody} if custody is not None else {})


@pytest.mark.parametrize(
    ("service", "spec", "values", "custody", "basis"),
    [
        (SERVICE, SPEC, SET, OF_ADA, Basis.OURS),
        (OURS_BY_NOTE, SPEC, SET, OF_ADA, Basis.OURS),
        (SERVICE, SPEC, UNSET, Custody(), Basis.IN_CUSTODY),
        (SERVICE, SPEC, UNSET, OF_ADA, Basis.FOREIGN),
        (SERVICE, SPEC, UNSET, WITH_A_SECRET, Basis.FOREIGN),
        (SERVICE, SPEC, UNSET, None, Basis.FOREIGN),
        (BY_HAND, SPEC, SET, Custody(), Basis.FOREIGN),
        (BY_HAND, NAMED, SET, OF_ADA, Basis.NAMED),
        (BY_HAND, BY_URI, UNSET, OF_ADA, Basis.NAMED),
        (OF_B, SPEC, SET, Custody(), Basis.FOREIGN),
        (OF_A_SLOT, SPEC, SET, Custody(), Basis.FOREIGN),
        (OF_A_NAMESAKE, SPEC, SET, Custody(), Basis.FOREIGN),
        (OF_A_NAMESAKE, SPEC, UNSET, Custody(), Basis.FOREIGN),
        (OF_B, NAMED, SET, OF_ADA, Basis.NAMED),
    ],
)
def test_a_service_application(
    service: Application, spec: ServiceSpec, values: dict[str, str | None], custody: Custody | None, basis: Basis
) -> None:
    observed = held_by(observed_state(trust(service=service), values), service, custody)
    assert of_service(service, observed, spec).basis is basis


IMPORT = client()
HAND_MADE = client(key=None)
OF_ANOTHER = client(key="mct-s2s-site-b.import-2cff9baabf")
TAGGED = replace(HAND_MADE, application=replace(HAND_MADE.application, tags=("mct-s2s:mct-s2s-contosolearn",)))  # type: ignore[type-var]
NOTED = SecretNote(delivered=credential().key_id)
LISTED = settings(ServiceApplicationIds=IMPORT.client_id)


@pytest.mark.parametrize(
    ("one", "consented", "named", "custody", "basis"),
    [
        (IMPORT, True, (), OF_ADA, Basis.CONSENTED),
        (HAND_MADE, True, (), OF_ADA, Basis.CONSENTED),
        (OF_ANOTHER, True, (), OF_ADA, Basis.CONSENTED),
        (HAND_MADE, False, (HAND_MADE.client_id.upper(),), OF_ADA, Basis.NAMED),
        (HAND_MADE, False, ("Import",), Custody(), Basis.FOREIGN),
        (TAGGED, False, ("Import",), Custody(), Basis.FOREIGN),
        (OF_ANOTHER, False, ("Import",), Custody(), Basis.FOREIGN),
        (IMPORT, False, ("Import",), Custody(), Basis.IN_CUSTODY),
        (IMPORT, False, ("Import",), OF_ADA, Basis.FOREIGN),
        (IMPORT, False, ("Import",), None, Basis.FOREIGN),
    ],
)
def test_a_client_that_is_on_the_list(
    one: ClientApplication, consented: bool, named: tuple[str, ...], custody: Custody | None, basis: Basis
) -> None:
    observed = held_by(observed_state(trust(one, consented=consented), LISTED), one.application, custody)
    assert of_client(one, observed, SPEC, named).basis is basis


@pytest.mark.parametrize(("note", "basis"), [(NOTED, Basis.IN_CUSTODY), (SecretNote(), Basis.FOREIGN)])
def test_a_credential_has_to_be_one_that_we_stored(note: SecretNote, basis: Basis) -> None:
    observed = held_by(observed_state(trust(IMPORT, consented=False), LISTED), IMPORT.application, WITH_A_SECRET)
    assert of_client(IMPORT, observed, SPEC, (), note).basis is basis


@pytest.mark.parametrize("service", [BY_HAND, OF_B, OF_A_NAMESAKE])
def test_no_consent_to_a_foreign_service_application_counts(service: Application) -> None:
    observed = observed_state(trust(IMPORT, service=service), LISTED)
    assert of_client(IMPORT, observed, SPEC).basis is Basis.FOREIGN
    assert of_client(IMPORT, observed, NAMED).basis is Basis.CONSENTED


def test_nor_does_one_to_a_role_that_only_the_settings_name() -> None:
    other = AppRole(AppRoleId(guid("other")), "Pay.All", "Pay", "…", enabled=True, member_types=("Application",))
    service = replace(SERVICE, app_roles=(ROLE, other))
    assert HAND_MADE.principal is not None
    held = Assignment("1", HAND_MADE.principal.id, SERVICE_PRINCIPAL.id, other.id)
    of_it = replace(trust(HAND_MADE, service=service, consented=False), assignments=(held,))
    observed = observed_state(of_it, settings(ServiceAuthRole="Pay.All"))
    assert of_client(HAND_MADE, observed, SPEC).basis is Basis.FOREIGN
    assert of_client(HAND_MADE, observed, replace(SPEC, role="Pay.All")).basis is Basis.CONSENTED
    right = replace(of_it, assignments=(assignment(HAND_MADE),))
    assert of_client(HAND_MADE, replace(observed, trust=right), SPEC).basis is Basis.CONSENTED
