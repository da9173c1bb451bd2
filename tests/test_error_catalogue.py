"""The table of errors in README is the catalogue: each code that can be given, with its exit code, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.error_codes import Given, given

README = Path(__file__).parent.parent / "README.md"


def catalogue() -> dict[str, set[int]]:
    """Code and exit codes, as the table says them."""
    table = README.read_text(encoding="utf-8").partition("## Troubleshooting")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+`) \| ([0-9, ]+) \| ([^|]+) \| ([^|]+) \|$", table, re.MULTILINE)
    assert all(what.strip() and remedy.strip() for _, _, what, remedy in rows)
    found: dict[str, set[int]] = {}
    for codes, exits, _, _ in rows:
        for code in re.findall(r"`([a-z-]+)`", codes):
            assert code not in found, f"{code} is there twice"
            found[code] = {int(number) for number in exits.split(",")}
    return found


def test_every_code_is_in_the_catalogue_with_its_exit_code_and_no_other_is() -> None:
    codes: dict[str, set[int]] = {}
    for row in given():
        codes.setdefault(row.code, set()).add(row.exit_code)
    assert catalogue() == codes


@pytest.mark.parametrize("row", given(), ids=lambda row: f"{row.where} {row.code}")
def test_every_error_has_a_remedy(row: Given) -> None:
    assert row.has_remedy


def test_the_walk_finds_what_is_derived_chosen_and_looked_up() -> None:
    codes = {row.code for row in given()}
    assert {"locked", "arm-refused", "name-taken", "uri-taken", "graph-refused", "permission-missing"} <= codes
