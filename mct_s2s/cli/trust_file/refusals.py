"""A value of a trust file that an option refuses: which key it is, told as the file's writer knows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from mct_s2s.errors import UsageError
from mct_s2s.inputs.trust_file_mistakes import Mistakes
from mct_s2s.model.trust_file import CLIENT_KEYS, IDENTITY_KEYS, PROFILE_KEYS, SITE_KEYS, Table

Read = TypeVar("Read")
Value = str | bool
Said = dict[str, tuple[Table, Value]]
"""What is said, by its key, and in which table."""

_KEYS = (*PROFILE_KEYS, *SITE_KEYS, *CLIENT_KEYS, *IDENTITY_KEYS)
_OPTION = re.compile(rf"--({'|'.join(sorted(_KEYS, key=len, reverse=True))})(?![a-z-])")
_CHOICES = "secret|certificate|federated|none|value|dotenv|json"
_WITH_VALUE = re.compile(rf"{_OPTION.pattern} ({_CHOICES}|[A-Za-z]*[A-Z:/][^\s,]*?)(?=[,.]*(?:\s|$))")
"""An option and a value after it, in the text of a remedy: a word in capitals, a place, a choice."""


def read_values(
    mistakes: Mistakes,
    table: Table,
    said: Said,
    read: Callable[[Mapping[str, Value]], Read],
    subject: str | None = None,
) -> Read | None:
    """What the values mean together; `None` where they are refused, which is then one of the mistakes.

    Args:
        mistakes: are added to.
        table: what the values are about, for a mistake in none of them.
        said: the values.
        read: reads values, also with some left out.
        subject: the key that is wrong where no other one is: the name.
    """
    try:
        return read({key: value for key, (_, value) in said.items()})
    except UsageError as error:
        key = _culprit(error, said, read) or subject
        place = said[key][0] if key in said else table
        line = place.lines.get(key or "", place.line)
        mistakes.add(line, place.where(key), as_in_file(error.message), as_in_file(error.remedy), error.code)
        return None


def _culprit(error: UsageError, said: Said, read: Callable[[Mapping[str, Value]], Read]) -> str | None:
    """The key of which the message speaks, or without which there would be another outcome."""
    for match in _OPTION.finditer(error.message):
        if match[1] in said:
            return match[1]
    for left_out in said:
        try:
            read({key: value for key, (_, value) in said.items() if key != left_out})
        except UsageError as other:
            if other.message == error.message:
                continue
        return left_out
    return None


def as_in_file(text: str) -> str:
    """A text about options as one about keys: `--github OWNER/REPO` is `github = "OWNER/REPO"`."""
    return _OPTION.sub(r"\1", _WITH_VALUE.sub(r'\1 = "\2"', text))
