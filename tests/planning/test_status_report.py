"""Every credential that ends is listed once, with the command that replaces it; and what makes a report unhealthy."""

from __future__ import annotations

import pytest
from mct_s2s.model.client_credentials import NEVER, CredentialKind
from mct_s2s.planning.credentials import renewal, validity
from mct_s2s.planning.reports.status import StatusReport

from tests.planning.scenarios import NOW, client, complete, credential, guid
from tests.render.examples import WHERE
from tests.render.reports import WITHIN, one

CERTIFICATE = credential(300, "c", CredentialKind.CERTIFICATE)


@pytest.mark.parametrize(
    ("days", "expected"),
    [(400, "valid"), (31, "valid"), (30, "expiring"), (1, "expiring"), (0, "expired")],
)
def test_a_credential_is_expiring_from_the_horizon_on(days: float, expected: str) -> None:
    assert validity(credential(days).expires, NOW, WITHIN) == expected


@pytest.mark.parametrize("end", [None, NEVER])
def test_some_do_not_expire(end: object) -> None:
    assert validity(end, NOW, WITHIN) == "does not expire"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ((credential(9),), f"mct-s2s rotate-secret {guid('x')} {WHERE}"),
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
    [
        (one(complete(client("Import"))), True),
        (one(), False),
        (StatusReport(NOW, WITHIN, (), is_list=True), False),
    ],
)
def test_a_report_is_healthy_if_all_that_was_read_is(report: StatusReport, healthy: bool) -> None:
    assert report.is_healthy is healthy
