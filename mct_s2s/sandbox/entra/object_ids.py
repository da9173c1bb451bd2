"""Ids of new directory objects: random, as in Entra, or derived from names while a state is seeded."""

from __future__ import annotations

import uuid
from collections import Counter


class ObjectIds:
    """Creates ids. With a namespace they follow from the name and from how often it was used before.

    Two states of one seed then have the same ids, and what a client remembers of the first, a token included, is
    valid for the second.
    """

    def __init__(self, namespace: str | None = None) -> None:
        self._namespace = uuid.UUID(namespace) if namespace else None
        self._used: Counter[str] = Counter()

    def new(self, name: str) -> str:
        """Return a GUID for an object described by a name, e.g. `application/Payroll export`."""
        if self._namespace is None:
            return str(uuid.uuid4())
        self._used[name] += 1
        return str(uuid.uuid5(self._namespace, f"{name}/{self._used[name]}"))

    def be_random(self) -> None:
        """Return random ids from now on: the seed is done."""
        self._namespace = None
