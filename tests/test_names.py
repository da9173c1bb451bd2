"""One word for one thing, one place for one piece of knowledge, and one register: plain, present, the field's terms."""

import ast
import re
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
TURNS = {
    "let in": "allow",
    "lets in": "allows",
    "shut out": "revoke access",
    "shuts out": "revokes access",
    "at hand": "available",
    "nobody": "no one, or name who",
    "somebody": "someone",
    "anybody": "anyone",
    "whoever": "name who",
    "as it stands": "as it is",
    "stands already": "already exists",
    "stood already": "already existed",
    "stands there": "is there",
    "of theirs": "their",
    "of ours": "our",
    "in vain": "for nothing",
    "for good": "permanently",
    "but for": "except",
    "at one stroke": "atomically",
    "mishap": "error",
    "come to nothing": "fail",
    "the wish": "the spec",
    "as new": "reset",
    "is no place": "Invalid … '…'",
    "is no lifetime": "Invalid … '…'",
    "You may": "You can",
    "who types": "They run:",
    "cannot be seen": "Could not check",
    "go ahead": "continue",
    "it resumes": "to resume",
    "neither yes nor no": "what it means",
}
"""What no text, docstring or comment says, and what is said instead."""


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


def test_no_page_text_docstring_or_comment_uses_an_old_fashioned_turn() -> None:
    """The texts of the sandbox and of the contract are mostly Azure's own words."""
    root = PACKAGE.parent
    pages = [file for file in (root / "docs").glob("*.md") if file.name != "azure-contract.md"]
    found = {}
    for file in (root / "README.md", *pages, *files_of("product")):
        text = " ".join(file.read_text(encoding="utf-8").lower().split())  # a line end may divide a turn
        turns = [turn for turn in TURNS if turn.lower() in text and re.search(rf"\b{turn.lower()}\b", text)]
        if turns:
            found[str(file.relative_to(root))] = turns
    assert found == {}
