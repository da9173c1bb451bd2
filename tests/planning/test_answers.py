"""What an answer of the MCT API means for a test of a client."""

from __future__ import annotations

import pytest
from mct_s2s.errors import ServiceError
from mct_s2s.model.client_sign_in import ApiAnswer
from mct_s2s.planning.reports.verification import CallResult, CheckSubject, must_refuse, settled

LOST = ServiceError("site-unreachable", "No answer came.", remedy="Run it again.")


def asked(outcome: ApiAnswer | ServiceError) -> CallResult:
    return CallResult("https://learn", "/api", outcome)


@pytest.mark.parametrize(
    ("answer", "ok", "remedy"),
    [
        (ApiAnswer(200), True, ""),
        (ApiAnswer(401, challenge="Bearer realm=x"), False, "App Service Authentication"),
        (ApiAnswer(403), False, "access restrictions"),
        (ApiAnswer(302, location="https://learn/login"), False, "https://learn/login"),
        (ApiAnswer(404), False, "--path"),
        (ApiAnswer(500), False, "az webapp log tail"),
        (LOST, None, "Run it again."),
    ],
)
def test_an_answer_that_is_not_the_apis_own_no_has_a_remedy_of_its_own(
    answer: ApiAnswer | ServiceError, ok: bool | None, remedy: str
) -> None:
    call = settled(("One", CheckSubject.APPLICATION), asked(answer))
    assert call is not None
    assert (call.ok, remedy in (call.remedy or "")) == (ok, True)


@pytest.mark.parametrize(
    ("answer", "ok"),
    [*((ApiAnswer(status), ok) for status, ok in ((200, False), (401, True), (403, True), (302, True), (404, None))),
     (LOST, None)],
)  # fmt: skip
def test_a_call_without_a_token_must_be_turned_away(answer: ApiAnswer | ServiceError, ok: bool | None) -> None:
    """An API that answers everybody proves nothing of a client."""
    assert must_refuse("without-token", "A call without a token", asked(answer)).ok is ok
