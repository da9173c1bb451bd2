"""The recording at the top of README.md: it shows what a terminal would, is small, and loads nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

from recording import COLUMNS, TYPED, Screen, drawn
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


def test_a_line_that_was_written_over_is_gone() -> None:
    found = texts("one\r\ntwo ⠧\r\n\x1b[1A\x1b[2K\x1b[32m✓\x1b[0m two\r\n\x1b[2mquiet\x1b[0m\r\n")
    assert [line.plain for line in found] == ["one", "✓ two", "quiet"]
    assert [str(span.style) for line in found for span in line.spans if "none" not in str(span.style)] == [
        "green",
        "dim",
    ]


def test_what_belongs_to_the_machine_is_replaced_before_lines_are_folded() -> None:
    found = texts(f"saved to /tmp/x1/home/ada/{'a' * COLUMNS}\r\n", **{"/tmp/x1/home": "/home"})
    assert [line.plain for line in found] == [f"saved to /home/ada/{'a' * (COLUMNS - 19)}", "a" * 19]


def test_lines_appear_one_after_the_other_and_the_question_waits() -> None:
    lines = [Text("$ command"), Text("Plan <b>"), Text("Apply? [y/N] y"), Text("done")]
    drawing = drawn(lines)
    delays = [float(found) for found in re.findall(r"run-line-\d+\)\"\] \{ animation-delay: ([\d.]+)s", drawing)]
    assert delays == sorted(set(delays))
    assert len(delays) == len(lines)
    assert delays[3] - delays[2] == 3
    assert "prefers-reduced-motion" in drawing
    assert "Plan &lt;b&gt;" in drawing.replace("&#160;", " ")
    ET.fromstring(drawing)
