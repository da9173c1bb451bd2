"""Where directory objects are kept: versions that never change, and the only functions that read them.

A writer that must not be fooled (uniqueness, the object it changes) reads `latest`; a client, a dependent
write and a sign-in read what a replica has (`seen`). Both are the same for as long as replication is
immediate, but they are different questions, and lag belongs into the second one only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Object = dict[str, Any]
KeysOf = Callable[[Object], Iterable[str]]


class Table:
    """Objects of one kind by id, with indexes. Objects are replaced as a whole, never changed in place."""

    def __init__(self, **indexes: KeysOf) -> None:
        self._objects: dict[str, Object] = {}
        self._keys_of = indexes
        self._indexes: dict[str, dict[str, list[str]]] = {name: defaultdict(list) for name in indexes}

    def put(self, value: Object) -> Object:
        """Store an object in place of the one with the same id, if any."""
        self.drop(value["id"])
        self._objects[value["id"]] = value
        for name, keys_of in self._keys_of.items():
            for key in keys_of(value):
                self._indexes[name][key.casefold()].append(value["id"])
        return value

    def drop(self, object_id: str) -> None:
        """Forget an object for good; no error when there is none."""
        old = self._objects.pop(object_id, None)
        if old is None:
            return
        for name, keys_of in self._keys_of.items():
            for key in keys_of(old):
                self._indexes[name][key.casefold()].remove(object_id)

    def latest(self, object_id: str) -> Object | None:
        """Give the object as last written, whether it is soft-deleted or not."""
        return self._objects.get(object_id.lower())

    def latest_by(self, index: str, key: str) -> list[Object]:
        """Give all objects with this key as last written, soft-deleted ones too."""
        return [self._objects[found] for found in self._indexes[index].get(key.casefold(), ())]

    def seen(self, object_id: str) -> Object | None:
        """Give the object as a replica has it, or nothing where it is deleted or not there yet."""
        found = self._objects.get(object_id.lower())
        return found if found is not None and not found.get("deletedDateTime") else None

    def seen_by(self, index: str, key: str) -> list[Object]:
        """Give the objects with this key as a replica has them."""
        return [found for found in self.latest_by(index, key) if not found.get("deletedDateTime")]

    def seen_all(self) -> Iterator[Object]:
        """Give every object as a replica has it, in the order in which they were first written."""
        return (found for found in list(self._objects.values()) if not found.get("deletedDateTime"))

    def deleted(self) -> Iterator[Object]:
        """Give every soft-deleted object as a replica has it."""
        return (found for found in list(self._objects.values()) if found.get("deletedDateTime"))

    def has_index(self, index: str) -> bool:
        """Tell whether `seen_by` can be asked for this key."""
        return index in self._indexes

    def dump(self) -> list[Object]:
        """Give everything as last written, in order."""
        return list(self._objects.values())

    def load(self, objects: Iterable[Object]) -> None:
        """Take what `dump` gave."""
        for value in objects:
            self.put(dict(value))
