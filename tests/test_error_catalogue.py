"""docs/errors.toml is the catalogue: each code that can be given, and no other; docs/errors.md is made from it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.support.error_codes import Given, given

CATALOGUE = Path(__file__).parent.parent / "docs" / "errors.toml"


def rows() -> list[tuple[str, str, str]]:
    """Each code with what happened and what to do."""
    sections = tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))
    return [(code, what, remedy) for section in sections.values() for code, (what, remedy) in section.items()]


def test_every_code_is_in_the_catalogue_and_no_other_is() -> None:
    codes = [code for code, _, _ in rows()]
    assert sorted(codes) == sorted({row.code for row in given()})


@pytest.mark.parametrize(("code", "what", "remedy"), rows(), ids=[code for code, _, _ in rows()])
def test_the_catalogue_says_what_happened_and_what_to_do(code: str, what: str, remedy: str) -> None:
    assert what.strip().endswith((".", ")"))
    assert remedy.strip()


@pytest.mark.parametrize("row", given(), ids=lambda row: f"{row.where} {row.code}")
def test_every_error_has_a_remedy(row: Given) -> None:
    assert row.has_remedy


def test_the_page_has_every_code_with_its_exit_codes() -> None:
    page = CATALOGUE.with_suffix(".md").read_text(encoding="utf-8")
    exits: dict[str, set[int]] = {}
    for row in given():
        exits.setdefault(row.code, set()).add(row.exit_code)
    missing = [
        code for code, taken in exits.items() if f"| `{code}` | {', '.join(map(str, sorted(taken)))} | " not in page
    ]
    assert missing == []


def test_the_walk_finds_what_is_derived_chosen_and_looked_up() -> None:
    codes = {row.code for row in given()}
    assert {"locked", "arm-refused", "name-taken", "uri-taken", "graph-refused", "permission-missing"} <= codes
