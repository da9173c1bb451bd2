"""Elements of HTML and SVG. What is text stays text: it is escaped where the tree is written, never put into markup."""

from __future__ import annotations

import re
from typing import Literal
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from mct_s2s.plain_text import REPLACEMENT, plain

SVG = "http://www.w3.org/2000/svg"
_NOT_IN_XML = re.compile("[\ufffe\uffff]")
"""What XML has no room for beside what `plain` replaces; w3.org/TR/xml, production `Char`."""

PALETTE = {
    "paper": ("#ffffff", "#0d1117"),
    "box": ("#f6f8fa", "#161b22"),
    "ink": ("#1b1f24", "#e6edf3"),
    "quiet": ("#57606a", "#9aa4ae"),
    "line": ("#8c959f", "#6e7681"),
    "good": ("#1a7f37", "#3fb950"),
    "warn": ("#9a6700", "#d29922"),
    "bad": ("#cf222e", "#ff7b72"),
}
"""Colours on light and on dark paper; text has a contrast of at least 4.5 to 1 on both."""


def characters(text: str) -> str:
    """A text as a document can hold it."""
    return _NOT_IN_XML.sub(REPLACEMENT, plain(text))


def add(parent: Element, tag: str, text: str = "", **attributes: str | float) -> Element:
    """Add an element at the end of another. `class_` stands for `class`, and `_` for `-`."""
    given = {name.rstrip("_").replace("_", "-"): _written(value) for name, value in attributes.items()}
    made = SubElement(parent, tag, given)
    if text:
        made.text = characters(text)
    return made


def _written(value: str | float) -> str:
    return f"{value:g}" if isinstance(value, float | int) else characters(value)


def rules(role: str) -> tuple[str, str]:
    """A role's colour on light and on dark paper."""
    return PALETTE[role]


def document(root: Element, method: Literal["xml", "html"]) -> str:
    """The tree as text, in ASCII: whatever it goes through, every character arrives.

    Args:
        root: of the document; blanks are put into it, so that elements have lines of their own.
        method: `xml` or `html`.
    """
    indent(root)
    for block in root.iter("pre"):  # where blanks would be shown
        block.text = None
        for child in block:
            child.tail = None
    written: bytes = tostring(root, encoding="us-ascii", method=method)
    return written.decode() + "\n"
