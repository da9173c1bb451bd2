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
    found: list[Mistake] = field(default_factory=list)

    def add(self, line: int, where: str, what: str, remedy: str, code: str = MALFORMED) -> None:
        """One more; the same one in a profile is found again at each site that uses it."""
        mistake = Mistake(line, where, what, remedy, code)
        if mistake not in self.found:
            self.found.append(mistake)

    def check(self) -> None:
        """Raise an error if there are any.

        Raises:
            UsageError: with the code of the only one, or as `trust-file-malformed` with a list.
        """
        match self.found:
            case []:
                return
            case [only]:
                headline = f"'{self.path}', {only.where}: {only.what}"
                raise UsageError(only.code, headline if only.what.endswith(".") else f"{headline}.", remedy=only.remedy)
        ordered = sorted(self.found, key=lambda one: one.line)
        listed = [_line(one) for one in ordered[:MOST_LISTED]]
        if len(self.found) > MOST_LISTED:
            listed.append(f"and {len(self.found) - MOST_LISTED} more")
        raise UsageError(
            MALFORMED,
            f"'{self.path}' has {len(self.found)} mistakes.",
            remedy="Correct the file, then run the same command again. Nothing was changed.",
            items=listed,
        )


def _line(mistake: Mistake) -> str:
    what = mistake.what.removesuffix(".")
    text = f"{mistake.where}: {what}. {mistake.remedy}"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
