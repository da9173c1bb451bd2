"""Compares an answer of Azure, or of what stands in for it, with the skeleton of a recorded one.

What differs between tenants and moments is a placeholder in the skeleton (see `placeholders`). The first answer that
shows a name binds it; the headers of the answer at hand are bound by their own names. Everything else is exact and in
both directions, apart from the order of members, unless `compare` softens it:

    partial    in these objects and arrays, more may be there than is listed
    as-set     these arrays may come in any order
    may-have   these members may be there or not

The rules in full: tests/sandbox/real_traffic/README.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.comparing.placeholders import (
    PLACEHOLDER,
    TYPES,
    Bindings,
    bound_value,
    filled,
    named_pattern,
    pattern_of,
    plain_name,
)
from conformance.comparing.recordings import is_there

Json = Any


@dataclass(frozen=True)
class Answer:
    """What a service answered; `body` is its JSON, or a text, or "" where there is none. Header names in any case."""

    status: int
    headers: Mapping[str, str]
    body: Json = ""


def differences(
    expected: Mapping[str, Json], answer: Answer, bindings: Bindings, compare: Mapping[str, Json] | None = None
) -> list[str]:
    """Compare an answer with a skeleton.

    Args:
        expected: `status`, `headers`, `body`, `absent-headers`, `absent-members`; what is not named is not compared.
        answer: what came.
        bindings: values of names; names that the answer shows for the first time are added.
        compare: `partial`, `as-set` and `may-have`, each a list of JSON pointers into the body.

    Returns:
        One line for each difference, beginning with where it is; none if the answer agrees.
    """
    headers = {name.lower(): value for name, value in answer.headers.items()}
    comparer = _Comparer(bindings, headers, compare or {})
    if "status" in expected:
        comparer.status(expected["status"], answer.status)
    for name, value in expected.get("headers", {}).items():
        if name.lower() in headers:
            comparer.value(f"header {name}", value, headers[name.lower()])
        else:
            comparer.found.append(f"header {name}: absent, expected {value!r}")
    for name in expected.get("absent-headers", ()):
        if name.lower() in headers:
            comparer.found.append(f"header {name}: {headers[name.lower()]!r}, expected none")
    if "body" in expected:
        comparer.value("", expected["body"], answer.body)
    for pointer in expected.get("absent-members", ()):
        if is_there(answer.body, pointer):
            comparer.found.append(f"{pointer}: there, expected none")
    return comparer.found


class _Comparer:
    def __init__(self, bindings: Bindings, headers: Mapping[str, str], compare: Mapping[str, Json]) -> None:
        self.found: list[str] = []
        self._bindings = bindings
        self._headers = headers
        self._compare = compare
        self._partial = frozenset(compare.get("partial", ()))
        self._sets = frozenset(compare.get("as-set", ()))
        self._may_have = frozenset(compare.get("may-have", ()))

    def status(self, expected: int | str, actual: int) -> None:
        """Compare a status: a number, or `<4xx …>` or `<400 or 401>` where the sources do not say which."""
        allowed = [expected] if isinstance(expected, int) else re.findall(r"\d(?:\d\d|xx)", expected)
        if not any(str(one) in {str(actual), f"{actual // 100}xx"} for one in allowed):
            self.found.append(f"status: {actual}, expected {expected}")

    def value(self, where: str, expected: Json, actual: Json) -> None:
        if isinstance(expected, dict) and isinstance(actual, dict):
            self._members(where, expected, actual)
        elif isinstance(expected, list) and isinstance(actual, list):
            self._items(where, expected, actual)
        elif isinstance(expected, str):
            if not self._fits(expected, actual):
                self._differs(where, expected, actual)
        elif type(expected) is not type(actual) or expected != actual:
            self._differs(where, expected, actual)

    def _differs(self, where: str, expected: Json, actual: Json) -> None:
        self.found.append(f"{where or 'body'}: {_short(actual)}, expected {_short(expected)}")

    def _members(self, where: str, expected: Mapping[str, Json], actual: Mapping[str, Json]) -> None:
        # Names of members may hold placeholders, too: an id as a key.
        expected = {_filled_name(name, self._bindings): value for name, value in expected.items()}
        for name, value in expected.items():
            below = f"{where}/{name}"
            if name in actual:
                self.value(below, value, actual[name])
            else:
                self.found.append(f"{below}: absent, expected {_short(value)}")
        if where in self._partial:
            return
        further = (f"{where}/{name}" for name in actual.keys() - expected.keys())
        self.found += sorted(f"{below}: there, expected none" for below in further if below not in self._may_have)

    def _items(self, where: str, expected: list[Json], actual: list[Json]) -> None:
        partial = where in self._partial
        if len(actual) != len(expected) and not (partial and len(actual) > len(expected)):
            self.found.append(f"{where}: {len(actual)} items, expected {len(expected)}")
        elif where in self._sets or partial:
            self._any_order(where, expected, actual)
        else:
            for index, (item, other) in enumerate(zip(expected, actual, strict=True)):
                self.value(f"{where}/{index}", item, other)

    def _any_order(self, where: str, expected: list[Json], actual: list[Json]) -> None:
        left = list(actual)
        for index, item in enumerate(expected):
            place = f"{where}/{index}"
            fitting = next((position for position, other in enumerate(left) if self._agrees(place, item, other)), None)
            if fitting is None:
                self.found.append(f"{place}: none of {_short(left)} is as expected {_short(item)}")
            else:
                self.value(place, item, left.pop(fitting))  # once more, to bind what it shows

    def _agrees(self, where: str, expected: Json, actual: Json) -> bool:
        trial = _Comparer(dict(self._bindings), self._headers, self._compare)
        trial.value(where, expected, actual)
        return not trial.found

    def _fits(self, expected: str, actual: Json) -> bool:
        whole = PLACEHOLDER.fullmatch(expected)
        if whole is not None and whole["words"] is not None:
            words = whole["words"]
            if words.startswith(("any", "not quoted")):
                return True
            if actual is None:
                return words.endswith(" or null")
            kind = TYPES.get(re.split(r"[:,]", words.removesuffix(" or null"), maxsplit=1)[0])
            if kind is not None:
                return isinstance(actual, kind) and isinstance(actual, bool) == (kind is bool)
        return isinstance(actual, str) and self._matches(expected, actual)

    def _matches(self, expected: str, actual: str) -> bool:
        pattern, names = "", list[str]()
        for literal, name, words in _pieces(expected):
            pattern += re.escape(literal)
            if words:
                pattern += pattern_of(words)
            elif name:
                bound = bound_value(name, {**self._bindings, **self._headers})
                pattern += named_pattern(name) if bound is None else re.escape(bound)
                names += [name] if bound is None else []
        fitting = re.fullmatch(pattern, actual, re.DOTALL)
        if fitting is None:
            return False
        self._bindings.update((plain_name(name), value) for name, value in zip(names, fitting.groups(), strict=True))
        return True


def _filled_name(name: str, bindings: Bindings) -> str:
    try:
        return str(filled(name, bindings))
    except KeyError:
        return name


def _pieces(text: str) -> Iterator[tuple[str, str | None, str | None]]:
    """Cut a text into literals and the placeholder, a name or words, that follows each."""
    end = 0
    for match in PLACEHOLDER.finditer(text):
        yield text[end : match.start()], match["name"], match["words"]
        end = match.end()
    yield text[end:], None, None


def _short(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 160 else text[:157] + "…"
