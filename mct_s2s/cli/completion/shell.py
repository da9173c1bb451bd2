"""The shells: their names, their scripts, and how these call the program."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

VARIABLE = "_MCT_S2S_COMPLETE"
WORDS = "_MCT_S2S_WORDS"
"""The words as JSON, from PowerShell, which passes no empty argument."""


class Shell(StrEnum):
    """The shells that there is a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"


def script(shell: Shell) -> str:
    """What a shell reads once so that it completes from then on."""
    return (Path(__file__).parent / "scripts" / f"mct-s2s.{shell}").read_text(encoding="utf-8")
