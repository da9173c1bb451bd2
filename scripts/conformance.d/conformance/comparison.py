"""Compares an answer of Azure, or of what stands in for it, with a recorded one; reads tables of
recorded exchanges.

In a recorded answer, what differs between tenants and moments is a placeholder: `{name}` stands for
the same value wherever it stands in a story, and may say more (`{version: 32 lower-case hex}`, `{a
or b}` for the first that is bound, `{name without dashes}`); `<words>` for a type or a format. The
first answer that shows a name binds it. Everything else is exact and in both directions, apart from
the order of members, unless `compare` softens it: in `partial` objects and arrays more may be there
than is listed, `as-set` arrays may come in any order, `may-have` members may be there or not. The
form and the rules in full: tests/sandbox/real_traffic/README.md.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

Json = Any
Bindings = MutableMapping[str, str]
_SECONDS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
_GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
FORMATS: dict[str, str] = {
    "guid": _GUID,
    "utc seconds": _SECONDS + "Z",
    "utc 7 decimals": _SECONDS + r"\.\d{7}Z",
    "utc no zone": _SECONDS,
    "utc no zone, 0 to 7 decimals, trailing zeros cut": _SECONDS + r"(?:\.\d{0,6}[1-9])?",
    "utc blank Z": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ",
    "graph json": re.escape(
        "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
    ),
    "domain": r"[a-z0-9-]+(?:\.[a-z0-9-]+)+",
    "digits": r"\d+",
    "seconds": r"\d+",
    "hex": r"[0-9A-Fa-f]+",
    "base64": r"[A-Za-z0-9+/]+=*",
    "base64url": r"[A-Za-z0-9_-]+",
}
"""What the words of a `<format>` mean, as regular expressions.

The part before a colon or a comma is enough.
"""

_ALPHABETS = {
    "upper-case hex": "[0-9A-F]",
    "lower-case hex": "[0-9a-f]",
    "hex": "[0-9A-Fa-f]",
    "characters base64url": "[A-Za-z0-9_-]",
    "characters": ".",
}
_COUNTED = re.compile(
    rf"(?:first )?(?P<count>\d+) (?P<about>or so )?(?P<alphabet>{'|'.join(_ALPHABETS)})"
)
_BEGINS = re.compile(r"begins: (.*?)(?: ?\.\.\.|;|$)")
_CONTAINS = re.compile(r"contains: ([^;]*)")
TYPES: dict[str, type | tuple[type, ...]] = {
    "boolean": bool,
    "number": (int, float),
    "epoch seconds": int,
    "object": dict,
    "array": list,
}
PLACEHOLDER = re.compile(r"\{(?P<name>[A-Za-z][^{}\"]*)\}|<(?P<words>[A-Za-z0-9][^<>]*)>")


def filled(value: Any, bindings: Mapping[str, str]) -> Any:
    """Put bound values in place of names, in whatever a request is made of.

    Raises KeyError: a name is not bound.
    """
    if isinstance(value, list):
        return [filled(item, bindings) for item in value]
    if isinstance(value, dict):
        return {name: filled(item, bindings) for name, item in value.items()}
    if not isinstance(value, str):
        return value

    def bound(match: re.Match[str]) -> str:
        if match["name"] is None:
            return match[0]
        bound_text = bound_value(match["name"], bindings)
        if bound_text is None:
            raise KeyError(match["name"])
        return bound_text

    return PLACEHOLDER.sub(bound, value)


def bound_value(name: str, bindings: Mapping[str, str]) -> str | None:
    """Return the value of a name, or of the first bound one of several; None where none is
    bound.
    """
    for alternative in plain_name(name).split(" or "):
        bare = alternative.removesuffix(" without dashes")
        if bare in bindings:
            return bindings[bare] if bare == alternative else bindings[bare].replace("-", "")
    return None


def plain_name(name: str) -> str:
    """Return a name without what it says of its format: `version` of `version: 32
    lower-case hex`.
    """
    return re.split(r"[:,]", name, maxsplit=1)[0].strip()


def pattern_of(words: str) -> str:
    """Return the regular expression of a format; any text for words that are none."""
    words = words.removesuffix(" or null")
    known = FORMATS.get(words) or FORMATS.get(plain_name(words))
    if known is not None:
        return known
    if counted := _COUNTED.match(words):
        return _ALPHABETS[counted["alphabet"]] + (
            "+" if counted["about"] else f"{{{counted['count']}}}"
        )
    if begins := _BEGINS.match(words):
        parts = (re.escape(part.strip()) + ".*" for part in _CONTAINS.findall(words))
        return re.escape(begins[1]) + ".*" + "".join(parts)
    return ".*"


class Tables:
    """All exchanges by id."""

    def __init__(self, rows: Iterable[Mapping[str, Json]]) -> None:
        self._rows = {row["id"]: row for row in rows}

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read every table of a folder: JSON lists of exchanges."""
        files = sorted(folder.glob("*.json"))
        return cls(row for file in files for row in json.loads(file.read_text(encoding="utf-8")))

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __getitem__(self, exchange_id: str) -> dict[str, Json]:
        """Return an exchange, its `<like>` resolved."""
        row = self._rows[exchange_id]
        return {
            "compare": {},
            **row,
            **{side: self._resolved(row[side], side) for side in ("request", "response")},
        }

    def _resolved(self, value: Json, side: str, *, top: bool = True) -> Json:
        if isinstance(value, list):
            return [self._resolved(item, side, top=False) for item in value]
        if not isinstance(value, dict):
            return value
        if "<like>" not in value:
            return {name: self._resolved(item, side, top=False) for name, item in value.items()}
        row = self._rows[value["<like>"]]
        resolved = deepcopy(self._resolved(row[side] if top else row[side]["body"], side, top=top))
        for pointer, changed in value.get("<set>", {}).items():
            put(resolved, pointer, self._resolved(changed, side, top=False))
        for pointer in value.get("<unset>", ()):
            take(resolved, pointer)
        return resolved


