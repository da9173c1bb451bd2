"""The recording at the top of README.md: it shows what a terminal would, is small, and loads nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

from reference.recording import TYPED, Screen
from rich.text import Text

DRAWING = Path(__file__).parent.parent / "docs" / "setup.svg"
KILOBYTES = 150


def texts(output: str, **told: str) -> list[Text]:
    return list(Screen(output.encode()).texts(told))


def test_it_is_small_and_stands_alone() -> None:
    drawing = DRAWING.read_text(encoding="utf-8")
    root = ET.fromstring(drawing)
    assert len(drawing.encode()) < KILOBYTES * 1000
    assert not re.search(r"url\((?!#)|@import|@font-face|href|<script|<image", drawing)
    folders = "root|tmp|Users|var"
    assert not re.search(rf"/(?:{folders})/|:\d{{5}}", drawing), "nothing of the machine that made it"
    said = "".join(root.itertext()).replace("\xa0", " ")
    assert f"mct-s2s {TYPED}" in said
