"""Each recorded exchange of real Azure, sent to the sandbox in its story: the answer is as the real
one was.

See real_traffic/README.md for the form of the tables and the rules of comparison.
"""

import pytest

from tests.sandbox.traffic import arm_stories, graph_stories, other_stories
from tests.sandbox.traffic.not_compared import DEVIATIONS, NOT_COMPARED
from tests.sandbox.traffic.story import TABLES, Story

STORIES = (*graph_stories.STORIES, *arm_stories.STORIES, *other_stories.STORIES)


@pytest.fixture(scope="session")
def differences() -> dict[str, list[str]]:
    """Differences by exchange, all stories told once."""
    every: dict[str, list[str]] = {}
    for tell in STORIES:
        story = Story()
        tell(story)
        every |= story.found
    return every


@pytest.mark.parametrize("exchange_id", [each for each in TABLES if each not in NOT_COMPARED])
def test_the_sandbox_answers_as_azure_did(
    differences: dict[str, list[str]], exchange_id: str
) -> None:
    assert differences[exchange_id] == []


def test_every_exchange_is_compared_or_has_a_reason(differences: dict[str, list[str]]) -> None:
    assert set(differences) | set(NOT_COMPARED) == set(TABLES)
    assert not set(differences) & set(NOT_COMPARED)
    assert (len(differences), len(NOT_COMPARED), len(DEVIATIONS)) == (119, 5, 7)
