"""Mistakes in a trust file: collected, so that a person corrects them all at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mct_s2s.errors import UsageError

MALFORMED = "trust-file-malformed"
MOST_LISTED = 20
"""Mistakes in one message; who makes more has made the same one again and again."""
_LONGEST = 300
"""Characters of a listed mistake: keys and values are of any length."""


@dataclass(frozen=True)
class Mistake:
    """One mistake."""

    line: int
    where: str
    """`line 7, sites.learn.role`"""
    what: str
    remedy: str
    code: str


@dataclass
class Mistakes:
    """All mistakes in a file."""

    path: Path
    _found: dict[Mistake, None] = field(default_factory=dict)

    def add(self, line: int, where: str, what: str, remedy: str, code: str = MALFORMED) -> None:
        """One more; the same one in a profile is found again at each site that uses it."""
        self._found[Mistake(line, where, what, remedy, code)] = None

    @property
    def are_many(self) -> bool:
        """Whether there are more already than are listed: what takes time to say of one more is not worth it."""
        return len(self._found) >= MOST_LISTED

    def check(self) -> None:
        """Raise an error if there are any.

        Raises:
            UsageError: with the code of the only one, or as `trust-file-malformed` with a list.
        """
        found = sorted(self._found, key=lambda one: one.line)
        match found:
            case []:
                return
            case [only]:
                headline = f"'{self.path}', {only.where}: {only.what}"
                raise UsageError(only.code, headline if only.what.endswith(".") else f"{headline}.", remedy=only.remedy)
        listed = [_line(one) for one in found[:MOST_LISTED]]
        if len(found) > MOST_LISTED:
            listed.append(f"and {len(found) - MOST_LISTED} more")
        raise UsageError(
            MALFORMED,
            f"'{self.path}' has {len(found)} mistakes.",
            remedy="Correct the file, then run the same command again. Nothing was changed.",
            items=listed,
        )


def _line(mistake: Mistake) -> str:
    what = mistake.what.removesuffix(".")
    text = f"{mistake.where}: {what}. {mistake.remedy}"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
