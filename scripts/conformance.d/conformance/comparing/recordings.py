"""Tables of recorded exchanges: what real services were asked and answered.

A table is a JSON list of exchanges: `id`, `source`, `service`, `request`, `response`, perhaps `compare`. In place of a
body, `{"<like>": "table/01", "<set>": {pointer: value}, "<unset>": [pointer]}` means that of another exchange, changed.
The form in full: tests/sandbox/real_traffic/README.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

Json = Any


@dataclass(frozen=True)
class Exchange:
    """One exchange of the tables, its references to others resolved.

    Attributes:
        request: `method`, `path`, `query`, `headers`, `body`.
        response: `status`, `headers`, `body`, `absent-headers`, `absent-members`.
        compare: what softens the comparison.
    """

    id: str
    source: str
    service: str
    request: Mapping[str, Json]
    response: Mapping[str, Json]
    compare: Mapping[str, Json] = field(default_factory=dict)


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

    def __getitem__(self, exchange_id: str) -> Exchange:
        """Return an exchange, its `<like>` resolved."""
        row = self._rows[exchange_id]
        return Exchange(
            exchange_id,
            row["source"],
            row["service"],
            self._resolved(row["request"], "request"),
            self._resolved(row["response"], "response"),
            row.get("compare", {}),
        )

    def _resolved(self, value: Json, side: str, *, top: bool = True) -> Json:
        if isinstance(value, list):
            return [self._resolved(item, side, top=False) for item in value]
        if not isinstance(value, dict):
            return value
        if "<like>" not in value:
            return {name: self._resolved(item, side, top=False) for name, item in value.items()}
        row = self._rows[value["<like>"]]
        found = deepcopy(self._resolved(row[side] if top else row[side]["body"], side, top=top))
        for pointer, changed in value.get("<set>", {}).items():
            put(found, pointer, self._resolved(changed, side, top=False))
        for pointer in value.get("<unset>", ()):
            take(found, pointer)
        return found


def is_there(value: Json, pointer: str) -> bool:
    """Return whether a JSON pointer names something."""
    for part in _parts(pointer):
        if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            return False
    return True


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
