"""Ids of new directory objects: by chance, as Entra gives them, or out of names while a world is seeded."""

from __future__ import annotations

import uuid
from collections import Counter


class Ids:
    """Gives ids. With a namespace they follow from the name and from how often it was asked for before.

    Two worlds of one seed are then the same to the last id, and what a client remembers of the first, a token
    included, fits the second.
    """

    def __init__(self, namespace: str | None = None) -> None:
        self._namespace = uuid.UUID(namespace) if namespace else None
        self._asked: Counter[str] = Counter()

    def new(self, name: str) -> str:
        """Give a GUID for something that goes by this name, e.g. `application/Payroll export`."""
        if self._namespace is None:
            return str(uuid.uuid4())
        self._asked[name] += 1
        return str(uuid.uuid5(self._namespace, f"{name}/{self._asked[name]}"))

    def be_random(self) -> None:
        """Give ids by chance from now on: the seed is done."""
        self._namespace = None
