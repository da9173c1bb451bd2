"""The options of `mct-s2s completion`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mct_s2s.cli.binding import argument
from mct_s2s.cli.completion.shell import Shell

EXAMPLES = (
    'eval "$(mct-s2s completion bash)"         # in ~/.bashrc',
    'eval "$(mct-s2s completion zsh)"          # in ~/.zshrc, after compinit',
    "mct-s2s completion fish > ~/.config/fish/completions/mct-s2s.fish",
    "mct-s2s completion powershell | Out-String | Invoke-Expression  # in $PROFILE",
)


@dataclass(kw_only=True)
class CompletionOptions:
    """Options of `completion`."""

    shell: Annotated[Shell, argument("SHELL", "The shell that reads the script.")]
