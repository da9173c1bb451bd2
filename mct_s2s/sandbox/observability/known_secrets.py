"""The secrets that the sandbox has issued or seen, and which of them a text holds."""

from __future__ import annotations

import json
from collections import OrderedDict
from urllib.parse import unquote_plus

SHORTEST = 8
"""Characters: what is shorter could be anything, and is no secret."""
KEPT = 2_000
FEW = 32
"""As many are looked for one by one, in less time than it takes to cut a header into pieces of `SHORTEST`."""


class KnownSecrets:
    """The latest secrets with their kinds, in memory only.

    Each request has some fifteen texts that are searched. With the secrets of 200 clients, looking for one after the
    other took two fifths of the sandbox's time, so of many only those are looked for whose first characters are there.
    """

    def __init__(self) -> None:
        self._kinds: OrderedDict[str, str] = OrderedDict()
        self._by_start: dict[str, dict[str, None]] = {}

    def add(self, secret: str, kind: str) -> None:
        """Remember one; the oldest is forgotten."""
        if len(secret) < SHORTEST:
            return
        self._kinds[secret] = kind
        for start in _starts(secret):
            self._by_start.setdefault(start, {})[secret] = None
        if len(self._kinds) > KEPT:
            self._forget(self._kinds.popitem(last=False)[0])

    def found_in(self, text: str) -> list[tuple[str, str]]:
        """Those that a text holds, with their kinds; escaped as in an address or in JSON, too."""
        if len(text) < SHORTEST:
            return []
        plain = unquote_plus(text) if "%" in text or "+" in text else text
        found = []
        for secret, kind in self._candidates(text if plain == text else f"{text}\n{plain}"):
            # JSON escapes quotes and non-ASCII letters.
            if secret in text or secret in plain or ("\\" in text and json.dumps(secret)[1:-1] in text):
                found.append((secret, kind))
        return found

    def _candidates(self, text: str) -> list[tuple[str, str]]:
        if len(self._kinds) <= FEW:
            return list(self._kinds.items())
        pieces = dict.fromkeys(text[at : at + SHORTEST] for at in range(len(text) - SHORTEST + 1))
        starts = [piece for piece in pieces if piece in self._by_start]
        secrets = dict.fromkeys(secret for start in starts for secret in self._by_start[start])
        return [(secret, self._kinds[secret]) for secret in secrets]

    def _forget(self, secret: str) -> None:
        for start in _starts(secret):
            of_start = self._by_start[start]
            of_start.pop(secret, None)
            if not of_start:
                del self._by_start[start]


def _starts(secret: str) -> set[str]:
    return {secret[:SHORTEST], json.dumps(secret)[1:-1][:SHORTEST]}
