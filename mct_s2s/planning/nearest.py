"""The name that was meant by one that is not there."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, names: Iterable[str], otherwise: str) -> str:
    """The question that names the nearest of `names`, or else what to say `otherwise`."""
    by_word = {one.casefold(): one for one in names}
    near = get_close_matches(name.strip().casefold(), by_word, n=1, cutoff=0.5)
    return f"Did you mean '{by_word[near[0]]}'?" if near else otherwise
