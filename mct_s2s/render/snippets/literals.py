"""Any text as a literal of a language: whatever it holds, it stays one value, and one line of printable characters."""

from __future__ import annotations

import re
import shlex
import struct
from itertools import groupby

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
    """One word for a POSIX shell; what is not printable is written by `printf`. Line ends at its end are lost."""
    if value.isprintable():
        return Quoted(_LOGGED.sub(r"\g<0>''", shlex.quote(value)))
    octets = _octets(value)
    written = (chr(one) if 0x20 <= one < 0x7F and one not in b"'\\%$#-" else f"\\{one:03o}" for one in octets)
    return Quoted(f"\"$(printf '{''.join(written)}')\"")


def workflow_shell(value: str) -> Quoted:
    """One word for a shell within a workflow: nothing in it is an expression to the service that runs it."""
    return Quoted(_EXPANDED.sub("$''", shell(value))) if value.isprintable() else shell(value)


def escaped(value: str) -> Quoted:
    """A string of Python, C# and YAML, in ASCII alone."""
    return Quoted(_LOGGED.sub(_numbered, f'"{"".join(map(_escape, value))}"'))


def powershell(value: str) -> Quoted:
    """A string of PowerShell; what is not printable is added by its number."""
    if value.isprintable() and not _LOGGED.search(value):
        return Quoted(_single_quoted(value))
    parts = ["''"]
    for printable, run in groupby(value, str.isprintable):
        text = "".join(run)
        parts += [_single_quoted(text)] if printable else [f"[char]{unit}" for unit in _utf16(text)]
    return Quoted(_LOGGED.sub(r"\g<0>' + '", f"({' + '.join(parts)})"))


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


def _single_quoted(text: str) -> str:
    doubled = _SINGLE_QUOTES.sub(r"\1\1", text)
    return f"'{doubled}'"


def _octets(text: str) -> bytes:
    """The bytes of a path as the system has it, or of half a character of a name."""
    try:
        return text.encode("utf-8", errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", errors="surrogatepass")


def _utf16(text: str) -> tuple[int, ...]:
    octets = text.encode("utf-16-le", errors="surrogatepass")
    return struct.unpack(f"<{len(octets) // 2}H", octets)
