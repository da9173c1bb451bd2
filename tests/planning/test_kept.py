"""Which registrations a removal keeps, and whose owners are read before it is decided."""

from dataclasses import replace

import pytest
from mct_s2s.model.desired import Desired, Look, Removal
from mct_s2s.model.directory_objects import Application, Custody, RequiredAccess
from mct_s2s.model.ids import AppRoleId, ClientId, Tag
from mct_s2s.model.observed import ClientApplication
from mct_s2s.planning.changes import NoChange
from mct_s2s.planning.inspection import registrations_to_inspect
from mct_s2s.planning.kept import KeptBecause, reason_to_keep_client, reason_to_keep_service
from mct_s2s.planning.make import make_plan

from tests.planning.scenarios import (
    ALLOWED,
    IMPORT,
    SERVICE,
    SERVICE_ID,
    SPEC,
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

TEARDOWN = Removal(SPEC, everything=True)
OF_ANOTHER_API = RequiredAccess(
    ClientId(guid("other API")), ((AppRoleId(guid("its role")), "Role"),)
)
OBSERVED = observed_state(trust(), settings())


@pytest.mark.parametrize(
    ("service", "of_principal", "removal", "expected"),
    [
        (SERVICE, Custody(), TEARDOWN, None),
        (SERVICE, None, TEARDOWN, None),
        (SERVICE, Custody(credentials=(credential(),)), TEARDOWN, KeptBecause.CONTENT),
        (replace(SERVICE, credentials=(credential(),)), None, TEARDOWN, KeptBecause.CONTENT),
        (
            replace(SERVICE, credentials=(credential(),)),
            None,
            replace(TEARDOWN, delete_adopted=True),
            None,
        ),
        (SERVICE, None, replace(TEARDOWN, keep_registration=True), KeptBecause.ASKED),
    ],
)
def test_a_service_application_with_a_credential_of_either_half_is_kept_unless_asked_otherwise(
    service: Application, of_principal: Custody | None, removal: Removal, expected: KeptBecause
) -> None:
    custody: dict[str, Custody] = {}
    if of_principal is not None:
        custody[service.client_id] = of_principal
    observed = replace(OBSERVED, trust=trust(service=service), custody=custody)
    kept = reason_to_keep_service(service, removal, observed, steps=())
    assert (kept and kept.because) == expected


@pytest.mark.parametrize("delete_adopted", [True, False])
def test_no_word_deletes_the_service_application_of_another_app_service(
    delete_adopted: bool,
) -> None:
    """Neither `--service-app` nor `--delete-adopted`: its clients there would lose their access."""
    theirs = replace(SERVICE, unique_name="mct-s2s-otherlearn")
    observed = replace(OBSERVED, trust=trust(service=theirs), custody={SERVICE_ID: Custody()})
    removal = replace(
        TEARDOWN, service=replace(SPEC, adopt=SERVICE_ID), delete_adopted=delete_adopted
    )
    kept = reason_to_keep_service(theirs, removal, observed, steps=())
    assert kept is not None
    assert kept.because is KeptBecause.OTHER_SITE


@pytest.mark.parametrize(
    ("changed", "removal", "expected"),
    [
        ({"credentials": ()}, TEARDOWN, None),
        ({"credentials": (credential(),)}, TEARDOWN, KeptBecause.CONTENT),
        ({"credentials": (credential(),)}, replace(TEARDOWN, delete_adopted=True), None),
        ({"unique_name": None}, TEARDOWN, KeptBecause.ADOPTED),
        ({"unique_name": None}, replace(TEARDOWN, delete_adopted=True), None),
        ({"required_access": (OF_ANOTHER_API,)}, TEARDOWN, KeptBecause.OTHER_APIS),
        ({}, replace(TEARDOWN, keep_registration=True), KeptBecause.ASKED),
    ],
)
def test_a_client_that_may_be_anothers_is_kept_unless_asked_otherwise(
    changed: dict[str, object], removal: Removal, expected: KeptBecause | None
) -> None:
    application = replace(IMPORT.application, **changed)  # type: ignore[arg-type]
    kept = reason_to_keep_client(application, removal, OBSERVED)
    assert (kept and kept.because) == expected


@pytest.mark.parametrize(
    ("desired", "is_read"),
    [
        (TEARDOWN, True),
        (Removal(SPEC, ("Import",)), False),
        (spec("Import"), False),
        (replace(spec("Import"), service=replace(SPEC, adopt=SERVICE_ID)), True),
        (Look(SPEC), False),
    ],
    ids=["teardown", "remove-client", "setup", "setup that adopts", "status"],
)
def test_owners_of_a_believed_service_application_are_read_before_it_is_deleted_or_adopted(
    desired: Desired, is_read: bool
) -> None:
    observed = observed_state(trust(IMPORT), settings(**ALLOWED))
    read = {client.client_id for client in registrations_to_inspect(observed, desired)}
    assert (SERVICE_ID in read) is is_read


@pytest.mark.parametrize("requests", [True, False], ids=["asks for it", "does not"])
def test_a_registration_that_stays_no_longer_asks_for_the_api(requests: bool) -> None:
    observed = complete(client("Import", access=requests))
    plan = make_plan(Removal(SPEC, ("Import",), keep_registration=True), observed)
    assert ("update API permission Import" in said(plan)) is requests


@pytest.mark.parametrize(
    "left_alone",
    [IMPORT, replace(IMPORT, application=Application())],
    ids=["registered here", "registered in another tenant"],
)
def test_a_client_that_is_left_alone_is_reported_with_the_ids_that_it_has_here(
    left_alone: ClientApplication,
) -> None:
    removal = Removal(SPEC, (IMPORT.client_id,), named_elsewhere=frozenset({IMPORT.client_id}))
    plan = make_plan(removal, complete(left_alone))
    (kept,) = [step for step in plan.steps if isinstance(step, NoChange) and step.is_kept]
    assert (kept.name, kept.id) == ("Import", IMPORT.client_id)
    assert kept.object_id == left_alone.application.object_id


@pytest.mark.parametrize("removal", [TEARDOWN, Removal(SPEC, ("Import",))])
def test_who_else_uses_the_service_application_is_said_where_it_was_to_go(removal: Removal) -> None:
    used = replace(SERVICE, tags=(Tag.USED.of("mct-s2s-other"),))
    observed = observed_state(trust(IMPORT, service=used), settings(**ALLOWED))
    said_of_use = [
        note for note in make_plan(removal, observed).notes if "a tag of it" in str(note)
    ]
    assert bool(said_of_use) is removal.everything
