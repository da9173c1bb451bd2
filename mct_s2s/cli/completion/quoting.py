"""How each shell hands over what was typed, and how it takes a word: whatever a name holds, nothing of it is run."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mct_s2s.cli.completion.candidates import FILES, Candidate
from mct_s2s.cli.completion.shell import Shell

_PLAIN = frozenset("_@%+,./-")
"""Characters that mean nothing to bash, wherever they are; `:` and `=` end a word for its completion."""
_PLAIN_IN_QUOTES = re.compile(r"[\w@%+,./:=() -]*")
_POWERSHELL_PLAIN = re.compile(r"[\w./:=+-]+", re.ASCII)
_POWERSHELL_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")
"""PowerShell takes each of them for the end of a text in single quotation marks."""


@dataclass(frozen=True)
class TypedWords:
    """A command line, without the shell's quotation marks."""

    complete: Sequence[str]
    unfinished: str
    quote: str = ""
    """The quotation mark that the unfinished word begins with."""


def typed_words(shell: Shell, words: Sequence[str], as_json: str | None) -> TypedWords:
    """What a script has passed on.

    Args:
        shell: whose script.
        words: its arguments.
        as_json: the words that PowerShell passes instead.
    """
    if shell is Shell.POWERSHELL:
        words = [str(word) for word in json.loads(as_json or "[]")]
    if shell is Shell.BASH:
        words = list(_without_separators(words))
    *complete, last = words or [""]
    quote = last[:1] if last[:1] in {"'", '"'} else ""
    return TypedWords([_unquoted(word) for word in complete], _unquoted(last), quote)


def _without_separators(words: Sequence[str]) -> Iterator[str]:
    """Bash makes three words of `--auth=cli`."""
    for at, word in enumerate(words):
        if word != "=" or not words[at - 1].startswith("--"):
            yield word
        elif at == len(words) - 1:
            yield ""


def _unquoted(word: str) -> str:
    try:
        parts = shlex.split(word)
    except ValueError:  # it is not finished
        return word.lstrip("'\"").removesuffix("\\")
    return parts[0] if len(parts) == 1 else word


def lines(shell: Shell, found: Iterable[Candidate], typed: TypedWords) -> Iterator[str]:
    """What the script reads: a word as it is inserted, a tab, its explanation."""
    for one in found:
        if one is FILES:
            yield f"\t{one.help}"
            continue
        inserted = _inserted(shell, one.value, typed.quote)
        if inserted is None:
            continue
        if shell is Shell.POWERSHELL:
            yield json.dumps([inserted, one.value, one.help or one.value])
        else:
            yield f"{inserted}\t{one.help}"


def _inserted(shell: Shell, value: str, quote: str) -> str | None:
    """The word for the shell's line editor; `None` for one that cannot be inserted safely."""
    if shell is Shell.BASH:
        if quote:
            return value if _PLAIN_IN_QUOTES.fullmatch(value) else None
        return "".join(char if char.isalnum() or char in _PLAIN else f"\\{char}" for char in value)
    if shell is Shell.POWERSHELL:
        if '"' in value:
            return None  # before version 7.3, it ends an argument of a program even within single quotation marks
        doubled = _POWERSHELL_QUOTES.sub(r"\g<0>\g<0>", value)
        return value if _POWERSHELL_PLAIN.fullmatch(value) else f"'{doubled}'"
    return value  # zsh and fish quote what they insert