def at(value: Json, pointer: str, otherwise: Json = None) -> Json:
    """Return the value of a JSON pointer."""
    for part in _parts(pointer):
        if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            return otherwise
    return value


def put(value: Json, pointer: str, changed: Json) -> None:
    """Replace or add the member that a JSON pointer names."""
    *way, last = _parts(pointer)
    for part in way:
        value = value[int(part)] if isinstance(value, list) else value[part]
    value[int(last) if isinstance(value, list) else last] = changed


def take(value: Json, pointer: str) -> None:
    """Remove the member that a JSON pointer names, if it is there."""
    *way, last = _parts(pointer)
    for part in way:
        value = value[int(part)] if isinstance(value, list) else value.get(part, {})
    if isinstance(value, dict):
        value.pop(last, None)


def _parts(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


@dataclass(frozen=True)
class Answer:
    """What a service answered; `body` is its JSON, or a text, or "" where there is none.

    Header names in any case.
    """

    status: int
    headers: Mapping[str, str]
    body: Json = ""


def differences(
    expected: Mapping[str, Json],
    answer: Answer,
    bindings: Bindings,
    compare: Mapping[str, Json] | None = None,
) -> list[str]:
    """A line for each difference, beginning with where it is; names that are shown for the first
    time are bound.

    What `expected` does not name is not compared; `compare` has lists of JSON pointers into the
    body.
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
        if at(answer.body, pointer, ...) is not ...:
            comparer.found.append(f"{pointer}: there, expected none")
    return comparer.found


class _Comparer:
    def __init__(
        self, bindings: Bindings, headers: Mapping[str, str], compare: Mapping[str, Json]
    ) -> None:
        self.found: list[str] = []
        self._bindings = bindings
        self._headers = headers
        self._compare = compare
        self._partial = frozenset(compare.get("partial", ()))
        self._sets = frozenset(compare.get("as-set", ()))
        self._may_have = frozenset(compare.get("may-have", ()))

    def status(self, expected: int | str, actual: int) -> None:
        """Compare a status: a number, or `<4xx …>` or `<400 or 401>` where the sources do not say
        which.
        """
        allowed = (
            [expected] if isinstance(expected, int) else re.findall(r"\d(?:\d\d|xx)", expected)
        )
        if not any(str(status) in {str(actual), f"{actual // 100}xx"} for status in allowed):
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

    def _members(
        self, where: str, expected: Mapping[str, Json], actual: Mapping[str, Json]
    ) -> None:
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
        self.found += sorted(
            f"{below}: there, expected none" for below in further if below not in self._may_have
        )

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
        remaining = list(actual)
        for index, item in enumerate(expected):
            place = f"{where}/{index}"
            fitting = next(
                (
                    position
                    for position, other in enumerate(remaining)
                    if self._agrees(place, item, other)
                ),
                None,
            )
            if fitting is None:
                self.found.append(
                    f"{place}: none of {_short(remaining)} is as expected {_short(item)}"
                )
            else:
                self.value(place, item, remaining.pop(fitting))  # once more, to bind what it shows

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
                form = name.partition(":")[2].strip()
                pattern += (
                    f"({pattern_of(form) if form else '.+?'})"
                    if bound is None
                    else re.escape(bound)
                )
                names += [name] if bound is None else []
        fitting = re.fullmatch(pattern, actual, re.DOTALL)
        if fitting is None:
            return False
        self._bindings.update(
            (plain_name(name), value) for name, value in zip(names, fitting.groups(), strict=True)
        )
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
