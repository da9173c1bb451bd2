"""Whose a registration is, as a table, and whom a name means: one rule for every command."""

from dataclasses import replace

import pytest
from mct_s2s.model.client_credentials import SecretNote
from mct_s2s.model.desired import Desired, Removal, Rotation, ServiceSpec
from mct_s2s.model.directory_objects import Application, AppRole, Assignment, Custody
from mct_s2s.model.ids import AppRoleId, PrincipalId, api_uri, site_note
from mct_s2s.model.observed import ClientApplication, ObservedState, Trust
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.ownership import clients_called, did_you_mean, foreign_client, foreign_service

from tests.planning.scenarios import (
    IMPORT,
    LATER,
    ROLE,
    SERVICE,
    SERVICE_ID,
    SERVICE_KEY,
    SERVICE_PRINCIPAL,
    SPEC,
    assignment,
    client,
    complete,
    credential,
    guid,
    observed_state,
    said,
    settings,
    site,
    spec,
    trust,
)

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
TAGGED = replace(HAND_MADE, application=replace(HAND_MADE.application, tags=("mct-s2s:mct-s2s-contosolearn",)))
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


EXPORT = client("Export", key=None)


def called(name: str, observed: ObservedState) -> list[str]:
    return [one.display_name for one in clients_called(name, observed)]


def renamed(one: ClientApplication, name: str) -> ClientApplication:
    return replace(one, application=replace(one.application, display_name=name))


@pytest.mark.parametrize(
    "name",
    [
        "Export",
        "EXPORT",
        " export ",
        EXPORT.client_id,
        EXPORT.client_id.upper(),
        EXPORT.principal.id if EXPORT.principal else "",
    ],
)
def test_a_name_or_an_id_means_a_client_whatever_its_case(name: str) -> None:
    assert called(name, complete(IMPORT, EXPORT)) == ["Export"]


def test_what_was_made_for_a_name_is_meant_by_it_although_it_was_renamed() -> None:
    assert called("Import", complete(renamed(IMPORT, "Reports"), renamed(EXPORT, "Import"))) == ["Reports"]


def test_of_names_that_differ_in_case_alone_the_exact_one_is_meant() -> None:
    lower = client("import", key=None)
    both = complete(renamed(EXPORT, "Import"), lower)
    assert called("Import", both) == ["Import"]
    assert called("import", both) == ["import"]
    assert sorted(called("IMPORT", both)) == ["Import", "import"], "and that is for the command to refuse"


def test_a_namesake_outside_the_trust_is_never_meant() -> None:
    outside = observed_state(Trust(SERVICE, SERVICE_PRINCIPAL, (), (client("Import", key=None),)), settings())
    assert called("Import", outside) == []


COMMANDS: dict[str, tuple[Desired, str]] = {
    "setup": (spec("IMPORT"), ""),
    "rotate-secret": (Rotation(SPEC, expires=LATER, clients=("IMPORT",)), "create secret Import"),
    "remove-client": (Removal(SPEC, clients=("IMPORT",)), "delete client application Import"),
}


@pytest.mark.parametrize(("desired", "expected"), COMMANDS.values(), ids=COMMANDS.keys())
def test_every_command_takes_a_name_whatever_its_case(desired: Desired, expected: str) -> None:
    steps = said(make_plan(desired, complete(IMPORT)))
    assert expected in steps if expected else steps == []


@pytest.mark.parametrize(
    ("name", "told"),
    [("S2S-clinet", "Did you mean 'S2S-client'?"), (" IMPROT ", "Did you mean 'Import'?"), ("zzzzzzzz", "List them.")],
)
def test_the_nearest_name_is_told_in_any_case_of_its_letters(name: str, told: str) -> None:
    assert did_you_mean(name, ["Import", "S2S-client"], "List them.") == told
    assert did_you_mean(name, [], "List them.") == "List them."
