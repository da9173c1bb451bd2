"""Who can call, and why the others cannot: the picture of a trust, before it is drawn."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from mct_s2s.errors import PermissionMissing
from mct_s2s.model.azure_resources import AppService
from mct_s2s.model.client_credentials import NEVER, CredentialKind
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.trust import ClientApplication
from mct_s2s.planning.permissions.callers import Access, TrustPicture, trust_picture

from tests.planning.scenarios import NOW, SERVICE, client, complete, credential, observed_state, settings, trust
from tests.render.examples import IDENTITY, site_of, with_role_off, with_settings
from tests.render.reports import WITHIN, crowd, mixed

FEDERATED = replace(credential(kind=CredentialKind.FEDERATED), expires=None)


def picture(observed: ObservedState) -> TrustPicture:
    return trust_picture(observed, NOW, WITHIN)


def test_those_that_need_attention_come_first_then_those_that_expire_first() -> None:
    drawn = picture(mixed())
    assert [(one.name, one.access) for one in drawn.callers] == [
        ("Reports", Access.CANNOT_CALL),
        ("Nightly", Access.EXPIRING),
        ("Import", Access.CAN_CALL),
        ("reports-func", Access.CAN_CALL),
    ]
    assert drawn.callers[0].reasons == ("not on the allow list", "expired")
    assert drawn.callers[1].remark == "can call, expires in 20 days"
    assert drawn.calling == 3


@pytest.mark.parametrize(
    ("found", "signs_in", "access"),
    [
        (credential(400), "secret until 2027-12-29", Access.CAN_CALL),
        (credential(30), "secret until 2026-12-24", Access.EXPIRING),
        (credential(0), "secret until 2026-11-24", Access.CANNOT_CALL),
        (credential(9, kind=CredentialKind.CERTIFICATE), "certificate until 2026-12-03", Access.EXPIRING),
        (replace(credential(), expires=NEVER), "secret, does not expire", Access.CAN_CALL),
        (FEDERATED, "federated, does not expire", Access.CAN_CALL),
    ],
)
def test_a_client_signs_in_with_its_last_credential(found: object, signs_in: str, access: Access) -> None:
    (only,) = picture(complete(client("Import", credential(-5, "old"), found))).callers  # type: ignore[arg-type]
    assert (only.signs_in, only.access) == (signs_in, access)


def test_a_client_without_consent_or_credential_cannot_call() -> None:
    bare = client("Import")
    assert bare.application is not None
    bare = ClientApplication(replace(bare.application, credentials=()), bare.principal)
    observed = complete(bare)
    observed = observed_state(trust(bare, consented=False), site_of(observed).settings)
    assert picture(observed).callers[0].remark == "cannot call: no admin consent, no credential"


def test_a_client_of_another_tenant_can_call_as_far_as_is_known() -> None:
    observed = complete(client("Import"))
    foreign = replace(observed.trust.clients[0], application=None)
    (only,) = picture(replace(observed, trust=replace(observed.trust, clients=(foreign,)))).callers
    assert (only.signs_in, only.access, only.ends) == ("other tenant", Access.CAN_CALL, None)


def test_a_client_that_is_allowed_by_its_object_id_needs_no_role() -> None:
    mine = client("Import")
    assert mine.principal is not None
    observed = observed_state(trust(mine, consented=False), settings(ServiceObjectIds=mine.principal.id))
    (only,) = picture(observed).callers
    assert (only.needs_role, only.access) == (False, Access.CAN_CALL)


def test_an_identity_that_is_not_allowed_cannot_call() -> None:
    observed = complete(client("Import"))
    drawn = picture(replace(observed, trust=replace(observed.trust, identities=(IDENTITY,))))
    assert [one.remark for one in drawn.callers if one.name == "reports-func"] == ["cannot call: not on the allow list"]


@pytest.mark.parametrize(
    ("change", "station", "problem"),
    [
        (with_role_off, "app role", "disabled"),
        (lambda seen: _service(seen, replace(SERVICE, app_roles=())), "app role", "missing"),
        (lambda seen: replace(seen, trust=replace(seen.trust, principal=None)), "service application", "principal"),
        (lambda seen: with_settings(seen, {**site_of(seen).settings, "ServiceAuthEnabled": "no"}), "App", "is off"),
        (lambda seen: _state(seen, "Stopped"), "App Service", "stopped"),
    ],
)
def test_what_stops_every_call_is_said_where_it_does(change: object, station: str, problem: str) -> None:
    drawn = picture(change(complete(client("Import"))))  # type: ignore[operator]
    stations = [drawn.role, drawn.service, drawn.app_service]
    assert [one.problem for one in stations if one and one.problem] == [
        one.problem for one in stations if one and station in one.kind and problem in (one.problem or "")
    ]
    assert drawn.calling == 0


def test_a_role_that_is_off_stops_those_that_need_it_alone() -> None:
    assert picture(with_role_off(mixed())).calling == 1


def test_without_an_app_service_it_ends_at_the_service_application() -> None:
    drawn = picture(replace(complete(client("Import")), app_service=None))
    assert (drawn.app_service, drawn.calling) == (None, 1)


def test_without_the_settings_it_is_not_known_who_is_allowed() -> None:
    refusal = PermissionMissing("permission-missing", "You can't.", remedy="Ask.")
    seen = mixed()
    there = replace(site_of(seen), settings={}, refusal=refusal)
    drawn = picture(replace(seen, app_service=there))
    assert (drawn.is_known, drawn.calling) == (False, None)
    assert {one.name: one.remark for one in drawn.callers} == {
        "Reports": "cannot call: expired",
        "Nightly": "expires in 20 days",
        "Import": "not known whether it can call",
        "reports-func": "not known whether it can call",
    }
    assert drawn.app_service is not None
    assert drawn.app_service.problem == "settings not readable"


def test_a_thousand_clients_take_no_longer_than_they_must() -> None:
    drawn = trust_picture(crowd(), NOW, timedelta(days=30))
    assert (len(drawn.callers), drawn.calling) == (1000, 990)


def _service(seen: ObservedState, service: object) -> ObservedState:
    return replace(seen, trust=replace(seen.trust, service=service))  # type: ignore[arg-type]


def _state(seen: ObservedState, state: str) -> ObservedState:
    there = site_of(seen)
    return replace(seen, app_service=AppService(replace(there.site, state=state), there.settings, there.tenant_id))
