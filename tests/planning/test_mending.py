"""`doctor --fix` gives back what is lost to whom it belongs already: never access to anyone who has none."""

from __future__ import annotations

from dataclasses import replace

from mct_s2s.model.ids import trust_tag
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.trust import ClientApplication
from mct_s2s.planning.mending import clients_to_mend

from tests.planning.scenarios import SERVICE_KEY, client, observed_state, settings, trust

IMPORT = client("Import")


def ours(one: ClientApplication) -> ClientApplication:
    assert one.application is not None
    return replace(one, application=replace(one.application, tags=(trust_tag(SERVICE_KEY),)))


def without_consent(*clients: ClientApplication, **changed: str) -> ObservedState:
    listed = {"ServiceApplicationIds": ";".join(one.client_id for one in clients), **changed}
    return observed_state(replace(trust(*clients), assignments=()), settings(**listed))


def mended(observed: ObservedState) -> list[str]:
    return [spec.name for spec in clients_to_mend(observed, SERVICE_KEY)]


def test_an_allowed_client_of_ours_gets_its_consent_back() -> None:
    assert mended(without_consent(ours(IMPORT))) == ["Import"]
    (spec,) = clients_to_mend(without_consent(ours(IMPORT)), SERVICE_KEY)
    assert (spec.credential, spec.consent) == (None, True)


def test_also_without_a_service_principal() -> None:
    assert mended(without_consent(replace(ours(IMPORT), principal=None))) == ["Import"]


def test_someone_elses_registration_is_left_alone() -> None:
    assert mended(without_consent(IMPORT)) == []


def test_one_that_is_not_allowed_gets_nothing() -> None:
    assert mended(without_consent(ours(IMPORT), ServiceApplicationIds="")) == []


def test_one_that_is_allowed_by_its_object_id_needs_none() -> None:
    assert IMPORT.principal is not None
    listed = {"ServiceApplicationIds": "", "ServiceObjectIds": IMPORT.principal.id}
    assert mended(without_consent(ours(IMPORT), **listed)) == []


def test_one_that_is_consented_is_right_already() -> None:
    assert mended(observed_state(trust(ours(IMPORT)), settings(ServiceApplicationIds=IMPORT.client_id))) == []


def test_of_two_with_one_name_the_other_is_meant_by_its_id() -> None:
    """The name means the one that was made under it."""
    other = client("Export")
    assert other.application is not None
    namesake = replace(other, application=replace(other.application, display_name="Import"))
    assert sorted(mended(without_consent(ours(IMPORT), ours(namesake)))) == sorted(["Import", other.client_id])


def test_without_a_service_application_or_settings_nothing_is_known() -> None:
    assert mended(observed_state()) == []
    assert mended(replace(without_consent(ours(IMPORT)), app_service=None)) == []
