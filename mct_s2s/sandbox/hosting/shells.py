"""How each shell spells an environment variable: set, removed, read; and how it runs lines that a command prints."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path


class Shell(StrEnum):
    """A shell, or a family that agrees on all of this: what `bash` stands for, any POSIX shell reads."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"
    CMD = "cmd"


_POSIX = (Shell.BASH, Shell.ZSH)
_PROGRAMS = {"zsh": Shell.ZSH, "fish": Shell.FISH, "pwsh": Shell.POWERSHELL}
_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")
"""PowerShell takes each of these for a single quote. Source: about_Quoting_Rules; CharTraits.cs, IsSingleQuote."""


def of_user(environ: Mapping[str, str] = os.environ) -> Shell:
    """Return the shell that a user most likely types into: their login shell, PowerShell on Windows."""
    if os.name == "nt":
        return Shell.POWERSHELL
    return _PROGRAMS.get(Path(environ.get("SHELL", "")).name, Shell.BASH)


def setting(shell: Shell, name: str, value: str) -> str:
    """Return the line that sets a variable for this shell and the programs it starts.

    Raises:
        ValueError: this shell has no spelling for the value.
    """
    if shell is Shell.FISH:
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"set -gx {name} '{escaped}'"
    if shell is Shell.POWERSHELL:
        return f"$env:{name} = '{_QUOTES.sub(lambda quote: quote[0] * 2, value)}'"
    if shell is Shell.CMD:
        # `for /f` has read the line before `set` sees it: a percent sign is a character like any other there.
        if re.search(r'["\r\n]', value):
            raise ValueError(f"cmd cannot set {name} to a value with a quotation mark or a line break. Use PowerShell.")
        return f'set "{name}={value}"'
    return f"export {name}={shlex.quote(value)}"


def removal(shell: Shell, name: str) -> str:
    """Return the line that removes a variable, and does nothing where there is none."""
    if shell is Shell.FISH:
        return f"set -e {name}"
    if shell is Shell.POWERSHELL:
        return f"Remove-Item Env:{name} -ErrorAction Ignore"
    if shell is Shell.CMD:
        return f'set "{name}="'
    return f"unset {name}"


def reading(shell: Shell, name: str) -> str:
    """Return what stands for a variable's value among the arguments of a command."""
    if shell is Shell.POWERSHELL:
        return f"$env:{name}"
    return f"%{name}%" if shell is Shell.CMD else f'"${name}"'


def running(shell: Shell, command: str, variables: Mapping[str, str]) -> list[str]:
    """Return what to type so that the shell runs the lines which `mct-s2s sandbox env …` prints.

    Args:
        shell: the shell; it is added to the command where lines for bash are not for it.
        command: the command, without a shell.
        variables: what the command itself needs in its environment.
    """
    if shell in _POSIX:
        needs = "".join(f"{name}={shlex.quote(value)} " for name, value in variables.items())
        return [f'eval "$({needs}{command})"']
    lines = [setting(shell, name, value) for name, value in variables.items()]
    command = f"{command} --shell {shell.value}"
    if shell is Shell.CMD:
        return [*lines, f"for /f \"delims=\" %i in ('{command}') do @%i"]
    return [*lines, f"{command} | {'source' if shell is Shell.FISH else 'Out-String | Invoke-Expression'}"]
