"""What others chose to write reaches a reader as plain characters, and a program as JSON that hides
nothing.
"""

import json
import re
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mct_s2s.plain_text import REPLACEMENT, few_of, json_text, plain

from tests.support.sampling import cases

EVERY_CHARACTER = "".join(map(chr, range(sys.maxunicode + 1)))
ANY_TEXT = st.text(st.characters(), max_size=40)


def test_no_control_format_separator_or_surrogate_of_all_of_unicode_is_shown() -> None:
    shown = plain(EVERY_CHARACTER)
    assert len(shown) == len(EVERY_CHARACTER)
    assert {unicodedata.category(character) for character in shown} & {
        "Cc",
        "Cf",
        "Cs",
        "Zl",
        "Zp",
    } == set()


@pytest.mark.parametrize(
    "text", ["Düsseldorf 日本語", "🚀❤️", "नमस्ते", "مرحبا", "e\u0301", "a b", "\N{NO-BREAK SPACE}"]
)
def test_text_that_people_write_is_shown_as_it_is(text: str) -> None:
    assert plain(text) == text


def test_a_character_that_is_not_shown_leaves_a_mark() -> None:
    assert plain("a\x1b[2Jb\u202e") == f"a{REPLACEMENT}[2Jb{REPLACEMENT}"


@pytest.mark.parametrize(
    "text",
    [
        "##vso[task.setvariable variable=PATH]/evil",
        "x ##VSO[task.complete]",
        "x ##[add-mask]x",
        "::stop-commands::x",
        "  ::error::x",
        "\u00a0\u3000::error::x",
        "may be folded ::error::x",
    ],
)
def test_no_text_is_a_command_for_a_pipeline(text: str) -> None:
    shown = plain(text)
    assert len(shown) == len(text)
    written = json_text({"name": text})
    assert json.loads(written) == {"name": text}
    for one in (shown, written):
        assert "##vso[" not in one.casefold()
        assert "##[" not in one
        assert not re.search(r"(^|\s)::[a-z]", one) or one is written
    assert not written.lstrip().startswith("::")


@pytest.mark.parametrize(
    "text", ["a::b", "[IO.File]::ReadAllText($path)", "[::1]:443", "https://[fe80::a]", "x :: y"]
)
def test_colons_within_a_word_are_no_command(text: str) -> None:
    assert plain(text) == text


@settings(max_examples=cases(100, 5000))
@given(ANY_TEXT, st.sampled_from([None, "utf-8", "ascii", "cp1252", "utf-16", "no-such"]))
def test_json_holds_the_same_text_and_steers_nothing(text: str, encoding: str | None) -> None:
    document = {text: [text, 1], "name": text}
    written = json_text(document, encoding)
    assert json.loads(written) == json.loads(json.dumps(document))
    assert plain(written.replace("\n", "")) == written.replace("\n", "")
    if encoding not in {None, "no-such"}:
        written.encode(encoding)


def test_json_is_readable_where_the_stream_can_carry_it() -> None:
    assert "Düsseldorf 日本語" in json_text({"name": "Düsseldorf 日本語"}, "utf-8")
    assert '"D\\u00fcsseldorf"' in json_text({"name": "Düsseldorf"}, "ascii")
    assert '"\\u001b\\u007f\\u202e\\udb40\\udc41"' in json_text({"a": "\x1b\x7f\u202e\U000e0041"})


def test_of_many_names_ten_are_in_a_sentence() -> None:
    names = [f"customer{number:02}" for number in range(1, 31)]
    assert few_of(names) == f"{', '.join(names[:10])}, … and 20 others"
    assert few_of(names[:11]) == ", ".join(names[:11])
