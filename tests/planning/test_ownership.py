"""Whose a registration is, as a table: who may have written what speaks for it decides."""

from dataclasses import replace

import pytest
from mct_s2s.model.client_credentials import SecretNote
from mct_s2s.model.desired import ServiceSpec
from mct_s2s.model.directory_objects import Application, AppRole, Assignment, Custody
from mct_s2s.model.ids import AppRoleId, PrincipalId, api_uri, site_note
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.planning.ownership import foreign_client, foreign_service

from tests.planning.scenarios import (
    IMPORT,
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
OF_ADA = Custody(owners=((PrincipalId(guid("ada")), "ada@contoso.com"),))
WITH_A_SECRET = Custody(credentials=(credential(),))
SET, UNSET = settings(), settings(ServiceAuthAudience="")


def held_by(observed: ObservedState, of: Application | None, custody: Custody | None) -> ObservedState:
    assert of is not None
    return replace(observed, custody={of.client_id.lower(): custody} if custody is not None else {})


@pytest.mark.parametrize(
    ("service", "spec", "values", "custody", "is_foreign"),
    [
        (SERVICE, SPEC, SET, OF_ADA, False),
        (OURS_BY_NOTE, SPEC, SET, OF_ADA, False),
        (SERVICE, SPEC, UNSET, Custody(), False),
        (SERVICE, SPEC, UNSET, OF_ADA, True),
        (SERVICE, SPEC, UNSET, WITH_A_SECRET, True),
        (SERVICE, SPEC, UNSET, None, True),
        (BY_HAND, SPEC, SET, Custody(), True),
        (BY_HAND, NAMED, SET, OF_ADA, False),
        (BY_HAND, BY_URI, UNSET, OF_ADA, False),
        (OF_B, SPEC, SET, Custody(), True),
        (OF_A_SLOT, SPEC, SET, Custody(), True),
        (OF_A_NAMESAKE, SPEC, SET, Custody(), True),
        (OF_A_NAMESAKE, SPEC, UNSET, Custody(), True),
        (OF_B, NAMED, SET, OF_ADA, False),
    ],
)
def test_a_service_application(
    service: Application, spec: ServiceSpec, values: dict[str, str | None], custody: Custody | None, is_foreign: bool
) -> None:
    observed = held_by(observed_state(trust(service=service), values), service, custody)
    assert bool(foreign_service(service, observed, spec)) is is_foreign


HAND_MADE = client(key=None)
OF_ANOTHER = client(key="mct-s2s-site-b.import-2cff9baabf")
TAGGED = replace(HAND_MADE, application=replace(HAND_MADE.application, tags=("mct-s2s:mct-s2s-contosolearn",)))  # type: ignore[type-var]
NOTED = SecretNote(delivered=credential().key_id)
LISTED = settings(ServiceApplicationIds=IMPORT.client_id)


@pytest.mark.parametrize(
    ("one", "consented", "named", "custody", "is_foreign"),
    [
        (IMPORT, True, (), OF_ADA, False),
        (HAND_MADE, True, (), OF_ADA, False),
        (OF_ANOTHER, True, (), OF_ADA, False),
        (HAND_MADE, False, (HAND_MADE.client_id.upper(),), OF_ADA, False),
        (HAND_MADE, False, ("Import",), Custody(), True),
        (TAGGED, False, ("Import",), Custody(), True),
        (OF_ANOTHER, False, ("Import",), Custody(), True),
        (IMPORT, False, ("Import",), Custody(), False),
        (IMPORT, False, ("Import",), OF_ADA, True),
        (IMPORT, False, ("Import",), None, True),
    ],
)
def test_a_client_that_is_on_the_list(
    one: ClientApplication, consented: bool, named: tuple[str, ...], custody: Custody | None, is_foreign: bool
) -> None:
    observed = held_by(observed_state(trust(one, consented=consented), LISTED), one.application, custody)
    assert bool(foreign_client(one, observed, SPEC, named)) is is_foreign


@pytest.mark.parametrize(("note", "is_foreign"), [(NOTED, False), (SecretNote(), True)])
def test_a_credential_has_to_be_one_that_we_stored(note: SecretNote, is_foreign: bool) -> None:
    observed = held_by(observed_state(trust(IMPORT, consented=False), LISTED), IMPORT.application, WITH_A_SECRET)
    assert bool(foreign_client(IMPORT, observed, SPEC, (), note)) is is_foreign


@pytest.mark.parametrize("service", [BY_HAND, OF_B, OF_A_NAMESAKE])
def test_no_consent_to_a_foreign_service_application_counts(service: Application) -> None:
    observed = observed_state(trust(IMPORT, service=service), LISTED)
    assert foreign_client(IMPORT, observed, SPEC)
    assert not foreign_client(IMPORT, observed, NAMED)


def test_nor_does_one_to_a_role_that_only_the_settings_name() -> None:
    other = AppRole(AppRoleId(guid("other")), "Pay.All", "Pay", "…", enabled=True, member_types=("Application",))
    service = replace(SERVICE, app_roles=(ROLE, other))
    assert HAND_MADE.principal is not None
    held = Assignment("1", HAND_MADE.principal.id, SERVICE_PRINCIPAL.id, other.id)
    of_it = replace(trust(HAND_MADE, service=service, consented=False), assignments=(held,))
    observed = observed_state(of_it, settings(ServiceAuthRole="Pay.All"))
    assert foreign_client(HAND_MADE, observed, SPEC)
    assert not foreign_client(HAND_MADE, observed, replace(SPEC, role="Pay.All"))
    right = replace(of_it, assignments=(assignment(HAND_MADE),))
    assert not foreign_client(HAND_MADE, replace(observed, trust=right), SPEC)
