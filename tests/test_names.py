"""One word for one thing, one place for one piece of knowledge: whoever searches for a name finds what it means."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from mct_s2s import errors
from mct_s2s.model import site_settings

from tests.support.parsing import parsed

PACKAGE = Path(errors.__file__).parent
PARTS = {
    "sandbox": PACKAGE / "sandbox",
    "conformance": PACKAGE.parent / "scripts" / "conformance.d" / "conformance",
    "product": PACKAGE,
}
"""They share no code, and may each have a class of the same name."""


def files_of(part: str, pattern: str = "*.py") -> Iterator[Path]:
    """The files of one part; those of the product are whatever belongs to no other."""
    others = [path for name, path in PARTS.items() if name != part and path != PACKAGE]
    for path in PARTS[part].rglob(pattern):
        if not any(other in path.parents for other in others):
            yield path


@pytest.mark.parametrize("part", PARTS)
def test_no_two_classes_have_the_same_name(part: str) -> None:
    """A reader who looks a class up lands in the right room."""
    found = defaultdict(list)
    for path in files_of(part):
        for node in parsed(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(str(path.relative_to(PACKAGE.parent)))
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}


def test_no_other_module_names_a_setting_of_the_document() -> None:
    """A new setting is a row of the table: whatever else spelled a name would be passed over."""
    table = Path(site_settings.__file__)
    naming = {
        str(path.relative_to(PACKAGE.parent)): name
        for pattern in ("*.py", "*.json")
        for path in files_of("product", pattern)
        for name in site_settings.NAMES
        if path != table and name in path.read_text(encoding="utf-8")
    }
    assert naming == {}
