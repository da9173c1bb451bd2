"""Tables of directory objects: immutable versions, and the only functions that read them.

Writes read `latest` for uniqueness and for the object that they change; clients, dependent writes
and sign-ins read what a replica has (`seen`). Both are the same while replication is immediate; lag
affects only `seen`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from mct_s2s.sandbox.entra.replication import History, Replication, Version

Object = dict[str, Any]
KeysOf = Callable[[Object], Iterable[str]]


class Table:
    """Objects of one kind by id, with indexes.

    Objects are replaced as a whole, never changed in place.
    """

    def __init__(self, replication: Replication, **indexes: KeysOf) -> None:
        self._replication = replication
        self._objects: dict[str, Object] = {}
        self._keys_of = indexes
        self._indexes: dict[str, dict[str, list[str]]] = {
            name: defaultdict(list) for name in indexes
        }
        self._young: dict[str, History] = {}

    def put(self, value: Object) -> Object:
        """Store an object in place of the one with the same id, if any."""
        self._remember(value["id"], value)
        self._unindex(value["id"])
        self._objects[value["id"]] = value
        for name, keys_of in self._keys_of.items():
            for key in keys_of(value):
                self._indexes[name][key.casefold()].append(value["id"])
        return value

    def drop(self, object_id: str) -> None:
        if object_id in self._objects:
            self._remember(object_id, None)
            self._unindex(object_id)
            del self._objects[object_id]

    def latest(self, object_id: str) -> Object | None:
        """Return the object as last written, whether it is soft-deleted or not."""
        return self._objects.get(object_id) or self._objects.get(object_id.lower())

    def latest_by(self, index: str, key: str) -> list[Object]:
        """Return all objects with this key as last written, soft-deleted ones too."""
        return [
            self._objects[object_id] for object_id in self._indexes[index].get(key.casefold(), ())
        ]

    def seen(self, object_id: str) -> Object | None:
        """Return the object as a replica has it; None where it is deleted or not there yet."""
        return self._living(object_id.lower())

    def seen_deleted(self, object_id: str) -> Object | None:
        """Return a soft-deleted object as a replica has it; None where it is not deleted, or not
        yet.
        """
        return self._dead(object_id.lower())

    def seen_by(self, index: str, key: str) -> list[Object]:
        folded = key.casefold()
        held = self._indexes[index].get(folded, ())
        if not self._young or not self._replication.lag_seconds:
            return [living for living in map(self._living, list(held)) if living is not None]
        # The version at a replica may have other keys than the newest one.
        candidates = map(self._living, dict.fromkeys((*held, *self._young)))
        keys_of = self._keys_of[index]
        return [
            item
            for item in candidates
            if item is not None and folded in {item_key.casefold() for item_key in keys_of(item)}
        ]

    def first_seen_by(self, index: str, key: str) -> Object | None:
        return next(iter(self.seen_by(index, key)), None)

    def seen_all(self) -> Iterator[Object]:
        return (living for living in map(self._living, self._ids()) if living is not None)

    def deleted(self) -> Iterator[Object]:
        return (dead for dead in map(self._dead, self._ids()) if dead is not None)

    def is_known_elsewhere(self, object_id: str) -> bool:
        history = self._history(object_id)
        return history is None or self._replication.is_known_elsewhere(history)

    def has_index(self, index: str) -> bool:
        return index in self._indexes

    def dump(self) -> list[Object]:
        return list(self._objects.values())

    def dump_young(self) -> dict[str, list[Any]]:
        young = {object_id: self._history(object_id) for object_id in list(self._young)}
        return {
            object_id: [[version.value, list(version.arrivals)] for version in history.versions]
            for object_id, history in young.items()
            if history is not None
        }

    def load(self, objects: Iterable[Object], young: Mapping[str, list[Any]]) -> None:
        for value in objects:
            self.put(dict(value))
        self._young = {
            object_id: History([Version(value, tuple(arrivals)) for value, arrivals in states])
            for object_id, states in young.items()
        }

    def _ids(self) -> list[str]:
        return list(dict.fromkeys((*self._objects, *self._young)))

    # Public methods take ids in any case, as clients write them; these take ids as they are stored.
    def _living(self, object_id: str) -> Object | None:
        version = self._at_replica(object_id)
        return version if version is not None and not version.get("deletedDateTime") else None

    def _dead(self, object_id: str) -> Object | None:
        version = self._at_replica(object_id)
        return version if version is not None and version.get("deletedDateTime") else None

    def _at_replica(self, object_id: str) -> Object | None:
        history = self._history(object_id)
        return self._objects.get(object_id) if history is None else self._replication.seen(history)

    def _history(self, object_id: str) -> History | None:
        history = self._young.get(object_id)
        if history is None or not self._replication.lag_seconds:
            return None
        if history.settle(self._replication.clock.timestamp()):
            del self._young[object_id]
            return None
        return history

    def _remember(self, object_id: str, value: Object | None) -> None:
        if not self._replication.lag_seconds:
            self._young.pop(object_id, None)
            return
        known = Version(self._objects.get(object_id))
        history = self._young.setdefault(object_id, History([known]))
        history.versions.append(Version(value, self._replication.arrivals()))

    def _unindex(self, object_id: str) -> None:
        old = self._objects.get(object_id)
        if old is None:
            return
        for name, keys_of in self._keys_of.items():
            for key in keys_of(old):
                self._indexes[name][key.casefold()].remove(object_id)
