"""The lines of a trust file's keys: a wrong one would send a person to the wrong site."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mct_s2s.inputs.bounded_toml import load_toml
from mct_s2s.inputs.toml_lines import Place, lines_of

from tests.support.sampling import cases

EVERY_FORM = '''\
# [not.a.table]
[sites.learn] # a comment with ] and "
role = "a#b"
"quoted key".'and dotted' . more = 'c:\\temp\\'
text = """
[sites.other]
role = 1 \\""" ""\"""
literal = \'\'\'
k = 1\'\'\'\'
list = [ # [
  1, "]",
  { a = 1, b = [ { c = 2 } ] },
]

[[sites.learn.clients]]
name = "A"
[[sites.learn.clients]]

name = "B"
[sites.learn.clients.more]
x = 1979-05-27 07:32:00
[[sites.learn.clients.more.deep]]
y = 1
'''


def test_every_form_of_a_key_is_found_on_its_line() -> None:
    lines = lines_of(EVERY_FORM)
    assert lines == {
        ("sites",): 2,
        ("sites", "learn"): 2,
        ("sites", "learn", "role"): 3,
        ("sites", "learn", "quoted key"): 4,
        ("sites", "learn", "quoted key", "and dotted"): 4,
        ("sites", "learn", "quoted key", "and dotted", "more"): 4,
        ("sites", "learn", "text"): 5,
        ("sites", "learn", "literal"): 8,
        ("sites", "learn", "list"): 10,
        ("sites", "learn", "list", 0): 11,
        ("sites", "learn", "list", 1): 11,
        ("sites", "learn", "list", 2): 12,
        ("sites", "learn", "list", 2, "a"): 12,
        ("sites", "learn", "list", 2, "b"): 12,
        ("sites", "learn", "list", 2, "b", 0): 12,
        ("sites", "learn", "list", 2, "b", 0, "c"): 12,
        ("sites", "learn", "clients"): 15,
        ("sites", "learn", "clients", 0): 15,
        ("sites", "learn", "clients", 0, "name"): 16,
        ("sites", "learn", "clients", 1): 17,
        ("sites", "learn", "clients", 1, "name"): 19,
        ("sites", "learn", "clients", 1, "more"): 20,
        ("sites", "learn", "clients", 1, "more", "x"): 21,
        ("sites", "learn", "clients", 1, "more", "deep"): 22,
        ("sites", "learn", "clients", 1, "more", "deep", 0): 22,
        ("sites", "learn", "clients", 1, "more", "deep", 0, "y"): 23,
    }


def test_windows_line_ends_count_once() -> None:
    assert lines_of("a = 1\r\nb = '''\r\n\r\n'''\r\nc = 2\r\n") == {("a",): 1, ("b",): 2, ("c",): 5}


def test_what_is_nested_beyond_reason_is_refused_and_not_a_crash() -> None:
    with pytest.raises(RecursionError):
        lines_of(f"a = {'[' * 100_000}{']' * 100_000}")


CONFUSING = ["# no", "[[a]]", "b = 1", "]", "}", ",", "=", " ", "x"]
WORDS = st.lists(st.sampled_from(CONFUSING), max_size=4).map("".join)
ROWS = st.lists(WORDS, max_size=3).map("\n".join)
SCALARS = st.one_of(
    WORDS.map(lambda text: f'"{text}\\"\\\\"'),
    WORDS.map(lambda text: f"'{text}\\'"),
    ROWS.map(lambda text: f'"""\n{text}\\"""""'),
    ROWS.map(lambda text: f"'''{text}''''"),
    st.sampled_from(["1", "-0.5e3", "true", "1979-05-27T07:32:00Z", "07:32:00", "'' # ]}"]),
)
GAPS = st.sampled_from(["", " ", "\t", "\n", "\n # ] }\n"])


@st.composite
def values(draw: st.DrawFn, keys: Iterator[int], depth: int = 0) -> str:
    kind = draw(st.integers(0, 4 if depth < 3 else 2))
    if kind == 3:
        parts = [draw(values(keys, depth + 1)) for _ in range(draw(st.integers(0, 3)))]
        elements = "".join(f"{draw(GAPS)}{part}\n," for part in parts)
        return f"[{elements}{draw(GAPS)}]"
    if kind == 4:
        pairs = [draw(assignments(keys, depth + 1)).replace(" # ]}", "") for _ in range(draw(st.integers(0, 2)))]
        return f"{{ {', '.join(pairs)} }}"
    return draw(SCALARS)


@st.composite
def assignments(draw: st.DrawFn, keys: Iterator[int], depth: int = 0) -> str:
    key = f"key{next(keys)}_"
    written = draw(st.sampled_from([key, f'"{key}"', f"'{key}'", f"before{key}.{key}", f'{key} . "a.b]" ']))
    return f"{written} = {draw(values(keys, depth))}"


@st.composite
def documents(draw: st.DrawFn) -> str:
    keys, parts = itertools.count(), []
    for number in range(draw(st.integers(1, 4))):
        header = draw(st.sampled_from(["[[many]]", f"[table{number}]", "[[many.inner]]", f'[ "t.{number}" . x ]']))
        parts += [header if "[[many]]" in parts or header != "[[many.inner]]" else "[[many]]"]
        parts += [draw(assignments(keys)) for _ in range(draw(st.integers(0, 3)))]
        parts += draw(st.sampled_from([[], ["# [[many]]"], [""]]))
    return "\n".join(parts)


@settings(max_examples=cases(60, 1500), deadline=None)
@given(documents())
def test_each_key_is_on_the_line_where_it_is_written(text: str) -> None:
    document = tomllib.loads(text)
    assert load_toml(text) == document
    lines = lines_of(text)
    assert set(lines) == set(_places(document)), "every key and element, and nothing else"
    for place, line in lines.items():
        name = place[-1]
        if isinstance(name, str) and name.startswith("key"):
            assert line == text[: text.index(name)].count("\n") + 1, place


def _places(value: Any, place: Place = ()) -> Iterator[Place]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield (*place, key)
        yield from _places(member, (*place, key))
