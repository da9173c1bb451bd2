"""What a run creates, on disk before it is created, so that `--clean-up` always finds it.

One private file a run, in the user's state directory. It holds ids and names, never a secret nor a setting's value.
Everything in it is named after the run, by an id that no other run has, so that what has such a name was created by
this run.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from mct_s2s.local_files import make_folder, replace_whole, text_of
from platformdirs import user_state_path

from conformance.steps import Kind

PREFIX = "mct-s2s-conformance-"
VERSION = 1


@dataclass(frozen=True)
class Place:
    """Where a run works, and what is needed to find it again.

    Attributes:
        cloud: as `--cloud` takes it.
        tenant: the tenant's id.
        site: the App Service's resource id.
        vault: the key vault's name, where there is one.
    """

    cloud: str
    tenant: str
    site: str
    vault: str | None

    @property
    def subscription(self) -> str:
        """The subscription's id."""
        return self.site.split("/")[2]

    @property
    def group(self) -> str:
        """The resource group's name."""
        return self.site.split("/")[4]


@dataclass
class Journal:
    """One run.

    Attributes:
        run: the run's id.
        place: where.
        began: time, in ISO 8601.
        made: kind and id of what was created.
        expected: kinds of which something may have been created without an answer.
    """

    run: str
    place: Place
    began: str
    made: list[tuple[Kind, str]] = field(default_factory=list)
    expected: list[Kind] = field(default_factory=list)

    @classmethod
    def begin(cls, place: Place, now: datetime) -> Journal:
        """Return a new run; nothing is on disk yet."""
        return cls(secrets.token_hex(5), place, now.isoformat(timespec="seconds"))

    @property
    def name(self) -> str:
        """The prefix of every name of this run."""
        return PREFIX + self.run

    @property
    def path(self) -> Path:
        """Its file."""
        return folder() / f"{self.run}.json"

    def about_to_make(self, kind: Kind) -> None:
        """Record, before it is sent, that a request creates something of a kind.

        Raises:
            OSError: it cannot be written, so that nothing may be created.
        """
        self.expected.append(kind)
        self._write()

    def has_made(self, kind: Kind, identifier: str | None) -> None:
        """Record what the request has created; None for nothing, or for what is found by its name."""
        self.expected.remove(kind)
        if identifier is not None and (kind, identifier) not in self.made:
            self.made.append((kind, identifier))
        self._write()

    def ids(self, kind: Kind) -> list[str]:
        """Return the ids of a kind."""
        return [identifier for made, identifier in self.made if made is kind]

    def may_have(self, kind: Kind) -> bool:
        """Return whether there may be something of a kind."""
        return kind in self.expected or bool(self.ids(kind))

    def forget(self) -> None:
        """Delete the journal: everything was removed."""
        self.path.unlink(missing_ok=True)

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Hold it during its run or its cleanup; yields False where another process holds it."""
        make_folder(folder())
        lock = FileLock(self.path.with_suffix(".lock"))
        try:
            lock.acquire(blocking=False)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()
            with suppress(OSError):
                self.path.with_suffix(".lock").unlink()

    def _write(self) -> None:
        document = {"version": VERSION, **asdict(self)}
        replace_whole(self.path, json.dumps(document, indent=1))


def folder() -> Path:
    """Return the folder of the journals."""
    return user_state_path("mct-s2s", appauthor=False) / "conformance"


def unfinished() -> list[Journal]:
    """Return the journals of runs that have left something, oldest first.

    Raises:
        OSError: one cannot be read, or belongs to another user.
        ValueError: a file is not a journal.
    """
    found = [_read(path) for path in sorted(folder().glob("*.json"))]
    return sorted((journal for journal in found if journal is not None), key=lambda journal: journal.began)


def _read(path: Path) -> Journal | None:
    text = text_of(path)
    if text is None:
        return None
    try:
        document: dict[str, Any] = json.loads(text)
        if document["version"] != VERSION:
            raise ValueError(f"'{path}' was written by another version.")
        return Journal(
            document["run"],
            Place(**document["place"]),
            document["began"],
            [(Kind(kind), str(identifier)) for kind, identifier in document["made"]],
            [Kind(kind) for kind in document["expected"]],
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"'{path}' is not a journal.") from error
