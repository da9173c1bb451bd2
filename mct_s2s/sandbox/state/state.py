"""The state of a sandbox: tenant, subscriptions, clock; saved as one readable JSON file.

The file is written before the answer to a change is sent, so that a program that is killed finds what it did.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Self

from mct_s2s.sandbox.core.clock import Clock
from mct_s2s.sandbox.core.files import replace_file
from mct_s2s.sandbox.core.options import Tunable, seconds
from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.resources.store import Resources

SCHEMA = 1


class SandboxState(Tunable):
    """Everything that a sandbox holds, apart from its signing keys.

    `latency_seconds` is added to every request. `path` is where the state is saved; without one it is in memory only.
    """

    OPTIONS: ClassVar = {"latency_seconds": seconds}

    def __init__(self, clock: Clock, directory: Directory, resources: Resources, *, path: Path | None = None) -> None:
        self.clock = clock
        self.directory = directory
        self.resources = resources
        self.path = path
        self.latency_seconds = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "schema": SCHEMA,
            "clockOffsetSeconds": self.clock.offset.total_seconds(),
            "latencySeconds": self.latency_seconds,
            "directory": self.directory.to_dict(),
            "resources": self.resources.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, path: Path | None = None) -> Self:
        """Restore what `to_dict` returned.

        Raises:
            ValueError: it is of another version of the sandbox.
        """
        if data.get("schema") != SCHEMA:
            raise ValueError(f"The state has the schema {data.get('schema')}, but only {SCHEMA} is supported.")
        clock = Clock(timedelta(seconds=data["clockOffsetSeconds"]))
        directory = Directory.from_dict(clock, data["directory"])
        state = cls(clock, directory, Resources.from_dict(clock, directory, data["resources"]), path=path)
        state.latency_seconds = float(data.get("latencySeconds", 0.0))
        return state

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a state from its file.

        Raises:
            OSError: it cannot be read.
            ValueError: it holds no state.
        """
        try:
            return cls.from_dict(json.loads(path.read_text(encoding="utf-8")), path=path)
        except (KeyError, TypeError, AttributeError) as wrong:
            raise ValueError(f"Invalid state file '{path}': {wrong}") from wrong

    def save(self, path: Path | None = None) -> None:
        """Write the state to its file, or to another; whole or not at all. Without a path nothing is done.

        Raises:
            OSError: the file cannot be written.
        """
        if path is not None or self.path is not None:
            self.saving(path)()

    def saving(self, path: Path | None = None) -> Callable[[], None]:
        """Return a function that writes the present state to a file, in any thread.

        Directory objects are replaced and never changed, so that they need not be rendered at once; there may be
        tens of thousands of them.
        """
        target = path or self.path
        if target is None:
            return lambda: None
        data = self.to_dict()
        tables = {name: value for name, value in data["directory"].items() if isinstance(value, list)}
        rest = {name: value for name, value in data["directory"].items() if name not in tables}
        head = json.dumps({**data, "directory": rest}, indent=1, ensure_ascii=False)

        def write() -> None:
            replace_file(target, "".join(_whole(head, tables)).encode("utf-8"))

        return write

    def replace_with(self, other: SandboxState) -> None:
        """Take over another state; the path and the keys stay."""
        key, addresses = self.directory.signing_key, self.directory.addresses
        other.clock.source = self.clock.source
        self.clock, self.directory, self.resources = other.clock, other.directory, other.resources
        self.latency_seconds = other.latency_seconds
        self.directory.signing_key = key
        self.directory.addresses = addresses


def _whole(head: str, tables: Mapping[str, list[Any]]) -> Iterator[str]:
    """Yield the rendered state with its tables put back into the directory, one object on a line."""
    before, mark, after = head.partition('\n "directory": {\n')
    yield before + mark
    for name, objects in tables.items():
        yield f"  {json.dumps(name)}: ["
        for number, value in enumerate(objects):
            yield (",\n   " if number else "\n   ") + json.dumps(value, ensure_ascii=False)
        yield "\n  ],\n"
    yield after
