"""`-o html` and `-o svg`: well formed, self-contained, the same in light, dark and print, and no name is markup."""

from __future__ import annotations

import functools
import re
from collections import Counter
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from mct_s2s.render.exports import exported
from mct_s2s.render.exports.markup import PALETTE, characters

from tests.planning.scenarios import TENANT, complete, guid
from tests.render.examples import WHERE
from tests.render.exports.hostile_reports import COMMON, HTML, USUAL, report
from tests.render.reports import crowd, one, several

SVG = "{http://www.w3.org/2000/svg}"
VOID = {"meta"}


class Page(HTMLParser):
    """The elements, their attributes and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@functools.cache
def page(name: str) -> Page:
    return Page(exported(report(name), "html"))


@functools.cache
def drawing(name: str) -> ET.Element:
    return ET.fromstring(exported(report(name), "svg"))


def texts(root: ET.Element) -> list[str]:
    return [node.text or "" for node in root.iter(f"{SVG}text")]


def test_an_auditor_reads_who_may_call_until_when_and_what_to_do() -> None:
    found = Page(exported(one(), "html"))
    for fact in (TENANT.name, TENANT.id, guid("Import"), guid("by hand400"), "2027-12-29 12:00 UTC", "Reports"):
        assert fact in found.texts
    assert f"mct-s2s rotate-secret {guid('Nightly')} {WHERE}" in found.texts
    assert found.tags["svg"] == 1


def test_the_drawing_has_the_same_as_text() -> None:
    root = ET.fromstring(exported(one(), "svg"))
    shown = "\n".join(texts(root))
    for fact in (TENANT.name, TENANT.id, guid("Import"), guid("by hand400"), "2027-12-29 12:00 UTC", "Reports"):
        assert fact in shown
    assert f"    mct-s2s rotate-secret {guid('Nightly')} {WHERE}" in shown
    assert "✗ cannot call: not on the allow" in shown
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert title.text == "Service-to-service authentication of contosolearn"
    assert description is not None
    assert "3 of 4 clients can call contosolearn" in (description.text or "")


def test_who_cannot_call_has_a_broken_line() -> None:
    root = ET.fromstring(exported(one(), "svg"))
    edges = [node.get("class", "") for node in root.iter(f"{SVG}path") if "edge" in node.get("class", "")]
    assert Counter(edges) == {"edge good": 4, "edge warn": 1, "edge bad broken": 1}


def test_everything_is_inside_the_page() -> None:
    for report_of in (one(), several(), one(crowd(60)), one(complete())):
        root = ET.fromstring(exported(report_of, "svg"))
        _, _, width, height = map(float, root.get("viewBox", "").split())
        for box in root.iter(f"{SVG}rect"):
            assert float(box.get("x", 0)) + float(box.get("width", 0)) <= width
        assert max(float(node.get("y", 0)) for node in root.iter(f"{SVG}text")) <= height


def test_many_callers_are_grouped_in_the_drawing_and_listed_below_it() -> None:
    shown = "\n".join(texts(ET.fromstring(exported(one(crowd(60)), "svg"))))
    assert "and 50 more" in shown
    assert all(guid(f"Client {number:04}") in shown for number in range(60))


@pytest.mark.parametrize("kind", ["html", "svg"])
def test_nothing_is_loaded_or_run(kind: str) -> None:
    text = exported(several(), kind)
    assert not re.search(r"<script|@import|url\((?!#)|<link|<image|<img|\bsrc=|\bhref=|javascript:", text)
    assert text.isascii()
    assert "prefers-color-scheme: dark" in text
    assert "@media screen and" in text, "print is always dark on light"


def test_the_page_forbids_what_it_does_not_need() -> None:
    policies = [value for _, name, value in page(USUAL).attributes if name == "content" and "default-src" in value]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]


@pytest.mark.parametrize("name", [*COMMON, *HTML])
def test_no_name_is_markup_in_html(name: str) -> None:
    found, usual = page(name), page(USUAL)
    if ";" not in name:  # which makes more entries of an allow list, and more findings
        texts_in_the_drawing = {"text", "path", "rect"}
        assert {tag: count for tag, count in found.tags.items() if tag not in texts_in_the_drawing} == {
            tag: count for tag, count in usual.tags.items() if tag not in texts_in_the_drawing
        }
    assert {(tag, attribute) for tag, attribute, _ in found.attributes} == {
        (tag, attribute) for tag, attribute, _ in usual.attributes
    }
    assert characters(name) in found.texts


@pytest.mark.parametrize("name", [*COMMON, *HTML])
def test_no_name_is_markup_in_svg(name: str) -> None:
    found, usual = drawing(name), drawing(USUAL)
    assert {node.tag for node in found.iter()} == {node.tag for node in usual.iter()}
    assert {(node.tag, key) for node in found.iter() for key in node.attrib} == {
        (node.tag, key) for node in usual.iter() for key in node.attrib
    }


@pytest.mark.parametrize("role", ["ink", "quiet", "good", "warn", "bad"])
@pytest.mark.parametrize("paper", ["paper", "box"])
@pytest.mark.parametrize("at", [0, 1])
def test_text_can_be_read_on_light_and_on_dark(role: str, paper: str, at: int) -> None:
    """4.5 to 1: WCAG 2.2, success criterion 1.4.3."""
    darker, lighter = sorted(luminance(PALETTE[one][at]) for one in (role, paper))
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def luminance(color: str) -> float:
    parts = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
