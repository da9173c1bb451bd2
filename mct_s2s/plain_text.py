"""Text from outside, which may hold escape sequences and line ends, made safe for a terminal, a log
and JSON.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
"""One for one, so that positions in a text stay the same."""

_CONTROLS_AND_FORMATS = (
    r"\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u2064\u2066-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
)
"""Unicode's categories Cc, Cf, Cs, Zl and Zp: written out, as to ask for each character's takes 0.2
s.
"""
_INVISIBLE = (
    r"\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    r"\u2065\u3164\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff"
)
"""Letters, marks and unassigned characters without a width; not variation selectors, which belong
to emoji.

Source: unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt, *Default_Ignorable_Code_Point*.
"""
_UNSAFE = re.compile(f"[{_CONTROLS_AND_FORMATS}{_INVISIBLE}]")


_TO_A_PIPELINE = re.compile(r"##(?=(?:vso)?\[)", re.IGNORECASE)
"""Anywhere in a line.

Sources: learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands; for `##[`, which
GitHub's runner obeys, too: github.com/actions/runner, ActionCommand.TryParse.
"""
_TO_GITHUB = re.compile(r"(?<!\S):(?=:[a-z])", re.IGNORECASE)
"""At a line's beginning, whatever blanks of Unicode's come first; so at any word's, as lines may be
folded there.

Source: github.com/actions/runner, ActionCommand.TryParseV2.
"""


def plain(text: str) -> str:
    """One line of the same length.

    A line that a pipeline would take for a command loses its first character.
    """
    shown = _UNSAFE.sub(REPLACEMENT, text)
    return _TO_GITHUB.sub(REPLACEMENT, _TO_A_PIPELINE.sub(f"{REPLACEMENT}#", shown))


def json_text(document: Mapping[str, Any], encoding: str | None = None) -> str:
    r"""Safe to show: what `plain` replaces, and `encoding` lacks, is escaped as `\uXXXX`."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    try:
        text.encode(encoding or "utf-8", errors="surrogatepass" if encoding is None else "strict")
    except (UnicodeEncodeError, LookupError):
        text = json.dumps(document, indent=2)
    return _TO_A_PIPELINE.sub(r"\\u0023#", _UNSAFE.sub(_escaped, text)) + "\n"


def load_json(content: str | bytes) -> Any:
    """A value that can be written again; bytes are UTF-8. Raises ValueError."""
    try:
        value: Any = json.loads(content)
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeEncodeError:
        raise ValueError("it contains half a character (a lone surrogate)") from None
    return value


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    return (
        character if character == "\n" else json.dumps(character)[1:-1].replace("\x7f", r"\u007f")
    )


def is_one_line(text: str) -> bool:
    """Whether no reader of a text file can take it for more than one line, or fail to write it
    down.
    """
    return not any(unicodedata.category(char) in {"Cc", "Zl", "Zp", "Cs"} for char in text)


def counted(number: int, noun: str) -> str:
    """`1 site`, `2 sites`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


MOST_NAMED = 10
"""Names in one sentence: more of them hide what it says."""


def few_of(names: Sequence[str]) -> str:
    """`learn, academy`; of many names, `learn, … and 20 others`."""
    more = len(names) - MOST_NAMED
    # One name takes no more room than to say that there is another.
    if more <= 1:
        return ", ".join(names)
    return f"{', '.join(names[:MOST_NAMED])}, … and {more} others"
