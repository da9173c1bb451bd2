"""A secret is found wherever it is, among few or many, however it is escaped; one that is forgotten is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mct_s2s.sandbox.observability.secret_watch import FEW, KEPT, KnownSecrets

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in a path": quote,
    "in a form": quote_plus,
    "in JSON": lambda text: json.dumps({"a": text}),
}
LETTERS = st.text(st.sampled_from('ab~"é+% \\'), min_size=8, max_size=10)


def _known(*secrets: str) -> KnownSecrets:
    known = KnownSecrets()
    for secret in secrets:
        known.add(secret, "client secret")
    return known


def _others(count: int) -> list[str]:
    return [f"other~{at:06d}" for at in range(count)]


@pytest.mark.parametrize("others", [0, FEW + 1])
@pytest.mark.parametrize("spelling", SPELLINGS)
@given(secret=LETTERS, around=st.text(st.sampled_from("ab%7E"), max_size=6))
def test_a_secret_is_found_however_it_is_spelled(others: int, spelling: str, secret: str, around: str) -> None:
    known, spelled = _known(secret, *_others(others)), SPELLINGS[spelling](secret)
    assert [found for found, _ in known.found_in(f"{around} {spelled} {around}")] == [secret]


@given(secrets=st.lists(LETTERS, min_size=FEW + 1, max_size=FEW + 9, unique=True), text=st.text(max_size=40))
def test_among_many_the_same_are_found_as_one_by_one(secrets: list[str], text: str) -> None:
    held = secrets[0] + text + secrets[-1]
    one_by_one = {secret for secret in secrets if _known(secret).found_in(held)}
    assert {secret for secret, _ in _known(*secrets).found_in(held)} == one_by_one


def test_what_is_too_short_is_no_secret() -> None:
    assert _known("short").found_in("short short") == []


def test_the_oldest_is_forgotten_and_leaves_nothing_behind() -> None:
    known = _known("first~secret", "first~sibling", *_others(KEPT - 1))
    assert known.found_in("first~secret") == []
    assert known.found_in("first~sibling") == [("first~sibling", "client secret")]
