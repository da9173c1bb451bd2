"""Who can call, what each client needs next, what makes a report unhealthy, and what an answer means for a test."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from mct_s2s.model.client_credentials import NEVER, CredentialKind
from mct_s2s.model.client_sign_in import API_PATH, ApiAnswer
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.credentials import renewal, validity
from mct_s2s.planning.reports.status import StatusReport
from mct_s2s.planning.reports.verification import advice, without_token

from tests.planning.scenarios import (
    NOW,
    SERVICE,
    client,
    complete,
    credential,
    guid,
    observed_state,
    settings,
    site_of,
    stopped,
    trust,
    unreadable,
    with_credentials,
)
from tests.render.examples import IDENTITY, WHERE, WITHIN, crowd, mixed, one, status_of, with_role_off, with_settings

FEDERATED = replace(credential(kind=CredentialKind.FEDERATED), expires=None)


def test_those_that_need_attention_come_first_then_those_that_expire_first() -> None:
    site = status_of(mixed())
    assert [(one.name, one.can_call, one.needs) for one in site.clients] == [
        ("Reports", False, "allow list, new credential"),
        ("Nightly", True, "new secret by 2026-12-14"),
        ("Import", True, "new secret by 2027-12-29"),
        ("reports-func", True, "nothing"),
    ]
    assert site.verdict == "3 of 4 clients can call contosolearn. 3 problems."


@pytest.mark.parametrize(
    ("found", "can_call", "needs"),
    [
        (credential(400), True, "new secret by 2027-12-29"),
        (credential(30), True, "new secret by 2026-12-24"),
        (credential(0), False, "new credential"),
        (credential(9, kind=CredentialKind.CERTIFICATE), True, "new certificate by 2026-12-03"),
        (replace(credential(), expires=NEVER), True, "nothing"),
        (FEDERATED, True, "nothing"),
    ],
)
def test_a_client_signs_in_with_its_last_credential(found: object, can_call: bool, needs: str) -> None:
    (only,) = status_of(complete(client("Import", credential(-5, "old"), found))).clients  # type: ignore[arg-type]
    assert (only.can_call, only.needs) == (can_call, needs)


def test_a_client_without_consent_or_credential_cannot_call() -> None:
    bare = with_credentials()
    observed = observed_state(trust(bare, consented=False), site_of(complete(bare)).settings)
    (only,) = status_of(observed).clients
    assert (only.can_call, only.needs) == (False, "admin consent, credential")


def test_a_client_of_another_tenant_can_call_as_far_as_is_known() -> None:
    observed = complete(client("Import"))
    foreign = replace(observed.trust.clients[0], application=Application())
    (only,) = status_of(replace(observed, trust=replace(observed.trust, clients=(foreign,)))).clients
    assert (only.can_call, only.needs, only.ends) == (True, "nothing", None)


def test_an_identity_that_is_not_allowed_cannot_call() -> None:
    observed = complete(client("Import"))
    site = status_of(replace(observed, trust=replace(observed.trust, identities=(IDENTITY,))))
    assert [(one.can_call, one.needs) for one in site.clients if one.name == "reports-func"] == [(False, "allow list")]


def _set(name: str, value: str) -> Callable[[ObservedState], ObservedState]:
    return lambda seen: with_settings(seen, {**site_of(seen).settings, name: value})


def _trust(**changed: object) -> Callable[[ObservedState], ObservedState]:
    return lambda seen: replace(seen, trust=replace(seen.trust, **changed))  # type: ignore[arg-type]


STOPS_ALL = {
    "switched off": _set("ServiceAuthEnabled", "no"),
    "another audience": _set("ServiceAuthAudience", "api://foo"),
    "another tenant": _set("ServiceAuthTenantId", guid("another")),
    "another tenant's name": _set("ServiceAuthTenantName", "fabrikam.onmicrosoft.com"),
    "no audience": _set("ServiceAuthAudience", ""),
    "no URI": _trust(service=replace(SERVICE, identifier_uris=())),
    "v2 tokens": _trust(service=replace(SERVICE, token_version=2)),
    "no service principal": _trust(principal=None),
    "stopped": stopped,
}
STOPS_THE_ROLE = {
    "role off": with_role_off,
    "no role": _trust(service=replace(SERVICE, app_roles=())),
    "another role": _set("ServiceAuthRole", "Wrong"),
    "role not set": _set("ServiceAuthRole", ""),
}


@pytest.mark.parametrize("flaw", STOPS_ALL.values(), ids=STOPS_ALL.keys())
def test_what_stops_every_call_leaves_no_client_that_can(flaw: Callable[[ObservedState], ObservedState]) -> None:
    site = status_of(flaw(mixed()))
    assert {one.can_call for one in site.clients} == {False}
    assert site.verdict.startswith("0 of 4 clients can call contosolearn. ")


@pytest.mark.parametrize("flaw", STOPS_THE_ROLE.values(), ids=STOPS_THE_ROLE.keys())
def test_what_is_wrong_with_the_role_stops_those_that_need_it(flaw: Callable[[ObservedState], ObservedState]) -> None:
    site = status_of(flaw(mixed()))
    assert [one.name for one in site.clients if one.can_call] == ["reports-func"]


def test_a_client_that_is_allowed_by_its_object_id_needs_no_role() -> None:
    mine = client("Import")
    assert mine.principal is not None
    observed = observed_state(trust(mine, consented=False), settings(ServiceObjectIds=mine.principal.id))
    assert [one.can_call for one in status_of(with_role_off(observed)).clients] == [True]


def test_without_an_app_service_its_part_is_taken_for_right() -> None:
    site = status_of(replace(complete(client("Import")), app_service=None))
    assert site.verdict == "1 of 1 client can call the MCT API. No problems found."


def test_without_the_settings_it_is_not_known_who_is_allowed() -> None:
    site = status_of(unreadable(mixed()))
    assert {one.name: (one.can_call, one.allowed) for one in site.clients} == {
        "Reports": (False, None),
        "Nightly": (None, None),
        "Import": (None, None),
        "reports-func": (None, None),
    }
    assert site.verdict.startswith("? of 4 clients can call contosolearn.")


def test_the_verdict_counts_none_and_a_thousand() -> None:
    assert status_of(complete()).verdict == "No client can call contosolearn. 1 problem."
    assert status_of(crowd()).verdict == "990 of 1000 clients can call contosolearn. 10 problems."


CERTIFICATE = credential(300, "c", CredentialKind.CERTIFICATE)
SHORT = replace(credential(9, "mct-s2s 2026-11-13 a1b2"), begins=NOW - timedelta(11))
"""Another one as short would be reported at once."""
MADE_SHORT = replace(SHORT, kind=CredentialKind.CERTIFICATE)


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        *((NOW + timedelta(days), state) for days, state in (
            (400, "valid"), (31, "valid"), (30, "expiring"), (1, "expiring"), (0, "expired")
        )),
        (None, "does not expire"),
        (NEVER, "does not expire"),
    ],
)  # fmt: skip
def test_a_credential_is_expiring_from_the_horizon_on(end: datetime | None, expected: str) -> None:
    assert validity(end, NOW, WITHIN) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ((credential(9),), f"mct-s2s rotate-secret {guid('x')} {WHERE}"),
        ((SHORT,), f"mct-s2s rotate-secret {guid('x')} --secret-lifetime 1y {WHERE}"),
        ((MADE_SHORT,), f"mct-s2s rotate-secret {guid('x')} --secret-lifetime 1y {WHERE}"),
        ((credential(-9),), f"mct-s2s add-client {guid('x')} {WHERE}"),
        ((CERTIFICATE,), f"mct-s2s add-client {guid('x')} {WHERE} --credential certificate"),
        ((CERTIFICATE, credential(9)), f"mct-s2s rotate-secret {guid('x')} {WHERE}"),
        ((CERTIFICATE, credential(-9)), f"mct-s2s add-client {guid('x')} {WHERE} --credential certificate"),
    ],
)
def test_a_credential_is_replaced_by_one_of_its_kind(found: tuple[object, ...], expected: str) -> None:
    assert renewal(guid("x"), found, NOW, WHERE) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("report", "healthy"),
    [(one(complete(client("Import"))), True), (one(), False), (StatusReport(NOW, WITHIN, (), is_list=True), False)],
)
def test_a_report_is_healthy_if_all_that_was_read_is(report: StatusReport, healthy: bool) -> None:
    assert report.is_healthy is healthy


@pytest.mark.parametrize(
    ("answer", "told", "refused"),
    [
        (ApiAnswer(200), "", False),
        (ApiAnswer(401, challenge="Bearer realm=x"), "App Service Authentication", True),
        (ApiAnswer(403), "access restrictions", True),
        (ApiAnswer(302, location="https://learn/login"), "https://learn/login", True),
        (ApiAnswer(404), "--path", None),
        (ApiAnswer(500), "az webapp log tail", None),
    ],
)
def test_each_answer_has_a_remedy_and_no_one_may_be_answered_without_a_token(
    answer: ApiAnswer, told: str, refused: bool | None
) -> None:
    """An API that answers everybody proves nothing of a client."""
    assert told in advice(answer, API_PATH)
    assert without_token(answer, "https://learn", API_PATH).ok is refused
