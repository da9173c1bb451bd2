"""What keeps the pages true: a wrong command, link, example or region is found, and says how it is
made right.
"""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from reference.checks import broken_links, gone_files, wrong_calls, wrong_examples
from reference.commands import command_regions, commands
from reference.recording import TYPED
from reference_pages import PAGES, rewritten

REGION = "before\n<!-- generated: one -->\nold\n<!-- end -->\nafter\n"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("mct-s2s status -a contosolearn", None),
        ("mct-s2s sandbox serve --port 8443 &", None),
        ("eval \"$(mct-s2s sandbox env --port 8443)\"", None),
        ("mct-s2s setup \\\n    --client A --nonsense", "`mct-s2s setup` has no option --nonsense"),
        ("mct-s2s nonsense", "`mct-s2s nonsense`: there is no such command"),
        ("mct-s2s sandbox nonsense", "`mct-s2s sandbox nonsense`: there is no such command"),
    ],
)  # fmt: skip
def test_a_command_line_that_the_program_does_not_take_is_found(
    line: str, problem: str | None
) -> None:
    calls = list(wrong_calls(f"Type:\n\n```console\n$ {line}\n```\n", commands()))
    assert calls == ([problem] if problem else [])


def test_a_page_heading_or_file_that_is_not_there_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("## What can't be checked\n", encoding="utf-8")
    text = (
        "[a](page.md#what-cant-be-checked) [b](page.md#gone) [c](gone.md) [d](https://example.com) "
        "`[e](f)`"
    )
    assert list(broken_links(tmp_path / "other.md", text)) == [
        "there is no heading #gone in page.md",
        "there is no gone.md",
    ]
    files = "`tests/test_reference_pages.py`, `cli/app.py`, `cli/gone.py`, `x.py`"
    files += (
        ", **`cli/app.py`** (`main`, `gone`), `SiteChange` in `cli/change.py`, `SetupOptions.role` "
        "(`cli/commands/setup.py`)"
    )
    assert list(gone_files(f"{files}, `cli/test_setup`, `test_gone`")) == [
        "there is no file cli/gone.py",
        "there are no tests test_gone",
        "cli/app.py defines no gone",
        "cli/change.py defines no SiteChange",
    ]


def test_an_example_that_its_schema_refuses_is_found() -> None:
    error = '{"code": "x", "message": "m", "remedy": "r", "requestId": null, "missing": []}'
    error = (
        f'{{"schema": "mct-s2s/error/v1", "error": {error}, "done": [], "inDoubt": [], '
        '"notDone": '
        f"[]}}"
    )
    assert list(wrong_examples(f"```json\n{error}\n```")) == []
    [problem] = wrong_examples(f"```json\n{error.replace('null', '1')}\n```")
    assert "mct-s2s/error/v1" in problem
    assert list(wrong_examples("```json\n{]\n```")) != []


def test_a_region_is_made_anew_and_one_that_a_page_lacks_or_that_nothing_makes_is_told() -> None:
    assert rewritten("x.md", REGION, {"one": "new\n"}) == REGION.replace("old", "\nnew\n")
    for regions in ({}, {"one": "", "two": ""}, {"two": ""}):
        with pytest.raises(ValueError, match=r"docs/x\.md"):
            rewritten("x.md", REGION, regions)


def test_every_command_has_a_section_with_each_of_its_options() -> None:
    text = "".join(command_regions().values())
    for name, command in commands().items():
        if not hasattr(command, "commands"):
            assert f"\n{name}" in text
            for param in command.params:
                assert max(param.opts, key=len) in text or param.param_type_name == "argument"


@pytest.mark.parametrize("page", PAGES)
def test_no_cell_of_a_table_is_empty_where_something_is_to_be_explained(page: str) -> None:
    for text in PAGES[page]().values():
        assert not [
            line for line in text.splitlines() if line.startswith("|") and line.endswith("|  |")
        ]


def test_the_recording_of_the_readme_is_small_and_stands_alone() -> None:
    drawing = (Path(__file__).parent.parent / "docs" / "setup.svg").read_text(encoding="utf-8")
    root = ET.fromstring(drawing)
    assert len(drawing.encode()) < 150_000
    assert not re.search(r"url\((?!#)|@import|@font-face|href|<script|<image", drawing)
    folders = "root|tmp|Users|var"
    assert not re.search(rf"/(?:{folders})/|:\d{{5}}", drawing), (
        "nothing of the machine that made it"
    )
    text = "".join(root.itertext()).replace("\xa0", " ")
    assert f"mct-s2s {TYPED}" in text
    rows = sorted(
        {
            float(element.get("y", "0"))
            for element in root.iter()
            if element.tag.endswith("}text") and element.get("x")
        }
    )
    result = next(
        element
        for element in root.iter()
        if "can\xa0call" in "".join(element.itertext()) and element.tag.endswith("}text")
    )
    assert rows.index(float(result.get("y", "0"))) < 20, (
        "the result is among the first twenty lines"
    )


def test_no_text_of_the_recording_begins_or_ends_with_a_blank_or_has_two_in_a_row() -> None:
    """Some viewers drop them, and with them the indentation and the columns."""
    root = ET.parse(Path(__file__).parent.parent / "docs" / "setup.svg").getroot()
    texts = [
        "".join(element.itertext()) for element in root.iter() if element.tag.endswith("}text")
    ]
    assert len(texts) > 40
    assert [text for text in texts if re.search(r"^\s|\s$|\s\s", text)] == []
