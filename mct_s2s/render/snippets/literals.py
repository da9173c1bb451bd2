"""Any text as a literal of a language: whatever it holds, it stays one value, and one line of printable characters."""

from __future__ import annotations

import re
import shlex

from mct_s2s.errors import UsageError
from mct_s2s.plain_text import plain


class Quoted(str):
    """Text that is safe where a template puts it. Templates print nothing else: see `snippets.snippet`."""

    __slots__ = ()


_EXPANDED = re.compile(r"\$(?=\{\{)")
"""What GitHub Actions replaces in a script before a shell sees it.

Source: docs.github.com/actions/reference/workflows-and-actions/expressions.
"""
_SINGLE_QUOTES = re.compile("(['\N{LEFT SINGLE QUOTATION MARK}-\N{SINGLE HIGH-REVERSED-9 QUOTATION MARK}])")
"""All of them end a PowerShell string. Source: learn.microsoft.com/powershell/module/microsoft.powershell.core/about/
about_quoting_rules.
"""


_LOGGED = re.compile(r"#(?=#(?:vso)?\[)|(?<!\S):(?=:[a-z])", re.IGNORECASE)
"""The first character of what a pipeline takes for a command in its log: a program may be printed into one.

Sources: as in `plain_text`.
"""


def shell(value: str) -> Quoted:
    """One word for a POSIX shell."""
    return Quoted(_LOGGED.sub(r"\g<0>''", shlex.quote(_printable(value))))


def workflow_shell(value: str) -> Quoted:
    """One word for a shell within a workflow: nothing in it is an expression to the service that runs it."""
    return Quoted(_EXPANDED.sub("$''", shell(value)))


def escaped(value: str) -> Quoted:
    """A string of Python, C# and YAML, in ASCII alone."""
    return Quoted(_LOGGED.sub(_numbered, f'"{"".join(map(_escape, value))}"'))


def powershell(value: str) -> Quoted:
    """A string of PowerShell."""
    doubled = _SINGLE_QUOTES.sub(r"\1\1", _printable(value))
    parted = _LOGGED.sub(r"\g<0>' + '", f"'{doubled}'")
    return Quoted(f"({parted})" if _LOGGED.search(value) else parted)


def workflow_yaml(value: str) -> Quoted:
    """A string of YAML in which GitHub Actions finds no expression."""
    return Quoted(escaped(value).replace("${{", "${{ '${{' }}"))


def comment(value: str) -> Quoted:
    """Text for a comment that ends with its line."""
    return Quoted(plain(value))


def _numbered(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _escape(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if " " <= character <= "~":
        return character
    return f"\\u{ord(character):04x}" if character <= "\uffff" else f"\\U{ord(character):08x}"


def _printable(value: str) -> str:
    """What these shells have no simple word for is in no program: a path can be changed, and all else is an attack."""
    if value.isprintable():
        return value
    raise UsageError(
        "snippet-unsuitable",
        f"'{plain(value)}' has characters that cannot be shown, so it cannot be part of such a program.",
        remedy="Rename it, or use --language python.",
    )
