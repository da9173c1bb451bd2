"""The product speaks one register: plain, present, the field's own terms. Turns that are none of these stay out."""

from __future__ import annotations

import re
from pathlib import Path

import mct_s2s

PACKAGE = Path(mct_s2s.__file__).parent
ROOT = PACKAGE.parent
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


def files() -> list[Path]:
    """The product and its pages; the texts of the sandbox and of the contract are mostly Azure's own words."""
    pages = [file for file in (ROOT / "docs").glob("*.md") if file.name != "azure-contract.md"]
    sources = [file for file in PACKAGE.rglob("*.py") if "sandbox" not in file.relative_to(PACKAGE).parts]
    return sorted([ROOT / "README.md", *pages, *sources])


def turns_in(text: str) -> list[str]:
    """The turns that a text uses, also where a line end divides one."""
    lowered = " ".join(text.lower().split())
    return [turn for turn in TURNS if turn.lower() in lowered and re.search(rf"\b{turn.lower()}\b", lowered)]


def test_no_page_text_docstring_or_comment_uses_an_old_fashioned_turn() -> None:
    assert {
        str(file.relative_to(ROOT)): found for file in files() if (found := turns_in(file.read_text("utf-8")))
    } == {}
