"""What an answer of the MCT API means for a test of a client."""

from __future__ import annotations

import pytest
from mct_s2s.model.client_sign_in import API_PATH, ApiAnswer
from mct_s2s.planning.reports.verification import advice, without_token


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
