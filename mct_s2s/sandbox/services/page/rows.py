"""A table of the page: its first rows, and how many more there are. A directory may hold tens of thousands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Source = TypeVar("Source")
Row = TypeVar("Row")

MOST = 200
"""Rows of a table: 200 of each kind are rendered within 20 ms, and more are not read."""


@dataclass(frozen=True)
class Rows(Generic[Row]):
    """The rows that are shown, and the number of those that are not."""

    shown: list[Row]
    more: int


def first(objects: Sequence[Source], row: Callable[[Source], Row]) -> Rows[Row]:
    """Return the rows of the first objects."""
    return Rows([row(one) for one in objects[:MOST]], max(0, len(objects) - MOST))
